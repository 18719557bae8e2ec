"""Reads learning curves: names what it sees, with the numbers that it saw."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cnnlab.data.arguments import number, whole
from cnnlab.errors import InputError
from cnnlab.training.epoch import GIVE_UP_AT, Diverged

ADVICE = {
    "diverged": "lower the rate by a factor of ten, or begin with a warm-up.",
    "rate too high": "lower the rate by a factor of three to ten, or let it fall; a larger batch helps, too.",
    "rate too low": "raise it by a factor of three to ten; if nothing moves at all, weaken the penalty.",
    "overfitting": "more data or augmentation, stronger regularization, or stop earlier.",
    "underfitting": "more layers or channels, or weaker regularization.",
    "fine": "compare with other settings over several seeds.",
}
# Rules of thumb, each a share; the tests hold them against real runs of every kind.
BACK_AND_FORTH = 0.2  # of the training loss's falls is undone by rises: the steps are too long
STILL_FALLING = 0.6  # in the last third, the falls per epoch against those of the whole run: not finished
FLAT = 0.1  # of the loss of guessing is all that was gained: nothing has been learnt
LEVEL = 0.05  # of the loss of guessing: a training loss below it has arrived, whatever it does there
GAP = 0.05  # accuracy: training minus validation
RISEN = 0.1  # validation loss above its lowest value, as a share of it


@dataclass(frozen=True)
class Reading:
    """What a curve shows: `name` is a key of `ADVICE`; `evidence` has the numbers; `advice` what to try."""

    name: str
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}. Try: {self.advice}"


def read_curves(history: pd.DataFrame | Diverged, *, classes: int = 10, target: float = 0.9) -> Reading:
    """Name what the curves of one run show: a key of `ADVICE`.

    The first that applies, in this order. Curves show symptoms, and some causes look alike: a penalty that is
    too strong holds the loss at ln K just as a rate does that is too low.

    Args:
        history: the table that `fit` returned, at least 5 epochs, or the `Diverged` that it raised.
        classes: K; ln K is the loss of guessing.
        target: the training accuracy that would be enough, from 0 to 1; below it a finished run underfits.
    """
    if isinstance(history, Diverged):
        return _reading("diverged", str(history).split(";")[0])
    train, validation = (_part(history, name) for name in ("train", "validation"))
    guess = math.log(whole("classes", classes, 2))
    target = number("target", target, 0, 1)
    loss, other = train["loss"].to_numpy(), validation["loss"].to_numpy()
    if not (np.isfinite(loss).all() and np.isfinite(other).all()) or loss[-1] > GIVE_UP_AT * guess:
        return _reading("diverged", f"the training loss ends at {loss[-1]:.3g}; ln {classes} is {guess:.3g}")
    if len(loss) < 5:
        raise InputError(f"the history has {len(loss)} epochs; a reading needs at least 5.")
    steps = np.diff(loss)
    falls, rises = -steps[steps < 0].sum(), steps[steps > 0].sum()
    undone = rises / falls if falls else math.inf
    if loss.min() > LEVEL * guess and rises > LEVEL / 10 * guess and undone > BACK_AND_FORTH:
        return _reading(
            "rate too high",
            f"the training loss rises in {int((steps > 0).sum())} of {len(steps)} epochs, which undoes "
            f"{100 * min(undone, 9.99):.0f} % of its falls, and is {loss[-1]:.3g} at the end",
        )
    pace = _pace(loss)
    gained = (guess - loss[-1]) / guess
    accuracy = float(train["accuracy"].iloc[-1])
    gap = accuracy - float(validation["accuracy"].iloc[-1])
    risen = float(other[-1] / other.min() - 1)
    # Before the rate: a validation loss that climbs says more than a training loss that still falls.
    if gained > FLAT and gap > GAP and (risen > RISEN or (gap > 2 * GAP and accuracy >= target)):
        return _reading(
            "overfitting",
            f"training accuracy {100 * accuracy:.1f} %, validation {100 * (accuracy - gap):.1f} %; the "
            f"validation loss is {100 * risen:.0f} % above its lowest, of epoch {int(other.argmin()) + 1}",
        )
    slow = pace > STILL_FALLING and loss[-1] > 0.25 * guess
    if (gained < FLAT or slow) and accuracy < target:
        return _reading(
            "rate too low",
            f"after {len(loss)} epochs the training loss is {loss[-1]:.4f}, where guessing gives "
            f"ln {classes} = {guess:.4f}; in the last third it falls at {pace:.2f} times its mean pace",
        )
    if accuracy < target:
        return _reading(
            "underfitting",
            f"training accuracy {100 * accuracy:.1f} % where {100 * target:.0f} % was wanted, and the loss "
            f"falls in the last third at {pace:.2f} times its mean pace; the gap is {100 * gap:.1f} points",
        )
    return _reading(
        "fine",
        f"training accuracy {100 * accuracy:.1f} %, gap {100 * gap:.1f} points, the validation loss "
        f"{100 * risen:.0f} % above its lowest",
    )


def _reading(name: str, evidence: str) -> Reading:
    return Reading(name, evidence, ADVICE[name])


def _pace(loss: NDArray[np.float64]) -> float:
    """The fall per epoch in the last third, as a multiple of that over the whole run."""
    last = max(1, len(loss) // 3)
    whole_run = (loss[0] - loss[-1]) / (len(loss) - 1)
    return float((loss[-1 - last] - loss[-1]) / last / whole_run) if whole_run > 0 else 0.0


def _part(history: pd.DataFrame, split: str) -> pd.DataFrame:
    if not {"epoch", "split", "loss", "accuracy"} <= set(history.columns):
        raise InputError("the history needs the columns epoch, split, loss, accuracy, as fit returns them.")
    if "seed" in history and history["seed"].nunique() > 1:
        raise InputError("the history has several seeds; give the rows of one run.")
    rows = history[history["split"] == split].sort_values("epoch")
    if rows.empty:
        raise InputError(f"the history has no rows of the split {split!r}.")
    return rows
