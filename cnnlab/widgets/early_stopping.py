"""When training stops on a noisy validation curve."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class EarlyStopping(PageWidget):
    """Stop training on a noisy validation curve and see what the kept epoch loses against the true minimum.

    Args:
        noise: the standard deviation of the validation loss's noise, in [0, 0.2].
        patience: epochs in a row without improvement after which training stops, 1 to 50.
        smoothing: the weight of the past in the moving average that is watched, in [0, 0.95].
        min_delta: how much smaller than the best a loss must be to count, in [0, 0.05].
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Stop training on a noisy validation curve and see what that loses"
    noise = traitlets.Float(0.05, min=0.0, max=0.2).tag(sync=True)
    patience = traitlets.Int(10, min=1, max=50).tag(sync=True)
    smoothing = traitlets.Float(0.0, min=0.0, max=0.95).tag(sync=True)
    min_delta = traitlets.Float(0.0, min=0.0, max=0.05).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
