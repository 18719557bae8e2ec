"""Early stopping against sequences worked out by hand."""

import pytest
import torch
from torch import nn
from toy import VALIDATION, network, run

from cnnlab.errors import InputError
from cnnlab.training import EarlyStopping, Epoch, evaluate


def watch(stopping: EarlyStopping, values: list[float]) -> nn.Module:
    """Goes through the values as validation loss and accuracy; the model's weight is the epoch's number."""
    model = nn.Linear(1, 1, bias=False)
    for epoch, value in enumerate(values, 1):
        nn.init.constant_(model.weight, epoch)
        state = Epoch(
            epoch=epoch,
            epochs=len(values),
            model=model,
            rate=0.1,
            history=[],
            train_loss=0.0,
            train_accuracy=1.0,
            validation_loss=value,
            validation_accuracy=value,
        )
        if stopping(state):
            assert stopping.stopped_epoch == epoch
            return model
    assert stopping.stopped_epoch is None
    return model


LOSSES = [1.0, 0.8, 0.9, 0.7, 0.75, 0.71, 0.72, 0.5]


@pytest.mark.parametrize(
    ("patience", "best", "stopped"),
    [(1, 2, 3), (2, 4, 6), (3, 4, 7), (4, 8, None)],
)
def test_by_hand(patience: int, best: int, stopped: int | None) -> None:
    stopping = EarlyStopping(patience)
    model = watch(stopping, LOSSES)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (best, stopped)
    assert model.weight.item() == best  # restored when stopped; the last epoch is the best otherwise


def test_smoothing_by_hand() -> None:
    # smoothed with ½: 1, 0.9, 0.9, 0.8, 0.775, 0.7425, 0.73125, …: better every time but once
    stopping = EarlyStopping(1, smoothing=0.5)
    watch(stopping, LOSSES)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (2, 3)
    stopping = EarlyStopping(2, smoothing=0.5)
    watch(stopping, LOSSES)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (8, None)
    assert stopping.smoothed == pytest.approx(0.615625)


def test_min_delta_by_hand() -> None:
    stopping = EarlyStopping(2, min_delta=0.25)
    watch(stopping, LOSSES)  # 0.8 is not 0.25 better than 1
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


def test_accuracy_is_better_when_higher() -> None:
    stopping = EarlyStopping(2, metric="accuracy")
    model = watch(stopping, [0.5, 0.7, 0.7, 0.6, 0.9])  # a tie is no improvement
    assert (stopping.best_epoch, stopping.stopped_epoch, model.weight.item()) == (2, 4, 2)


def test_without_restoring_the_last_weights_stay() -> None:
    stopping = EarlyStopping(1, restore=False)
    assert watch(stopping, LOSSES).weight.item() == 3


def test_it_starts_afresh_with_each_training() -> None:
    stopping = EarlyStopping(2)
    watch(stopping, LOSSES)
    watch(stopping, [9.0, 9.5, 9.6])
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 3)


def test_in_the_loop() -> None:
    model, stopping = network(), EarlyStopping(3, metric="loss")
    history = run(model, epochs=200, after_epoch=[stopping])
    losses = history[history["split"] == "validation"].set_index("epoch")["loss"]
    assert losses.index[-1] == stopping.stopped_epoch == stopping.best_epoch + 3 < 200
    assert losses.idxmin() == stopping.best_epoch
    assert evaluate(model, VALIDATION)[0] == losses.min()


def test_the_best_weights_come_back_at_the_last_epoch_too() -> None:
    worse = [lambda state: torch.nn.init.zeros_(state.model[1].weight) is None]
    model, stopping = network(), EarlyStopping(100)
    history = run(model, epochs=4, after_epoch=[stopping, *worse])
    losses = history[history["split"] == "validation"].set_index("epoch")["loss"]
    assert stopping.stopped_epoch is None
    assert evaluate(model, VALIDATION)[0] == losses.min() == losses[stopping.best_epoch]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience is 0; it must be a whole number of at least 1"),
        ({"patience": 1, "metric": "f1"}, "unknown metric 'f1'.*accuracy, loss"),
        (
            {"patience": 1, "smoothing": 1.0},
            r"smoothing is 1\.0; it must be a number of at least 0 and below 1",
        ),
        ({"patience": 1, "min_delta": -0.1}, r"min_delta is -0\.1"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EarlyStopping(**options)
