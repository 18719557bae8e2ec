"""The loss of a linear model on raw and on standardised inputs, and gradient descent on both."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class LossSurface(PageWidget):
    """Change two inputs' mean, spread and correlation; watch the loss surface and gradient descent.

    The loss is the mean of ½ (w·x − w*·x)² with w* = (1, 1), so its curvature is E[x xᵀ]. The first input has
    the standard deviation 1, both have the same mean. Standardised, the curvature is the correlation matrix.

    Args:
        mean: of both inputs, in [0, 5].
        spread: standard deviation of the second input, in [0.2, 5].
        correlation: of the two, in [−0.95, 0.95].
        rate: the learning rate as a share of the one beyond which descent diverges, 2/λ_max, in [0.05, 1.1].
        steps: how many are drawn, 1 to 100.
    """

    _esm = script(__file__)

    label = "Compare gradient descent on raw and on standardised inputs"
    mean = traitlets.Float(2.0, min=0.0, max=5.0).tag(sync=True)
    spread = traitlets.Float(2.0, min=0.2, max=5.0).tag(sync=True)
    correlation = traitlets.Float(0.0, min=-0.95, max=0.95).tag(sync=True)
    rate = traitlets.Float(0.5, min=0.05, max=1.1).tag(sync=True)
    steps = traitlets.Int(20, min=1, max=100).tag(sync=True)
