"""The distribution of a batch before and after batch normalization."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class BatchNormDistribution(PageWidget):
    """Shift and scale a batch of one channel's activations and watch batch normalization undo it.

    As in PyTorch, the biased variance normalises and the unbiased one enters the running statistics, which
    start at 0 and 1 and move with momentum 0.1 on each new batch in training.

    Args:
        shift, scale: mean and standard deviation of the input, in [−5, 5] and [0.1, 3].
        batch_size: m, 2 to 256.
        gamma, beta: in [0, 3] and [−3, 3].
        epsilon: added to the variance under the root, in [0, 1].
        training: whether the batch's statistics normalise it, or the running ones.
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Compare a batch of activations before and after batch normalization"
    shift = traitlets.Float(3.0, min=-5.0, max=5.0).tag(sync=True)
    scale = traitlets.Float(2.0, min=0.1, max=3.0).tag(sync=True)
    batch_size = traitlets.Int(64, min=2, max=256).tag(sync=True)
    gamma = traitlets.Float(1.0, min=0.0, max=3.0).tag(sync=True)
    beta = traitlets.Float(0.0, min=-3.0, max=3.0).tag(sync=True)
    epsilon = traitlets.Float(1e-5, min=0.0, max=1.0).tag(sync=True)
    training = traitlets.Bool(True).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
