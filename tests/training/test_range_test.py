"""The range test: a sweep by hand, real networks on either side of its suggestion, everything put back."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy import TRAIN, VALIDATION, network, run, same_weights

from cnnlab.data import Split, batches
from cnnlab.errors import InputError
from cnnlab.training import Diverged, RangeTest, lr_range_test

plain = partial(torch.optim.SGD, lr=123.0)  # the rate of its own does not count


def sweep(model: nn.Module, **options: object) -> RangeTest:
    return lr_range_test(model, TRAIN, **{"optimizer": plain, "batch_size": 16, "high": 1000.0} | options)


def test_the_sweep_is_that_of_a_loop_by_hand() -> None:
    model, by_hand = network(dropout=0.0), network(dropout=0.0)
    table = sweep(model, low=1e-3, high=1.0, steps=10, smoothing=0.8).table
    order, mean, step = torch.Generator().manual_seed(0), 0.0, 0
    for _ in range(3):
        for images, labels in batches(TRAIN, 16, shuffle=True, generator=order):
            step += 1
            if step > 10:
                break
            rate = 1e-3 * 1000 ** ((step - 1) / 9)
            loss = F.cross_entropy(by_hand(images), labels)
            mean = 0.8 * mean + 0.2 * loss.item()
            row = table.iloc[step - 1]
            expected = (step, rate, loss.item(), mean / (1 - 0.8**step))
            assert tuple(row[["step", "rate", "loss", "smoothed"]]) == pytest.approx(expected, rel=1e-5)
            with torch.no_grad():
                for weight, slope in zip(
                    by_hand.parameters(), torch.autograd.grad(loss, list(by_hand.parameters())), strict=True
                ):
                    weight -= rate * slope
    assert len(table) == 10


def test_it_stops_at_divergence_and_says_where() -> None:
    found = sweep(network(dropout=0.0))
    assert found.diverged is not None
    assert found.diverged == found.table["rate"].iloc[-1] < 1000
    last, lowest = found.table["smoothed"].iloc[-1], found.table["smoothed"].min()
    assert not math.isfinite(last) or last > 2 * lowest
    assert found.suggestion == pytest.approx(found.lowest / 10)
    assert f"{found.diverged:.2g}" in found.evidence
    assert f"{found.suggestion:.2g}" in found.evidence


def test_the_suggestion_trains_and_the_end_of_the_sweep_does_not() -> None:
    found = sweep(network(dropout=0.0))
    history = run(network(dropout=0.0), epochs=40, optimizer=partial(torch.optim.SGD, lr=found.suggestion))
    assert history["accuracy"].iloc[-1] > 0.9
    try:
        wild = run(network(dropout=0.0), epochs=40, optimizer=partial(torch.optim.SGD, lr=found.diverged))
    except Diverged:
        return
    assert wild["accuracy"].iloc[-1] < 0.5


def test_nothing_is_changed(device: str) -> None:
    model, before = network(norm="batch").to(device), network(norm="batch").to(device)
    model[1].eval()
    model[2].weight.grad = torch.ones_like(model[2].weight)
    state = torch.get_rng_state()
    first = sweep(model)
    assert same_weights(model, before)
    assert (model.training, model[1].training, model[2].training) == (True, False, True)
    assert model[2].weight.grad.eq(1).all()
    assert model[1].weight.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    assert sweep(model).table.equals(first.table)  # and the same again


def test_a_network_that_does_not_learn_gets_no_suggestion() -> None:
    model = network(dropout=0.0)
    nn.init.zeros_(model[-1].weight)
    for weight in model[:-1].parameters():
        nn.init.zeros_(weight)
    found = sweep(model, high=1.0)
    assert found.suggestion is None
    assert found.diverged is None
    assert "fell too little to suggest a rate" in found.evidence


def test_a_loss_that_is_not_finite_at_the_start_is_named() -> None:
    broken = Split(TRAIN.images / 0, TRAIN.labels)
    with pytest.raises(InputError, match="the loss is nan before the first step; look for values among"):
        lr_range_test(network(), broken)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 0}, "low is 0"),
        ({"low": 1, "high": 0.1}, "low must be below high"),
        ({"steps": 9}, "steps is 9"),
        ({"smoothing": 1}, "smoothing is 1"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sweep(network(), **options)


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(InputError, match="at least one image"):
        lr_range_test(network(), Split(VALIDATION.images[:0], VALIDATION.labels[:0]))
