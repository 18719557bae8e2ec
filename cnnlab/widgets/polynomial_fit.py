"""A polynomial fitted to noisy points, and what order, penalty and data do to it."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class PolynomialFit(PageWidget):
    """Fit a polynomial to points from a noisy sine and watch the coefficients and the two errors.

    It minimises mean (f(x) − t)² + λ Σ w_j² over j ≥ 1 by Householder QR. There are at least as many points
    as coefficients, so that the minimum is unique without a penalty, too.

    Args:
        order: the polynomial's order M, 0 to 9.
        ridge: the penalty λ, in [0, 10].
        noise: the noise's standard deviation, in [0, 1].
        points: the number of training points, 10 to 100.
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Fit a polynomial to points from a noisy sine and compare training and test error"
    order = traitlets.Int(9, min=0, max=9).tag(sync=True)
    ridge = traitlets.Float(0.0, min=0.0, max=10.0).tag(sync=True)
    noise = traitlets.Float(0.25, min=0.0, max=1.0).tag(sync=True)
    points = traitlets.Int(10, min=10, max=100).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
