"""The panel of the notebook: what it trains is what its code trains, and the notebook stays free."""

import ast
import time
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product

import pandas as pd
import pytest

from cnnlab.training import Epoch
from cnnlab.widgets import Choices, Cockpit
from cnnlab.widgets.choices import NETWORKS, OPTIMIZERS, SCHEDULES, code

SMALL = Choices(data="digits", train_size=60, epochs=6, batch_size=20)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def started(choices: Choices) -> Cockpit:
    cockpit = Cockpit(choices)
    cockpit.start.click()
    return cockpit


def ran(choices: Choices) -> Cockpit:
    cockpit = started(choices)
    cockpit.wait(60)
    return cockpit


def as_written(choices: Choices) -> pd.DataFrame:
    """What the code that the cockpit gives trains, in an empty namespace."""
    names: dict[str, object] = {}
    exec(code(choices), names)
    history = names["history"]
    assert isinstance(history, pd.DataFrame)
    return history


@pytest.mark.parametrize(
    "choices",
    [
        SMALL,
        replace(
            SMALL, model="cnn", norm="batch", dropout=0.2, optimizer="Adam", rate=0.01, schedule="cosine"
        ),
        replace(
            SMALL, model="residual", l2=0.01, label_smoothing=0.1, schedule="step", label_noise=0.2, seed=3
        ),
    ],
    ids=["plain", "cnn", "residual"],
)
def test_the_code_trains_what_the_cockpit_trains(choices: Choices) -> None:
    history = ran(choices).history
    written = as_written(choices)
    same = [column for column in written if column != "seconds"]
    pd.testing.assert_frame_equal(history[same], written[same], check_exact=True)


def test_every_choice_gives_code_that_runs() -> None:
    for model, optimizer, schedule in product(NETWORKS, OPTIMIZERS, SCHEDULES):
        chosen = replace(SMALL, model=model, optimizer=optimizer, schedule=schedule, rate=0.01)
        ast.parse(code(chosen))
    for schedule, optimizer in zip(SCHEDULES, [*OPTIMIZERS, "SGD", "Adam"], strict=True):
        assert len(as_written(replace(SMALL, epochs=3, schedule=schedule, optimizer=optimizer))) == 6


@pytest.mark.parametrize("name", [field.name for field in fields(Choices) if field.name != "data"])
def test_every_choice_changes_the_code(name: str) -> None:
    other = {
        "model": "cnn",
        "norm": "batch",
        "optimizer": "AdamW",
        "schedule": "step",
        "dropout": 0.3,
        "l2": 0.1,
        "label_smoothing": 0.1,
        "label_noise": 0.1,
        "rate": 0.3,
    }.get(name, 7)
    assert code(replace(SMALL, **{name: other})) != code(SMALL)


def test_pause_holds_and_resume_goes_on_to_the_same_end() -> None:
    cockpit = started(replace(SMALL, epochs=40))
    until(lambda: cockpit.history is not None and len(cockpit.history) >= 4)
    cockpit.pause.click()
    assert cockpit.pause.description == "Resume"
    until(lambda: "Paused" in cockpit.status.value)
    held = len(cockpit.history)
    time.sleep(0.3)
    assert len(cockpit.history) == held < 80
    cockpit.pause.click()
    cockpit.wait(60)
    same = [column for column in cockpit.history if column != "seconds"]
    pd.testing.assert_frame_equal(
        cockpit.history[same], as_written(replace(SMALL, epochs=40))[same], check_exact=True
    )
    assert not cockpit.start.disabled


def test_that_it_is_paused_is_said_after_the_epoch_that_was_being_done() -> None:
    cockpit = Cockpit(replace(SMALL, epochs=1000))
    look = cockpit._look

    def pressed_meanwhile(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            cockpit.pause.click()
        look(epoch)

    cockpit._look = pressed_meanwhile  # type: ignore[method-assign]
    cockpit.start.click()
    until(lambda: "Paused" in cockpit.status.value)
    assert cockpit.history is not None
    assert cockpit.history["epoch"].max() == 2
    cockpit.stop.click()
    cockpit.wait(30)


def test_stop_ends_a_long_run_and_another_can_begin() -> None:
    cockpit = started(replace(SMALL, epochs=1000))
    until(lambda: cockpit.history is not None and len(cockpit.history) >= 2)
    assert cockpit.start.disabled
    cockpit.stop.click()
    cockpit.wait(30)
    assert 2 <= len(cockpit.history) < 2000
    assert "Stopped" in cockpit.status.value
    cockpit.controls["epochs"].value = 2
    cockpit.start.click()
    cockpit.wait(60)
    assert len(cockpit.history) == 4


def test_a_paused_run_can_be_stopped() -> None:
    cockpit = started(replace(SMALL, epochs=1000))
    cockpit.pause.click()
    cockpit.stop.click()
    cockpit.wait(30)
    assert "Stopped" in cockpit.status.value
    assert cockpit.pause.disabled


def test_the_notebook_stays_free_while_it_trains() -> None:
    begun = time.monotonic()
    cockpit = started(replace(SMALL, epochs=1000))
    clicked = time.monotonic() - begun
    until(lambda: cockpit.history is not None and len(cockpit.history) >= 2)
    trained = time.monotonic() - begun
    assert clicked < trained
    assert cockpit.stop.disabled is False
    cockpit.stop.click()
    cockpit.wait(30)


def test_it_shows_curves_layers_and_verdicts() -> None:
    cockpit = ran(SMALL)
    assert "<svg role='img' aria-label='Learning curves." in cockpit.curves.value
    assert "share of zeros" in cockpit.layers.value
    assert len(cockpit.verdicts) >= 7
    assert "Sanity checks" in cockpit.checks.value
    assert "Finished" in cockpit.status.value


def test_a_run_that_diverges_says_so() -> None:
    cockpit = ran(replace(SMALL, rate=10.0, epochs=30))
    assert "Given up" in cockpit.status.value
    assert not cockpit.start.disabled


def test_data_that_cannot_be_had_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    cockpit = Cockpit(replace(SMALL, train_size=60000))
    cockpit.start.click()
    assert "Not started" in cockpit.status.value
    assert not cockpit.start.disabled


def test_every_control_has_a_name_and_the_code_is_shown() -> None:
    cockpit = Cockpit(SMALL)
    assert cockpit.choices == SMALL
    names = [control.description for control in cockpit.controls.values()]
    assert all(names)
    assert len(set(names)) == len(fields(Choices))
    cockpit.as_code.click()
    assert "history = fit(" in cockpit.code.value
