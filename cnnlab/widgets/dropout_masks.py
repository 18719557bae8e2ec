"""Dropout masks drawn one after another, and their running mean on its way to the input."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class DropoutMasks(PageWidget):
    """Draw masks for a vector of activations and watch the mean of the inverted-dropout outputs.

    Args:
        values: the activations, each in [0, 1].
        p: the probability of dropping, in [0, 0.9].
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Draw dropout masks and watch the mean of the outputs approach the input"
    values = traitlets.List(
        traitlets.Float(), default_value=[0.9, 0.35, 0.6, 0.15, 0.75, 0.5, 0.25, 0.45], minlen=1
    ).tag(sync=True)
    p = traitlets.Float(0.5, min=0.0, max=0.9).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
