"""Checkpoints: a killed run goes on to the same bits, and a file that does not belong here is refused."""

import os
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from toy import TRAIN, VALIDATION, blobs, network, run, same_weights

from cnnlab.errors import InputError
from cnnlab.training import EarlyStopping, Epoch, ExponentialAverage, Snapshots, StochasticWeightAverage, fit


class Killed(Exception):
    pass


def killer(epoch: int, step: int = 2) -> object:
    """For `after_step`: raises in the middle of an epoch (of four steps)."""
    steps = iter(range(1, 10_000))

    def kill(model: nn.Module) -> None:
        if next(steps) == 4 * (epoch - 1) + step:
            raise Killed

    return kill


def noisy(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return images + 0.1 * torch.randn(images.shape, generator=generator).to(images.device)


WAYS = {
    "plain": {},
    "adam": {"optimizer": partial(torch.optim.Adam, lr=0.01)},
    "cosine": {"schedule": partial(lr_scheduler.CosineAnnealingLR, T_max=6)},
    "plateau": {"schedule": partial(lr_scheduler.ReduceLROnPlateau, patience=0, threshold=1.0)},
    "steps": {"schedule": partial(lr_scheduler.MultiStepLR, milestones=[2, 4])},
    "one cycle": {"schedule": partial(lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=10)},
    "cyclic": {"schedule": partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=2)},
    "augmented": {"augment": noisy},
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS.keys())
def test_a_killed_run_goes_on_to_the_same_bits(
    options: dict[str, object], tmp_path: Path, device: str
) -> None:
    options = {"epochs": 6, "seed": 3, "device": device, **options}
    whole, halted, resumed = (network(norm="batch") for _ in range(3))
    expected = run(whole, **options)
    path = tmp_path / "new folder" / "run.pt"
    with pytest.raises(Killed):
        run(halted, checkpoint=path, after_step=[killer(epoch=4)], **options)
    torch.rand(5)  # another process has another random state
    history = run(resumed, checkpoint=path, **options)
    assert same_weights(whole, resumed)
    pd.testing.assert_frame_equal(history, expected, check_exact=True)
    assert os.listdir(path.parent) == ["run.pt"]


def test_a_checkpoint_changes_nothing(tmp_path: Path) -> None:
    with_one, without = network(), network()
    run(with_one, checkpoint=tmp_path / "run.pt")
    run(without)
    assert same_weights(with_one, without)


def test_a_finished_run_can_be_prolonged(tmp_path: Path) -> None:
    whole, short, long = network(), network(), network()
    run(whole, epochs=5)
    run(short, epochs=2, checkpoint=tmp_path / "run.pt")
    run(long, epochs=5, checkpoint=tmp_path / "run.pt")
    assert same_weights(whole, long)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, again = network(), network()
    history = run(first, checkpoint=tmp_path / "run.pt")
    steps: list[nn.Module] = []
    repeated = run(again, checkpoint=tmp_path / "run.pt", after_step=[steps.append])
    assert not steps
    assert same_weights(first, again)
    pd.testing.assert_frame_equal(history, repeated, check_exact=True)


def test_what_is_plugged_in_goes_on_too(tmp_path: Path) -> None:
    def plugs() -> tuple[list[object], list[object]]:
        return [ExponentialAverage(decay=0.9)], [
            EarlyStopping(2, smoothing=0.5, restore=False),
            StochasticWeightAverage(2),
            Snapshots(2),
        ]

    (average,), (stopping, mean, snapshots) = plugs()
    run(network(), epochs=6, after_step=[average], after_epoch=[stopping, mean, snapshots])
    path = tmp_path / "run.pt"
    (other,), others = plugs()

    def kill(state: Epoch) -> None:
        if state.epoch == 4:
            raise Killed

    with pytest.raises(Killed):
        run(network(), epochs=6, after_step=[other], after_epoch=[*others, kill], checkpoint=path)
    (other,), others = plugs()
    run(network(), epochs=6, after_step=[other], after_epoch=others, checkpoint=path)
    assert same_weights(average.averaged(TRAIN), other.averaged(TRAIN))
    assert same_weights(mean.averaged(TRAIN), others[1].averaged(TRAIN))
    assert (stopping.best_epoch, stopping.stopped_epoch) == (others[0].best_epoch, others[0].stopped_epoch)
    assert len(snapshots.models) == len(others[2].models) == 3
    assert all(map(same_weights, snapshots.models, others[2].models))


def test_a_run_that_stopped_early_stays_stopped(tmp_path: Path) -> None:
    options = {"epochs": 50, "checkpoint": tmp_path / "run.pt"}
    first, again = network(), network()
    history = run(first, after_epoch=[EarlyStopping(1, min_delta=10.0)], **options)
    assert history["epoch"].max() == 2
    stopping = EarlyStopping(1, min_delta=10.0)
    pd.testing.assert_frame_equal(run(again, after_epoch=[stopping], **options), history)
    assert same_weights(first, again)
    assert (stopping.best_epoch, stopping.stopped_epoch) == (1, 2)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None], ids=["empty", "text", "cut"])
def test_a_damaged_checkpoint_is_one_clear_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(network(), checkpoint=path)
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    with pytest.raises(
        InputError, match=r"run\.pt is damaged or is not a checkpoint.*delete it to start anew"
    ):
        run(network(), checkpoint=path)


def test_other_torch_files_and_code_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    torch.save(network().state_dict(), path)
    with pytest.raises(InputError, match=r"not a checkpoint of this course: KeyError"):
        run(network(), checkpoint=path)
    torch.save({"cnnlab checkpoint": 1, "settings": network()}, path)  # a pickled class: code to be executed
    with pytest.raises(InputError, match=r"not a checkpoint of this course: UnpicklingError"):
        run(network(), checkpoint=path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, r"different: seed \(0, here 1\);"),
        ({"batch_size": 15}, r"different: batch_size \(16, here 15\);"),
        (
            {"optimizer": partial(torch.optim.SGD, lr=0.1)},
            r"different: optimizer \(SGD.*0\.05.*here SGD.*0\.1",
        ),
        ({"mixed_precision": True}, r"different: mixed_precision \(False, here True\)"),
    ],
)
def test_another_runs_checkpoint_is_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    run(network(), checkpoint=tmp_path / "run.pt")
    with pytest.raises(InputError, match=message):
        run(network(), checkpoint=tmp_path / "run.pt", **options)


def test_another_model_or_other_data_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(network(), checkpoint=path)
    with pytest.raises(InputError, match=r"another run's checkpoint; different: model"):
        run(network(hidden=(17,)), checkpoint=path)
    others = {"epochs": 3, "batch_size": 16, "device": "cpu", "checkpoint": path}
    with pytest.raises(InputError, match=r"different: training examples"):
        fit(network(), blobs(60, seed=7), VALIDATION, **others)


def test_another_schedule_or_other_objects_with_a_state_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    run(network(), checkpoint=path)
    with pytest.raises(InputError, match=r"objects with a state \(, here ExponentialAverage\)"):
        run(network(), checkpoint=path, after_step=[ExponentialAverage()])
    with pytest.raises(InputError, match=r"schedule \(NoneType, here StepLR\)"):
        run(network(), checkpoint=path, schedule=partial(lr_scheduler.StepLR, step_size=2))


def test_a_kill_while_writing_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.pt"
    run(network(), epochs=2, checkpoint=path)
    before = path.read_bytes()

    def half(state: object, file: object) -> None:
        file.write(b"half")
        raise Killed

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(Killed):
        run(network(), epochs=3, checkpoint=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.pt"]
