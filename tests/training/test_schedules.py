"""Schedules by name against closed formulas and against PyTorch's own schedulers, in and out of the loop."""

import math
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from toy import TRAIN, blobs, network, run, same_weights

from cnnlab.errors import InputError
from cnnlab.experiments import fingerprint
from cnnlab.training import Epoch, Schedule, fit, schedule
from cnnlab.training.schedules import FORMULAS, KNOWN

EPOCHS = 12


def driven(make: object, epochs: int = EPOCHS, lr: float = 0.1) -> list[float]:
    """The rates that a scheduler of torch gives when it is stepped once per epoch."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    scheduler, rates = make(optimizer), []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


TORCH = {
    "constant": (schedule("constant"), partial(lr_scheduler.LambdaLR, lr_lambda=lambda t: 1.0)),
    "step": (schedule("step", every=5), partial(lr_scheduler.StepLR, step_size=5, gamma=0.1)),
    "milestones": (
        schedule("step", milestones=(3, 7), gamma=0.5),
        partial(lr_scheduler.MultiStepLR, milestones=[3, 7], gamma=0.5),
    ),
    "exponential": (
        schedule("exponential", decay=0.2),
        partial(lr_scheduler.ExponentialLR, gamma=math.exp(-0.2)),
    ),
    "root": (schedule("root", total=10), partial(lr_scheduler.PolynomialLR, total_iters=10, power=0.5)),
    "cosine": (
        schedule("cosine", total=EPOCHS, floor=0.1),
        partial(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS, eta_min=0.01),
    ),
    "restarts": (
        schedule("restarts", cycle=2, growth=2),
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=2, T_mult=2),
    ),
    "cyclic": (
        schedule("cyclic", period=6, low=0.1),
        partial(lr_scheduler.CyclicLR, base_lr=0.01, max_lr=0.1, step_size_up=3, cycle_momentum=False),
    ),
    "warmup": (
        schedule("warmup", length=4, start=0.2),
        partial(lr_scheduler.LinearLR, start_factor=0.2, total_iters=4),
    ),
    "stages": (
        schedule("stages", lengths=(4, 4, 4)),
        partial(lr_scheduler.MultiStepLR, milestones=[4, 8], gamma=0.1),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), TORCH.values(), ids=TORCH.keys())
def test_the_rates_are_those_of_torchs_own_scheduler(ours: Schedule, theirs: object) -> None:
    assert driven(ours) == pytest.approx(driven(theirs), abs=1e-15)
    assert ours.rates(0.1, EPOCHS) == pytest.approx(driven(theirs), abs=1e-15)


def test_one_over_t_by_hand() -> None:
    assert schedule("inverse").rates(0.1, 4) == pytest.approx([0.1, 0.05, 0.1 / 3, 0.025])
    assert schedule("inverse", decay=0.5).rates(1.0, 3) == pytest.approx([1, 1 / 1.5, 0.5])


def test_every_schedule_is_compared_with_something() -> None:
    assert {made.name for made, _ in TORCH.values()} | {"inverse", "plateau"} == set(KNOWN)


def test_a_warm_up_in_front_delays_what_follows_and_total_counts_it_in() -> None:
    # the published recipe by hand: linear from a tenth over 3 epochs, then half a cosine over the other 9
    expected = [0.1, 0.4, 0.7] + [0.5 * (1 + math.cos(math.pi * t / 9)) for t in range(9)]
    assert schedule("cosine", total=12, warmup=3).rates(1.0, 12) == pytest.approx(expected)
    assert schedule("step", every=2, warmup=2).rates(1.0, 5) == pytest.approx([0.1, 0.55, 1, 1, 0.1])


def test_past_its_end_a_schedule_stays_and_torchs_cosine_climbs_again() -> None:
    ours = schedule("cosine", total=10).rates(0.1, 21)
    assert ours[10:] == [0.0] * 11
    theirs = driven(partial(lr_scheduler.CosineAnnealingLR, T_max=10), epochs=21)
    assert theirs[20] == pytest.approx(0.1)
    assert schedule("root", total=10).rates(0.1, 12)[10:] == [0.0, 0.0]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_share_is_from_0_to_1_and_by_step_passes_through_the_same_points(name: str) -> None:
    options = {"total": EPOCHS} if name in ("root", "cosine") else {}
    made = schedule(name, **options)
    fine = made.rates(1.0, EPOCHS, steps=7)
    assert all(0 <= rate <= 1 for rate in fine)
    assert fine[::7] == made.rates(1.0, EPOCHS)


class Rates:
    """For `after_step`: finds the optimizer's rate at each step through the optimizer that it is given."""

    def __init__(self) -> None:
        self.optimizer: torch.optim.Optimizer | None = None
        self.epochs: list[float] = []
        self.steps: list[float] = []

    def __call__(self, parameters: object) -> torch.optim.Optimizer:
        self.optimizer = torch.optim.SGD(parameters, lr=0.1)
        self.optimizer.register_step_pre_hook(lambda o, *_: self.steps.append(o.param_groups[0]["lr"]))
        return self.optimizer


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in ("plateau", "stages")])
@pytest.mark.parametrize("by_step", [False, True])
def test_the_loop_uses_these_rates(name: str, by_step: bool) -> None:
    options = {"total": 5} if name in ("root", "cosine") else {}
    made, seen = schedule(name, by_step=by_step, **options), Rates()
    run(network(), epochs=5, optimizer=seen, schedule=made)  # four steps per epoch
    expected = made.rates(0.1, 5, 4) if by_step else [rate for rate in made.rates(0.1, 5) for _ in range(4)]
    assert seen.steps == expected


def test_a_last_batch_that_is_left_out_does_not_shift_the_rates() -> None:
    seen, made = Rates(), schedule("cosine", total=3, by_step=True)
    options = {"epochs": 3, "batch_size": 16, "device": "cpu", "optimizer": seen, "schedule": made}
    fit(network(norm="batch"), blobs(49, seed=2), TRAIN, **options)  # 49 = 3·16 + 1: three steps
    assert seen.steps == made.rates(0.1, 3, 3)


def test_plateau_is_torchs_on_the_validation_loss() -> None:
    def rates(how: object) -> list[float]:
        found: list[float] = []
        run(network(), epochs=8, schedule=how, after_epoch=[lambda state: found.append(state.rate)])
        return found

    ours = rates(schedule("plateau", gamma=0.5, patience=0, threshold=0.2))
    theirs = partial(lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=0, threshold=0.2)
    assert ours == rates(theirs)
    assert ours[-1] < ours[0]
    with pytest.raises(InputError, match="follow from the run"):
        schedule("plateau").rates(0.1, 3)


def stages(restart: str, epochs: int = 4) -> tuple[nn.Module, list[torch.Tensor], list[torch.Tensor]]:
    """A run of two stages of two epochs: the model, its weights after each step and before each step."""
    model, after, before = network(dropout=0.0), list[torch.Tensor](), list[torch.Tensor]()

    def optimizer(parameters: object) -> torch.optim.Optimizer:
        made = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        made.register_step_pre_hook(lambda *_: before.append(model[1].weight.detach().clone()))
        return made

    run(
        model,
        epochs=epochs,
        optimizer=optimizer,
        schedule=schedule("stages", lengths=(2, 2), restart=restart),
        after_step=[lambda model: after.append(model[1].weight.detach().clone())],
    )
    return model, after, before


def test_a_stage_starts_from_the_averaged_weights_of_the_one_before() -> None:
    _, after, before = stages("average")
    mean = torch.stack(after[:8]).mean(dim=0)  # two epochs of four steps
    torch.testing.assert_close(before[8], mean)
    assert not torch.equal(before[8], after[7])
    torch.testing.assert_close(before[4], after[3])  # inside a stage nothing is moved


def test_a_stage_starts_from_the_last_weights_of_the_one_before() -> None:
    _, after, before = stages("last")
    assert torch.equal(before[8], after[7])


def test_momentum_is_forgotten_at_an_averaged_restart() -> None:
    """The first step of a stage is the plain −rate·gradient; with the old momentum it would be longer."""
    lengths = {}
    for restart in ("average", "last"):
        _, after, before = stages(restart)
        lengths[restart] = (after[8] - before[8]).norm().item()
    assert lengths["average"] < 0.5 * lengths["last"]


def test_what_is_measured_last_is_what_the_run_returns() -> None:
    model, after, _ = stages("average")
    assert torch.equal(model[1].weight.detach(), after[-1])
    short, steps, _ = stages("average", epochs=2)  # the second stage would come next
    assert not torch.equal(short[1].weight.detach(), steps[-1])


RESUMED = {
    "cosine by step": schedule("cosine", total=6, warmup=1, by_step=True),
    "restarts by step": schedule("restarts", cycle=1.5, by_step=True),
    "cyclic": schedule("cyclic"),
    "plateau": schedule("plateau", patience=0, threshold=1.0),
    "stages": schedule("stages", lengths=(2, 3, 1), restart="average"),
}


class Killed(Exception):
    pass


@pytest.mark.parametrize("made", RESUMED.values(), ids=RESUMED.keys())
@pytest.mark.parametrize("at", [2, 4])
def test_a_killed_run_goes_on_to_the_same_bits(made: Schedule, at: int, tmp_path: Path, device: str) -> None:
    def kill(state: Epoch) -> None:
        if state.epoch == at + 1:
            raise Killed

    options = {"epochs": 6, "seed": 3, "device": device, "schedule": made, "checkpoint": tmp_path / "run.pt"}
    whole, resumed = network(), network()
    expected = run(whole, **{**options, "checkpoint": None})
    with pytest.raises(Killed):
        run(network(), after_epoch=[kill], **options)
    history = run(resumed, **options)
    assert same_weights(whole, resumed)
    pd.testing.assert_frame_equal(history, expected, check_exact=True)


def test_a_checkpoint_of_other_settings_is_another_runs(tmp_path: Path) -> None:
    options = {"checkpoint": tmp_path / "run.pt"}
    run(network(), schedule=schedule("cosine", total=3), **options)
    with pytest.raises(InputError, match=r"different: schedule \(cosine .*'total': 3.*'total': 4"):
        run(network(), schedule=schedule("cosine", total=4), **options)


def test_a_comparison_can_keep_its_runs() -> None:
    names = {fingerprint.content(schedule("cosine", total=total)) for total in (3, 4, 4)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, r"unknown schedule 'cosin'. Did you mean 'cosine'\? Known: constant, cosine, cyclic"),
        ("cosine", {}, r"the schedule 'cosine' needs total=, in epochs"),
        ("root", {"total": 0}, r"total is 0; it must be a number above 0"),
        ("cosine", {"total": 5, "floor": 1.5}, r"floor is 1.5; .* at least 0 and at most 1"),
        ("cosine", {"total": 5, "warmup": 5}, r"the warm-up must be shorter than the total"),
        ("cosine", {"total": float("nan")}, r"total is nan"),
        ("step", {"every": -1}, r"every is -1"),
        ("step", {"every": "5"}, r"every is '5'"),
        ("step", {"gama": 0.5}, r"unknown option of 'step' 'gama'. Did you mean 'gamma'"),
        ("step", {"gamma": 0}, r"gamma is 0; it must be a number above 0 and at most 1"),
        ("step", {"milestones": (5, 3)}, r"each must be greater"),
        ("step", {"milestones": 5}, r"must be a list of whole numbers of epochs"),
        ("restarts", {"growth": 0.5}, r"growth is 0.5; it must be a number at least 1"),
        ("warmup", {"start": 0}, r"start is 0; it must be a number above 0"),
        ("warmup", {"warmup": 2}, r"give its epochs as length="),
        ("constant", {"warmup": True}, r"warmup is True"),
        ("plateau", {"patience": -1}, r"patience is -1"),
        ("plateau", {"warmup": 2}, r"leave out warmup="),
        ("stages", {}, r"needs lengths="),
        ("stages", {"lengths": ()}, r"lengths is empty"),
        ("stages", {"lengths": (2, 0)}, r"each of lengths is 0"),
        ("stages", {"lengths": (2,), "restart": "mean"}, r"unknown restart 'mean'"),
        ("stages", {"lengths": (2,), "by_step": True}, r"leave out warmup= and by_step="),
    ],
)
def test_bad_settings_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        schedule(name, **options)
