"""Planted bugs: one thing is wrong, everything else is the same, and the checks say what is on record."""

import math

import pytest
import torch

from cnnlab.data import load
from cnnlab.errors import InputError
from cnnlab.training.diagnostics import BUGS, plant

DATA = load("digits", train_size=200)
CAUGHT_BY = {
    "dead layer": {"twenty examples by heart", "gradients arrive"},
    "detached": {"gradients arrive"},
    "plain list": {"gradients arrive"},
    "softmax twice": {"initial loss", "twenty examples by heart"},
    "ReLU on logits": {"twenty examples by heart"},
    "last layer too large": {"initial loss"},
    "dropout in evaluation": {"evaluation is deterministic"},
    "batch statistics": {"evaluation is deterministic"},
    "scrambled pixels": {"evaluation is deterministic", "holds for other images"},
    "shuffled labels": {"holds for other images"},
    "labels off by one": {"holds for other images"},
    "no zero_grad": {"twenty examples by heart"},
    "summed loss": {"initial loss"},
    "head forgotten": {"rate 0 changes nothing"},
}


@pytest.mark.parametrize("bug", BUGS)
def test_what_the_checks_say(bug: str) -> None:
    failed = {verdict.check for verdict in plant(bug, DATA).check() if verdict.passed is False}
    assert failed >= CAUGHT_BY.get(bug, set())
    if bug not in CAUGHT_BY:
        assert failed == set()


def test_only_the_bug_differs_and_nothing_outside_moves() -> None:
    state = torch.get_rng_state()
    sound, off = plant("none", DATA, seed=3), plant("labels off by one", DATA, seed=3)
    for one, other in zip(sound.model.parameters(), off.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(sound.train.images, off.train.images)
    assert torch.equal((sound.train.labels + 1) % 10, off.train.labels)
    accuracy = sound.trained(10)["validation"]
    assert accuracy == plant("none", DATA, seed=3).trained(10)["validation"] > 0.7
    assert math.isclose(off.trained(10)["validation"], 0, abs_tol=0.1)
    assert torch.equal(state, torch.get_rng_state())


def test_an_unknown_bug_is_refused() -> None:
    with pytest.raises(InputError, match="softmax"):
        plant("softmax", DATA)
