"""A small network trained in the page on points in the plane."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class Classify2D(PageWidget):
    """Train a 2–16–16–2 ReLU network on 80 points while the regularization's strengths change.

    SGD with momentum 0.9 and batches of 16. Flipped labels are in the training set only: the test set shows
    what learning them costs. λ is PyTorch's `weight_decay` (the penalty is λ/2 ΣW²), without the biases.

    Args:
        decay: λ, in [0, 1].
        p: the probability of dropping a hidden unit, in [0, 0.9].
        label_noise: the probability that a training label is flipped, in [0, 0.4].
        rate: the learning rate, in [0.001, 1].
        shape: "moons", "circles" or "spiral".
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Train a small network on points in the plane and watch its decision boundary"
    decay = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    p = traitlets.Float(0.0, min=0.0, max=0.9).tag(sync=True)
    label_noise = traitlets.Float(0.2, min=0.0, max=0.4).tag(sync=True)
    rate = traitlets.Float(0.03, min=0.001, max=1.0).tag(sync=True)
    shape = traitlets.Enum(["moons", "circles", "spiral"], default_value="moons").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
