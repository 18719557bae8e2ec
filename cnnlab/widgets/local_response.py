"""Local response normalization of a handful of channels."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class LocalResponse(PageWidget):
    """Edit the activations of the channels at one position and watch their local response normalization.

    Args:
        activations: one for each channel, in [0, 5] to suit the slider; the default is the worked example.
        channel: the selected one, counted from 1.
        n: the window, 1 to 9.
        k: in [0, 4].
        alpha: in [0, 10].
        beta: the exponent, in [0, 2].
        pytorch: divide α by n, over a window of n values, as `torch.nn.functional.local_response_norm` does.
    """

    _esm = script(__file__)

    label = "Edit channel activations and watch their local response normalization"
    activations = traitlets.List(
        traitlets.Float(min=0.0, max=5.0), default_value=[4.0, 3.0, 2.0, 1.0, 2.0, 0.0, 5.0], minlen=1
    ).tag(sync=True)
    channel = traitlets.Int(4, min=1).tag(sync=True)
    n = traitlets.Int(2, min=1, max=9).tag(sync=True)
    k = traitlets.Float(0.0, min=0.0, max=4.0).tag(sync=True)
    alpha = traitlets.Float(1.0, min=0.0, max=10.0).tag(sync=True)
    beta = traitlets.Float(1.0, min=0.0, max=2.0).tag(sync=True)
    pytorch = traitlets.Bool(False).tag(sync=True)
