"""Smoothed targets, and the gap between the logits that they ask for."""

from pathlib import Path

import traitlets

from cnnlab.widgets.page import PageWidget


class LabelSmoothing(PageWidget):
    """Smooth a target and see where the loss over the gap between the logits has its minimum.

    Args:
        classes: K, 2 to 20.
        epsilon: ε, in [0, 0.95].
        pytorch: spread ε over all K classes as PyTorch does, not over the K − 1 others.
    """

    _esm = Path(__file__).with_suffix(".js")

    label = "Smooth a target and watch the best gap between the logits"
    classes = traitlets.Int(5, min=2, max=20).tag(sync=True)
    epsilon = traitlets.Float(0.1, min=0.0, max=0.95).tag(sync=True)
    pytorch = traitlets.Bool(False).tag(sync=True)
