"""Smoothed targets, and the gap between the logits that they ask for."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class LabelSmoothing(PageWidget):
    """Smooth a target and see where the loss over the gap between the logits has its minimum.

    Args:
        classes: K, 2 to 20.
        epsilon: ε, in [0, 0.95].
        pytorch: spread ε over all K classes as PyTorch does, not over the K − 1 others.
    """

    _esm = script(__file__)

    label = "Smooth a target and watch the best gap between the logits"
    classes = traitlets.Int(5, min=2, max=20).tag(sync=True)
    epsilon = traitlets.Float(0.1, min=0.0, max=0.95).tag(sync=True)
    pytorch = traitlets.Bool(False).tag(sync=True)
