"""Learning-rate schedules, and what each does to descent on a noisy quadratic."""

import traitlets

from cnnlab.widgets.page import PageWidget, script

NAMES = ("constant", "step", "exponential", "inverse", "root", "cosine", "cyclic", "restarts")


class ScheduleExplorer(PageWidget):
    """Choose a schedule and watch the rate, and the loss of SGD on a quadratic whose gradients are noisy.

    The formulas are those of `cnnlab.training.schedule`. The quadratic has curvatures 1 and 0.05, so descent
    diverges for rates above 2.

    Args:
        schedule: one of `NAMES`.
        rate: the initial learning rate, in [0.02, 3].
        total: epochs that "root" and "cosine" are made for, 11 to 60; 30 are run.
        warmup: epochs of linear warm-up from a tenth of the rate, 0 to 10 of 30.
        period: epochs between steps, or of a cycle, 2 to 30.
        decay: of "exponential" and "inverse" per epoch, in [0, 1]; gamma of "step".
        seed: where the page's own random numbers start.
    """

    _esm = script(__file__)

    label = "Choose a learning-rate schedule and watch descent on a noisy quadratic"
    schedule = traitlets.Enum(NAMES, "cosine").tag(sync=True)
    rate = traitlets.Float(0.5, min=0.02, max=3.0).tag(sync=True)
    total = traitlets.Int(30, min=11, max=60).tag(sync=True)
    warmup = traitlets.Int(0, min=0, max=10).tag(sync=True)
    period = traitlets.Int(10, min=2, max=30).tag(sync=True)
    decay = traitlets.Float(0.1, min=0.0, max=1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
