"""Grid against random search where one of two hyperparameters hardly matters."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class GridRandom(PageWidget):
    """Try the same number of points on a grid and at random, one by one, and see what each has found.

    Args:
        side: values per axis of the grid, which has side² points, 2 to 7.
        tried: how many points of each have been tried, 0 to 49; at most side².
        unimportant: how much the second hyperparameter matters against the first, in [0, 1].
        peak: where the best value of the first one is, as a share of its range, in [0, 1].
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Try points on a grid and at random, where one axis hardly matters"
    side = traitlets.Int(4, min=2, max=7).tag(sync=True)
    tried = traitlets.Int(16, min=0, max=49).tag(sync=True)
    unimportant = traitlets.Float(0.05, min=0.0, max=1.0).tag(sync=True)
    peak = traitlets.Float(0.5, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
