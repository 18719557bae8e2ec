"""Early stopping, told from the validation losses of a whole training."""

import math
from collections.abc import Sequence

from cnnlab.reference.arguments import integer, real


def early_stopping(losses: Sequence[float], patience: int, min_delta: float = 0.0) -> tuple[int, int | None]:
    """Which epoch's weights to keep, and after which epoch training stops.

    An epoch is an improvement if its loss is below the best one so far by more than `min_delta`; the first
    epoch always is one. Training stops once `patience` epochs in a row brought none.

    Args:
        losses: one validation loss per epoch, finite, at least one.
        patience: at least 1.
        min_delta: at least 0.

    Returns:
        The epoch of the last improvement before the stop, and the epoch after which training stops, None if
        the losses end first. Epochs count from 1.

    Raises:
        ValueError: an argument out of range.

    Source: Prechelt 1998, "Early stopping, but when?"; counting as in `cnnlab.training.EarlyStopping`.
    """
    integer("the number of losses", len(losses), 1)
    patience = integer("patience", patience, 1)
    min_delta = real("min_delta", min_delta, 0.0, math.inf, "a finite number of at least 0")
    best, kept = math.inf, 0
    for epoch, value in enumerate(losses, start=1):
        loss = real(f"losses[{epoch - 1}]", value, -math.inf, math.inf, "a finite number")
        if loss < best - min_delta:
            best, kept = loss, epoch
        elif epoch - kept >= patience:
            return kept, epoch
    return kept, None
