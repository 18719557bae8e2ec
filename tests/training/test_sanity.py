"""Sanity checks: sound networks pass all, and each broken one fails the check that is there for it."""

import math
import re
from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toy import TRAIN, VALIDATION, network, same_weights

from cnnlab.data import Split, batches
from cnnlab.errors import InputError
from cnnlab.training import fit, l2, max_norm, sgd
from cnnlab.training.diagnostics import CHECKS, Verdict, sanity_checks
from cnnlab.training.evaluation import evaluate

quick = partial(sanity_checks, train=TRAIN, validation=VALIDATION, show=False)


def failed(verdicts: list[Verdict]) -> dict[str, Verdict]:
    assert [verdict.check for verdict in verdicts] == list(CHECKS)
    return {verdict.check: verdict for verdict in verdicts if verdict.passed is False}


@pytest.mark.parametrize(
    "options",
    [{}, {"norm": "batch"}, {"hidden": (8, 8), "dropout": 0.0}, {"activation": "tanh"}],
    ids=["dropout", "batch norm", "deeper", "tanh"],
)
def test_a_sound_network_passes(options: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    model, before = network(**options), network(**options)
    model[1].eval()
    state = torch.get_rng_state()
    verdicts = sanity_checks(model, TRAIN, VALIDATION, penalty=l2(1e-3))
    assert failed(verdicts) == {}
    assert all(verdict.passed for verdict in verdicts)
    assert capsys.readouterr().out.count("passed   ") == len(CHECKS)
    assert same_weights(model, before)  # only copies were trained
    assert torch.equal(torch.get_rng_state(), state)
    assert not model[1].training
    assert all(weight.grad is None for weight in model.parameters())


def test_the_initial_loss_is_that_of_guessing() -> None:
    first = quick(network())[0]
    assert first.values["expected"] == math.log(4)
    assert f"{math.log(4):.4f}" in first.evidence
    assert first.values["loss"] == pytest.approx(math.log(4), rel=0.15)


class Wrapped(nn.Module):
    """A sound network with something wrong around it."""

    def __init__(self, **options: object) -> None:
        super().__init__()
        self.inner = network(dropout=0.0, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class SoftmaxInside(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).softmax(dim=1)


class LoudLogits(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return 50 * self.inner(x)


class Detached(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.inner[3:](self.inner[:3](x).detach())


class AlwaysDrops(Wrapped):
    def forward(self, x: Tensor) -> Tensor:
        return self.inner[3:](F.dropout(self.inner[:3](x), 0.5))


class PlainList(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(4, 4)]

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.layers[0](x.flatten(1)).view_as(x))


class BatchStatistics(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.inner(x))


class OutsideTheState(Wrapped):
    """Normalises with a running mean that is a plain attribute, not a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.zeros(4)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return self.inner((x - self.mean).view(-1, 1, 2, 2))


class CountsInEvaluation(Wrapped):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        return self.inner(x)


def frozen() -> nn.Module:
    model = network(dropout=0.0)
    model[1].weight.requires_grad_(False)
    return model


def dead() -> nn.Module:
    model = network(dropout=0.0)
    nn.init.constant_(model[1].bias, -100.0)
    return model


def repeated() -> nn.Module:
    block = nn.Linear(4, 4)
    return nn.Sequential(nn.Flatten(), block, nn.ReLU(), block, nn.Linear(4, 4))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str, str]] = {
    "softmax inside": (SoftmaxInside, "initial loss", "leave the softmax out of the network"),
    "softmax, later": (SoftmaxInside, "twenty examples by heart", "softmax twice"),
    "loud logits": (LoudLogits, "initial loss", "standard deviation"),
    "too many outputs": (partial(network, classes=9), "initial loss", "one output per class"),
    "detached": (Detached, "gradients arrive", r"inner\.1\.weight, inner\.1\.bias"),
    "frozen": (frozen, "gradients arrive", r"no gradient is asked for: 1\.weight"),
    "frozen, later": (frozen, "rate 0 changes nothing", r"never changed: 1\.weight"),
    "dead": (dead, "gradients arrive", r"the gradient is 0: 1\.weight"),
    "plain list": (PlainList, "gradients arrive", r"in a plain list.*: layers"),
    "one layer twice": (repeated, "gradients arrive", "the same layer again: 3"),
    "drops always": (AlwaysDrops, "evaluation is deterministic", "dropout stays on"),
    "batch statistics": (BatchStatistics, "evaluation is deterministic", "depends on the other images"),
    "counts in evaluation": (CountsInEvaluation, "evaluation is deterministic", "evaluation changes seen"),
    "outside the state": (OutsideTheState, "checkpoint round trip", r"not in state_dict\(\)"),
}


@pytest.mark.parametrize(("make", "check", "words"), NETWORKS.values(), ids=NETWORKS.keys())
def test_a_broken_network_is_caught(make: Callable[[], nn.Module], check: str, words: str) -> None:
    torch.manual_seed(0)
    verdict = failed(quick(make()))[check]
    text = f"{verdict.evidence} {verdict.advice}"
    assert re.search(words, text), text


def own_loop(
    model: nn.Module, train: Split, validation: Split, *, epochs: int, batch_size: int, optimizer: object,
    loss: object, seed: int, device: object, progress: object, broken: str = "", penalty: object = None,
    after_step: object = (),
) -> pd.DataFrame:  # fmt: skip
    """A loop of one's own, with a bug when `broken` names one."""
    given = list(nn.Linear(1, 1).parameters()) if broken == "another model's weights" else model.parameters()
    stepper, order = optimizer(given), torch.Generator().manual_seed(seed)
    model.train()
    for _ in range(epochs):
        for images, labels in batches(train, batch_size, shuffle=True, generator=order):
            if broken == "labels in another order":
                labels = labels[torch.randperm(len(labels))]
            if broken != "gradients pile up":
                model.zero_grad()
            loss(model(images), labels).backward()
            if broken == "decay by hand":
                with torch.no_grad():
                    for weight in model.parameters():
                        weight *= 0.999
            if broken != "no step":
                stepper.step()
    return pd.DataFrame([dict(zip(("loss", "accuracy"), evaluate(model, train), strict=True))])


def test_a_sound_loop_of_ones_own_passes() -> None:
    assert failed(quick(network(), loop=own_loop)) == {}


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        ("labels in another order", "twenty examples by heart", "labels out of order"),
        ("no step", "rate 0 changes nothing", r"is step\(\) called"),
        ("no step", "twenty examples by heart", "a step that is left out"),
        ("another model's weights", "rate 0 changes nothing", "given to the optimizer"),
        ("decay by hand", "rate 0 changes nothing", "something other than the optimizer's step changes"),
    ],
)
def test_a_broken_loop_is_caught(broken: str, check: str, words: str) -> None:
    verdict = failed(quick(network(), loop=partial(own_loop, broken=broken)))[check]
    assert words.replace("\\", "") in verdict.advice


def test_a_limit_on_the_norm_is_a_change_at_rate_0() -> None:
    assert "rate 0 changes nothing" in failed(quick(network(), after_step=[max_norm(0.01)]))


ANOTHER = network()


def no_pull(model: nn.Module) -> Tensor:
    return sum(weight.detach().square().sum() for weight in model.parameters())


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        (no_pull, "without detach"),
        (l2(0.0), "above 0"),
        (lambda model: -l2(0.1)(model), "above 0"),
        (lambda model: l2(0.1)(ANOTHER), "the model it is given"),
    ],
    ids=["detached", "no strength", "wrong sign", "another model"],
)
def test_a_broken_penalty_is_caught(penalty: Callable[[nn.Module], Tensor], words: str) -> None:
    verdict = failed(quick(network(), penalty=penalty))["penalty raises the loss"]
    assert words in verdict.advice


def test_labels_that_belong_to_other_images_are_caught_by_other_images_only() -> None:
    """Twenty wrong labels can be learnt by heart; that nothing carries over gives them away."""
    order = torch.randperm(len(TRAIN), generator=torch.Generator().manual_seed(0))
    mixed = Split(TRAIN.images, TRAIN.labels[order])
    found = failed(sanity_checks(network(hidden=(64,)), mixed, VALIDATION, show=False))
    assert list(found) == ["holds for other images"]
    assert "labels belong to their images" in found["holds for other images"].advice


def test_a_summed_loss_is_caught() -> None:
    summed = partial(F.cross_entropy, reduction="sum")
    assert "the sum over the examples" in failed(quick(network(), loss=summed))["initial loss"].advice


def test_a_trained_network_is_not_at_its_start() -> None:
    model = network()
    fit(model, TRAIN, VALIDATION, epochs=20, device="cpu")
    assert "knows something already" in failed(quick(model))["initial loss"].advice


def test_what_is_frozen_on_purpose_is_no_failure() -> None:
    assert failed(quick(frozen(), frozen=["1.weight"])) == {}


def test_without_penalty_or_validation_nothing_is_claimed() -> None:
    verdicts = sanity_checks(network(), TRAIN, show=False)
    open_ones = [verdict.check for verdict in verdicts if verdict.passed is None]
    assert open_ones == ["penalty raises the loss", "holds for other images"]


def test_an_error_of_the_network_is_an_answer() -> None:
    found = failed(quick(nn.Sequential(nn.Flatten(), nn.Linear(5, 4))))
    assert "RuntimeError" in found["initial loss"].evidence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 3}, "classes is 3; it must be above every label; the labels reach from 0 to 3"),
        ({"classes": 1}, "classes is 1"),
        ({"train": Split(TRAIN.images[:0], TRAIN.labels[:0])}, "two training images"),
        ({"train": Split(TRAIN.images, TRAIN.labels - 1)}, "reach from -1 to 2"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sanity_checks(network(), **{"train": TRAIN, "show": False, "optimizer": sgd} | options)
