"""What is known at the end of an epoch, and the rule that says when training has gone wrong."""

import math
from dataclasses import dataclass
from typing import Any

from torch import nn

# Above this multiple of the loss before the first step a run is given up. A rule of thumb from lectures on
# training ("cost > 3 * original cost: break out early"), not a theorem: S1, S3; cs231n's lecture 6, 2016.
GIVE_UP_AT = 3.0
ADVICE = "try a lower learning rate, a warm-up or a weaker penalty."


class Diverged(RuntimeError):
    """The loss left the finite numbers or grew far beyond its start; `epoch` says when (counted from 1)."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message, epoch)  # both, so that the exception survives a trip between processes
        self.epoch = epoch

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Epoch:
    """What the functions in `after_epoch` of `cnnlab.training.fit` receive.

    Attributes:
        epoch: counted from 1, out of `epochs`.
        model: as it is now; changing it changes the training.
        rate: the learning rate at the start of this epoch (of the first parameter group).
        history: the rows so far, this epoch's included: epoch, split, loss, accuracy.
        train_loss, train_accuracy, validation_loss, validation_accuracy: measured in evaluation mode.
    """

    epoch: int
    epochs: int
    model: nn.Module
    rate: float
    history: list[dict[str, Any]]
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float

    @classmethod
    def of(
        cls,
        model: nn.Module,
        epoch: int,
        epochs: int,
        rate: float,
        history: list[dict[str, Any]],
        measured: list[tuple[float, float]],
    ) -> "Epoch":
        """From loss and accuracy on the training and on the validation split; the history is copied."""
        (train_loss, train_accuracy), (validation_loss, validation_accuracy) = measured
        return cls(
            epoch=epoch,
            epochs=epochs,
            model=model,
            rate=rate,
            history=[dict(row) for row in history],
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
        )


def refuse_infinite(value: float, which: str, epoch: int, step: int | None = None) -> None:
    """Raise `Diverged` unless `value` is finite."""
    if not math.isfinite(value):
        when = f"after epoch {epoch}" if step is None else f"at epoch {epoch}, step {step}"
        raise Diverged(f"the {which} loss became {value} {when}; {ADVICE}", epoch)


def refuse_growth(seen: float, measured: float, start: float, classes: int, epoch: int) -> None:
    """Raise `Diverged` when the training loss of an epoch is above `GIVE_UP_AT` times the initial one.

    Both views of the epoch must be: a few wild first steps spoil only the mean over the steps, and batch
    norm's averages, which lag behind at first, only the measurement in evaluation mode. A start below ln K,
    the loss of guessing, counts as ln K, so that a network that was good already may get worse again.

    Args:
        seen: mean over the epoch's steps, in training mode.
        measured: at the end of the epoch, in evaluation mode.
        start: the loss of the first batch before the first step.
        classes: K, the number of logits.
    """
    limit = GIVE_UP_AT * max(start, math.log(classes))
    if (grown := min(seen, measured)) > limit:
        raise Diverged(
            f"the training loss grew to {grown:.4g} in epoch {epoch}, beyond {GIVE_UP_AT:g} times the "
            f"{limit / GIVE_UP_AT:.4g} it started from; {ADVICE}",
            epoch,
        )
