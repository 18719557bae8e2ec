"""A family of real loss curves, one for each learning rate."""

from typing import Any

import traitlets

from cnnlab.errors import InputError
from cnnlab.widgets.page import PageWidget, script


class LearningRateExplorer(PageWidget):
    """Move the learning rate and see the loss curves of the run that used it, among those of the others.

    Args:
        runs: one entry per rate, at least two, the rates rising: {"rate": …, "train": [loss after each
            epoch], "validation": […], "end": how it diverged, or ""}.
        guess: the loss of guessing, ln K.
        chosen: position of the rate that is shown, from 0.

    Raises:
        InputError: `runs` are not such runs.
    """

    _esm = script(__file__)

    label = "Move the learning rate and compare real loss curves"
    runs = traitlets.List().tag(sync=True)
    guess = traitlets.Float(2.302585, min=0.0).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(self, runs: Any = None, **traits: Any) -> None:
        runs = EXAMPLE if runs is None else [dict(run) for run in runs]
        rates = [run.get("rate") for run in runs]
        if len(runs) < 2 or any(not rate for rate in rates) or sorted(rates) != rates:
            raise InputError(f"runs have the rates {rates}; give at least two runs whose rates rise.")
        for run in runs:
            if not {"train", "validation", "end"} <= set(run):
                raise InputError(f"a run has {sorted(run)}; it needs rate, train, validation and end.")
        if not 0 <= traits.get("chosen", 0) < len(runs):
            raise InputError(f"chosen is {traits['chosen']}; it must be from 0 to {len(runs) - 1}.")
        super().__init__(runs=runs, **traits)


# Gradient descent on ½θ² from θ = 2, so that the figure can be looked at before anything is trained.
EXAMPLE = [
    {"rate": rate, "train": losses, "validation": losses, "end": ""}
    for rate in (0.01, 0.1, 1.0)
    for losses in [[2 * (1 - rate) ** (2 * epoch) for epoch in range(1, 11)]]
]
