"""Penalties, decay and limits: what is equal to what, to float precision, and what is not."""

import pickle
from functools import partial

import pytest
import torch
from torch import nn
from toy import TRAIN, network, run

from cnnlab.errors import InputError
from cnnlab.models import build, initialise
from cnnlab.training import (
    decay_weights_only,
    elastic_net,
    fit,
    l1,
    l2,
    max_norm,
    parameter_groups,
    sgd,
    sparsity,
)

STRENGTH = 0.02
DOUBLE = torch.float64


def trained(optimizer: object = sgd, penalty: object = None) -> nn.Module:
    """In float64, where two ways that are equal in exact arithmetic agree to about 1e-15 per step."""
    model = network(dropout=0.0).to(DOUBLE)
    train = type(TRAIN)(TRAIN.images.to(DOUBLE), TRAIN.labels)
    fit(model, train, train, epochs=5, batch_size=16, device="cpu", optimizer=optimizer, penalty=penalty)
    return model


def distance(first: nn.Module, second: nn.Module) -> float:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weight_decay_is_the_l2_penalty_of_half_its_strength_for_sgd(momentum: float) -> None:
    base = partial(torch.optim.SGD, lr=0.05, momentum=momentum)
    decayed = trained(partial(base, weight_decay=STRENGTH))
    assert distance(decayed, trained(base, l2(STRENGTH / 2, biases=True))) < 1e-13
    assert distance(decayed, trained(base, l2(STRENGTH, biases=True))) > 1e-3  # λ instead of λ/2
    assert distance(decayed, trained(base)) > 1e-3


def test_the_update_is_the_formula() -> None:
    """W ← (1 − αλ)W − α ∂L/∂W."""
    layer = nn.Linear(3, 2, bias=False, dtype=DOUBLE)
    start, x = layer.weight.detach().clone(), torch.rand(4, 3, dtype=DOUBLE)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    (layer(x).square().sum() + l2(0.3 / 2)(layer)).backward()
    optimizer.step()
    again = start.clone().requires_grad_()
    (x @ again.T).square().sum().backward()
    torch.testing.assert_close(layer.weight.detach(), (1 - 0.1 * 0.3) * start - 0.1 * again.grad)


def test_weight_decay_is_not_the_l2_penalty_for_decoupled_adam() -> None:
    adam, adamw = partial(torch.optim.Adam, lr=0.01), partial(torch.optim.AdamW, lr=0.01)
    penalised = trained(adam, l2(STRENGTH / 2, biases=True))
    # Adam's own `weight_decay` is the penalty; AdamW's is the decay. They are different things.
    assert distance(penalised, trained(partial(adam, weight_decay=STRENGTH))) < 1e-6
    assert distance(penalised, trained(partial(adamw, weight_decay=STRENGTH))) > 1e-3


def test_values() -> None:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0], [0.0, 3.0]]))
        layer.bias.copy_(torch.tensor([10.0, -10.0]))
    assert l1(0.5)(layer).item() == 3.0
    assert l2(0.5)(layer).item() == 7.0
    assert elastic_net(0.5, 0.25)(layer).item() == 3.0 + 3.5
    assert l1(0.5, biases=True)(layer).item() == 13.0
    assert l2(0.5, biases=True)(layer).item() == 107.0
    assert l1(0.0)(layer).item() == 0.0


def test_norm_parameters_are_no_weights() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert l1(1.0)(model).item() == pytest.approx(model[0].weight.abs().sum().item())


def test_parameter_groups_leave_out_biases_and_norms() -> None:
    model = build("cnn", channels=(2,), hidden=3, norm="batch")
    decaying, free = parameter_groups(model, 1e-4)
    assert {id(value) for value in decaying["params"]} == {
        id(layer.weight) for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    }
    assert len(decaying["params"]) + len(free["params"]) == len(list(model.parameters()))
    assert (decaying["weight_decay"], free["weight_decay"]) == (1e-4, 0.0)


def test_decay_weights_only_is_the_l2_penalty_on_weights() -> None:
    plain = partial(torch.optim.SGD, lr=0.05)
    ours = trained(decay_weights_only(plain, STRENGTH))
    assert distance(ours, trained(plain, l2(STRENGTH / 2))) < 1e-13
    assert distance(ours, trained(partial(plain, weight_decay=STRENGTH))) > 1e-5  # biases decay there
    groups = decay_weights_only(sgd, STRENGTH)(network().parameters()).param_groups
    assert [group["weight_decay"] for group in groups] == [STRENGTH, 0.0]
    assert all(group["momentum"] == 0.9 for group in groups)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_max_norm_holds(model: str) -> None:
    limit, norms = 0.3, []
    small = {"mlp": {"inputs": 4, "hidden": (8,)}, "cnn": {"image_size": 2, "channels": (3,), "hidden": 4}}
    net = build(model, classes=4, **small[model])
    initialise(net, seed=0)
    before = [weight.detach().clone() for weight in net.parameters()]
    max_norm(limit)(net)
    for old, new in zip(before, net.parameters(), strict=True):
        if old.ndim == 1:
            assert torch.equal(old, new)
            continue
        for row, clamped in zip(old, new, strict=True):  # one unit each
            expected = row * min(1.0, limit / row.norm().item())
            torch.testing.assert_close(clamped.detach(), expected)

    def look(model: nn.Module) -> None:
        norms.extend(unit.norm().item() for w in model.parameters() if w.ndim > 1 for unit in w.detach())

    run(net, after_step=[max_norm(limit), look])
    assert max(norms) <= limit * (1 + 1e-5)
    assert max(norms) > 0.99 * limit


def test_sparsity() -> None:
    layer = nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 1e-4, -1e-2, 1.0]]))
        layer.bias.zero_()
    assert sparsity(layer, 1e-3) == 0.5
    assert sparsity(layer, 0.1) == 0.75


def test_l1_makes_more_small_weights_than_l2() -> None:
    options = {"epochs": 40, "optimizer": partial(torch.optim.SGD, lr=0.02)}
    thin, small = network(dropout=0.0), network(dropout=0.0)
    run(thin, penalty=l1(0.01), **options)
    run(small, penalty=l2(0.01), **options)
    assert sparsity(thin, 1e-2) > 2 * sparsity(small, 1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: l1(-1), r"l1_strength is -1; it must be a finite number of at least 0"),
        (lambda: l2(float("nan")), r"l2_strength is nan; it must be a finite number"),
        (lambda: elastic_net(0.1, -0.1), r"l2_strength is -0\.1"),
        (lambda: max_norm(0), r"limit is 0; it must be a number above 0"),
        (lambda: decay_weights_only(sgd, -1e-4), r"weight_decay is -0\.0001"),
        (lambda: parameter_groups(network(), "much"), r"weight_decay is 'much'"),
        (lambda: sparsity(network(), -1), r"threshold is -1"),
    ],
)
def test_bad_strengths_are_refused(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_they_travel_between_processes() -> None:
    layer = nn.Linear(3, 3)
    for plug in (l1(0.1), l2(0.1), elastic_net(0.1, 0.2)):
        assert pickle.loads(pickle.dumps(plug))(layer).item() == plug(layer).item()
    pickle.loads(pickle.dumps(max_norm(0.1)))(layer)
    assert layer.weight.norm(dim=1).max() <= 0.1 * (1 + 1e-5)
    pickle.loads(pickle.dumps(decay_weights_only(sgd, 0.1)))(layer.parameters())
