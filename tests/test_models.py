"""Networks: their knobs end up in the right place, and initial weights agree wherever layers do."""

import pytest
import torch
from torch import nn

from cnnlab.errors import InputError
from cnnlab.models import build, cnn, initialise, mlp


def kinds(model: nn.Module) -> list[str]:
    return [type(layer).__name__ for layer in model.children()]


def test_mlp_drops_after_each_hidden_relu_and_never_after_the_logits() -> None:
    hidden = ["Linear", "ReLU", "Dropout"]
    assert kinds(mlp(hidden=(8, 8), dropout=0.5)) == ["Flatten", *hidden, *hidden, "Linear"]
    assert mlp(hidden=(8,), dropout=0.3)[3].p == 0.3


def test_mlp_input_and_logit_dropout() -> None:
    model = mlp(hidden=(8,), input_dropout=0.1, logit_dropout=0.2)
    assert kinds(model) == ["Flatten", "Dropout", "Linear", "ReLU", "Linear", "Dropout"]
    assert (model[1].p, model[-1].p) == (0.1, 0.2)


@pytest.mark.parametrize(("whole", "kind"), [(False, "Dropout"), (True, "Dropout2d")])
def test_cnn_drops_after_pooling(whole: bool, kind: str) -> None:
    model = cnn(channels=(2, 3), conv_dropout=0.1, whole_channels=whole, dropout=0.5, hidden=4)
    stage = ["Conv2d", "ReLU", "MaxPool2d", kind]
    assert kinds(model) == [*stage, *stage, "Flatten", "Linear", "ReLU", "Dropout", "Linear"]


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (1, 8)])
def test_shapes(channels: int, size: int) -> None:
    x = torch.rand(2, channels, size, size)
    assert cnn(in_channels=channels, image_size=size, channels=(2, 3))(x).shape == (2, 10)
    assert mlp(inputs=channels * size * size, classes=7)(x).shape == (2, 7)


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown option of mlp 'droput'. Did you mean 'dropout'.*hidden"):
        build("mlp", droput=0.5)


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown model 'resnet'.*Known: cnn, mlp"):
        build("resnet")


def test_a_function_can_be_built_too() -> None:
    def tiny(width: int) -> nn.Module:
        return nn.Linear(4, width)

    assert build(tiny, width=3).out_features == 3
    with pytest.raises(InputError, match=r"unknown option of tiny 'depth'"):
        build(tiny, depth=3)
    assert build(lambda **options: nn.Linear(4, options["anything"]), anything=2).out_features == 2


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [value for value in model.parameters() if value.ndim > 1]


def test_initial_weights_agree_when_layers_are_inserted() -> None:
    plain, other = mlp(hidden=(8, 8), inputs=4), mlp(hidden=(8, 8), inputs=4, dropout=0.5, input_dropout=0.1)
    initialise(plain, seed=1)
    initialise(other, seed=1)
    for a, b in zip(plain.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_initial_weights_agree_where_shapes_do() -> None:
    narrow, wide = cnn(channels=(4, 8), hidden=16), cnn(channels=(4, 8), hidden=32)
    initialise(narrow, seed=1)
    initialise(wide, seed=1)
    same = [a.shape == b.shape for a, b in zip(weights(narrow), weights(wide), strict=True)]
    assert same == [True, True, False, False]
    for a, b in zip(weights(narrow)[:2], weights(wide)[:2], strict=True):
        assert torch.equal(a, b)


def test_equal_layers_of_one_network_differ() -> None:
    model = mlp(inputs=8, hidden=(8, 8))
    initialise(model, seed=0)
    assert not torch.equal(model[1].weight, model[3].weight)


def test_the_seed_matters_and_the_global_state_does_not_change() -> None:
    first, second = mlp(inputs=4, hidden=(4,)), mlp(inputs=4, hidden=(4,))
    before = torch.get_rng_state()
    initialise(first, seed=0)
    initialise(second, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first[1].weight, second[1].weight)
