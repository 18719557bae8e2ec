"""Where the contours of a loss meet an L1 diamond and an L2 circle."""

import traitlets

from cnnlab.widgets.page import PageWidget, script


class PenaltyGeometry(PageWidget):
    """Move a quadratic loss and watch its optimum under an L1 and under an L2 penalty, in two dimensions.

    The loss is ½ (w − c)ᵀ A (w − c) with curvatures 1 and 0.2; the penalties are λ (|w₁| + |w₂|) and
    λ (w₁² + w₂²).

    Args:
        strength: λ, in [0, 2].
        tilt: the angle between the ellipse's long axis and the first axis, in degrees, in [0, 180].
        center_1, center_2: the minimum of the loss without a penalty, each in [−2.5, 2.5].
    """

    _esm = script(__file__)

    label = "Compare the optimum under an L1 and an L2 penalty as the loss and the strength change"
    strength = traitlets.Float(0.3, min=0.0, max=2.0).tag(sync=True)
    tilt = traitlets.Float(150.0, min=0.0, max=180.0).tag(sync=True)
    center_1 = traitlets.Float(0.6, min=-2.5, max=2.5).tag(sync=True)
    center_2 = traitlets.Float(1.8, min=-2.5, max=2.5).tag(sync=True)
