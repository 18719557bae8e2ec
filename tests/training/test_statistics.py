"""What is measured is what flows; looking changes nothing."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from toy import TRAIN, network

from cnnlab.models import build, initialise
from cnnlab.training import activation_statistics, activations, gradient_statistics, weight_statistics

IMAGES, LABELS = TRAIN.images, TRAIN.labels


def hooks(model: nn.Module) -> int:
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())


def test_activations_are_each_layers_outputs() -> None:
    model = network(dropout=0.0).eval()
    found = activations(model, IMAGES)
    assert list(found) == ["0", "1", "2", "3"]
    x = IMAGES
    for layer, output in zip(model, found.values(), strict=True):
        x = layer(x)
        assert torch.equal(x, output)
    assert list(activations(model, IMAGES, kinds=("ReLU",))) == ["2"]


def test_hooks_are_removed_even_after_a_failure() -> None:
    model = network()
    activations(model, IMAGES)
    assert hooks(model) == 0
    with pytest.raises(RuntimeError):
        activations(model, torch.rand(2, 1, 5, 5))
    assert hooks(model) == 0


@pytest.mark.parametrize("training", [True, False])
def test_looking_changes_nothing(training: bool) -> None:
    model = network(norm="batch").train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    activations(model, IMAGES)
    activation_statistics(model, IMAGES)
    gradient_statistics(model, IMAGES, LABELS)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training is training
    assert all(value.grad is None for value in model.parameters())


def test_the_models_mode_counts() -> None:
    model = network(norm="batch").train()
    normalised = activations(model, IMAGES)["2"]
    torch.testing.assert_close(normalised.mean(dim=0), torch.zeros(16), atol=1e-5, rtol=0)
    assert activations(model.eval(), IMAGES)["2"].mean(dim=0).abs().max() > 0.01


def test_a_layer_that_changes_its_input_in_place_is_no_trap() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True))
    assert (activations(model, IMAGES.flatten(1))["0"] < 0).any()


def test_a_shared_layer_appears_as_often_as_it_is_used() -> None:
    model = build("residual", blocks=3, width=2, image_size=4, shared=True)
    names = [name for name in activations(model, torch.rand(2, 1, 4, 4)) if name.startswith("4.f.0")]
    assert names == ["4.f.0", "4.f.0 (2)", "4.f.0 (3)"]


def test_blocks_are_layers_too() -> None:
    model = build("residual", blocks=2, width=2, image_size=4)
    table = activation_statistics(model, torch.rand(2, 1, 4, 4), kinds=("Block",))
    assert list(table["layer"]) == ["4", "5"]


def test_statistics_by_hand() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    x = torch.tensor([[-5.0, 0.5, 3.0, 0.0]])
    table = activation_statistics(model, x).set_index("kind")
    assert list(table.columns) == ["layer", "mean", "std", "zero_share", "saturated_share"]
    assert table.loc["ReLU", "mean"] == pytest.approx(0.875)
    assert table.loc["ReLU", "std"] == pytest.approx(x.relu().std(correction=0).item())
    assert table.loc["ReLU", "zero_share"] == 0.5
    assert math.isnan(table.loc["ReLU", "saturated_share"])
    assert table.loc["Tanh", "saturated_share"] == 0.25  # tanh 3 = 0.995
    assert table.loc["Sigmoid", "saturated_share"] == 0.0
    saturated = activation_statistics(nn.Sequential(nn.Sigmoid()), torch.tensor([[-9.0, 9.0, 0.0, 4.0]]))
    assert saturated["saturated_share"].item() == 0.5


def test_small_weights_collapse_the_activations() -> None:
    stds = {}
    for scheme in ("small", "kaiming"):
        model = build("mlp", hidden=(64,) * 6)
        initialise(model, seed=0, scheme=scheme)
        stds[scheme] = activation_statistics(model, torch.rand(50, 1, 28, 28), kinds=("ReLU",))["std"]
    assert stds["small"].iloc[-1] < 1e-4 * stds["small"].iloc[0]
    assert 0.1 < stds["kaiming"].iloc[-1] / stds["kaiming"].iloc[0] < 10


def test_gradients_are_those_of_backward() -> None:
    model = network(dropout=0.0).eval()
    table = gradient_statistics(model, IMAGES, LABELS).set_index("parameter")
    F.cross_entropy(model(IMAGES), LABELS).backward()
    assert list(table.index) == ["1.weight", "1.bias", "3.weight", "3.bias"]
    for name, value in model.named_parameters():
        assert table.loc[name, "norm"] == pytest.approx(value.grad.norm().item(), rel=1e-5)
        assert table.loc[name, "ratio"] == pytest.approx(
            (value.grad.norm() / value.detach().norm()).item(), rel=1e-5
        )
        assert table.loc[name, "std"] == pytest.approx(value.grad.std(correction=0).item(), rel=1e-4)


def test_frozen_and_unused_parameters() -> None:
    model = network(dropout=0.0)
    model[1].weight.requires_grad_(False)
    model.register_parameter("unused", nn.Parameter(torch.ones(2)))
    table = gradient_statistics(model, IMAGES, LABELS).set_index("parameter")
    assert "1.weight" not in table.index
    assert table.loc["unused", "norm"] == 0.0


def test_weight_statistics() -> None:
    model = network()
    table = weight_statistics(model).set_index("parameter")
    row = table.loc["1.weight"]
    assert (row["kind"], row["shape"], row["count"]) == ("Linear", (16, 4), 64)
    assert row["std"] == pytest.approx(model[1].weight.std(correction=0).item(), rel=1e-5)
    assert row["norm"] == pytest.approx(model[1].weight.norm().item(), rel=1e-5)
