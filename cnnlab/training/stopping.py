"""Early stopping: end the training when the validation results have stopped improving."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from cnnlab.data.arguments import refused, whole
from cnnlab.errors import unknown
from cnnlab.training.epoch import Epoch

_START = {"best": math.inf, "best_epoch": 0, "stopped_epoch": None, "smoothed": None, "weights": None}
SIGN = {"loss": 1.0, "accuracy": -1.0}  # times the metric: lower is better


class EarlyStopping:
    """For `after_epoch`: stops once `patience` epochs have passed since the best one.

    Args:
        patience: how many epochs in a row may bring no improvement.
        metric: "loss" or "accuracy", on the validation split.
        smoothing: from 0 (the metric as it is) to below 1; each epoch counts for 1 − smoothing in an
            exponential average of the metric, which is what must improve.
        min_delta: how far the best value must be beaten to count as an improvement.
        restore: give the model its weights of the best epoch when training ends, stopped or not.

    Attributes:
        best_epoch: the epoch with the best (smoothed) value so far; 0 before the first.
        stopped_epoch: the epoch after which it stopped; None while it has not.

    The best epoch is chosen on the validation split, so the value there flatters it a little. One object
    serves one training at a time; it starts afresh with each training's first epoch.
    """

    def __init__(
        self,
        patience: int,
        *,
        metric: str = "loss",
        smoothing: float = 0.0,
        min_delta: float = 0.0,
        restore: bool = True,
    ) -> None:
        if metric not in SIGN:
            raise unknown("metric", metric, SIGN)
        if not 0 <= smoothing < 1:
            raise refused("smoothing", smoothing, "a number of at least 0 and below 1")
        if not min_delta >= 0:
            raise refused("min_delta", min_delta, "a number of at least 0")
        self.patience, self.metric = whole("patience", patience, 1), metric
        self.smoothing, self.min_delta, self.restore = smoothing, min_delta, restore
        self.best = math.inf
        self.best_epoch = 0
        self.stopped_epoch: int | None = None
        self.smoothed: float | None = None
        self.weights: dict[str, Any] | None = None

    def __call__(self, state: Epoch) -> bool:
        if state.epoch == 1:
            self.load_state_dict(_START)
        value = SIGN[self.metric] * float(getattr(state, f"validation_{self.metric}"))
        if self.smoothed is not None:
            value = self.smoothing * self.smoothed + (1 - self.smoothing) * value
        self.smoothed = value
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, state.epoch
            if self.restore:
                self.weights = copy.deepcopy(state.model.state_dict())
        if state.epoch - self.best_epoch < self.patience:
            return False
        self.stopped_epoch = state.epoch
        self.finish(state.model)
        return True

    def finish(self, model: nn.Module) -> None:
        """Put the best weights back, where wanted; `fit` calls this at the end of its last epoch."""
        if self.weights is not None:
            model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _START}

    def load_state_dict(self, state: Mapping[str, Any], model: nn.Module | None = None) -> None:
        self.__dict__.update(state)
