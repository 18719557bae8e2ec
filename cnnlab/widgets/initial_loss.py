"""The loss before the first step: number of classes, spread of the logits, penalty."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class InitialLoss(PageWidget):
    """The expected loss of an untrained network, sampled in the page from normal logits.

    Args:
        classes: K, 2 to 1000.
        spread: standard deviation of the logits, in [0, 10].
        strength: λ of the penalty λ/2·ΣW², in [0, 1e4].
        weight: standard deviation of the initial weights, in (0, 1].
        weights: how many weights there are; 154,100 in a 3072–50–10 network without biases.
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "The loss before the first step, for logits of any spread"
    classes = traitlets.Int(10, min=2, max=1000).tag(sync=True)
    spread = traitlets.Float(0.3, min=0.0, max=10.0).tag(sync=True)
    strength = traitlets.Float(0.0, min=0.0, max=1e4).tag(sync=True)
    weight = traitlets.Float(1e-4, min=1e-6, max=1.0).tag(sync=True)
    weights = traitlets.Int(154_100, min=1).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
