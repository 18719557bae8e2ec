"""Networks: their knobs end up in the right place, and initial weights agree wherever layers do."""

import copy

import pytest
import torch
from torch import nn

from cnnlab.errors import InputError
from cnnlab.models import ACTIVATIONS, MODELS, Maxout, build, cnn, initialise, mlp, plain, residual, two_layer


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
    with pytest.raises(
        InputError, match=r"unknown model 'resnet'.*Known: cnn, mlp, plain, residual, two_layer"
    ):
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


def count(model: nn.Module) -> int:
    return sum(value.numel() for value in model.parameters())


def test_two_layer_is_the_lectures_network() -> None:
    assert count(two_layer()) == 3072 * 50 + 50 + 50 * 10 + 10
    assert kinds(two_layer()) == ["Flatten", "Linear", "ReLU", "Linear"]
    assert build("two_layer", inputs=784, hidden=20, classes=3)(torch.rand(2, 1, 28, 28)).shape == (2, 3)


def test_where_norms_go() -> None:
    assert kinds(mlp(hidden=(4,), norm="batch", dropout=0.5))[1:5] == [
        "Linear",
        "BatchNorm1d",
        "ReLU",
        "Dropout",
    ]
    batch = kinds(cnn(channels=(2,), norm="batch"))
    assert batch[:4] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    assert batch[4:] == ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    local = kinds(cnn(channels=(2,), norm="local_response"))
    assert local[:4] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"]
    assert local[4:] == ["Flatten", "Linear", "ReLU", "Linear"]


def test_local_response_norm_has_alexnets_constants() -> None:
    """PyTorch divides α by the window; the course's formula does not."""
    layer = cnn(channels=(8,), norm="local_response")[2]
    x = torch.rand(1, 8, 1, 1)
    padded = torch.nn.functional.pad(x.flatten().square(), (2, 2))
    sums = padded.unfold(0, 5, 1).sum(dim=1)
    torch.testing.assert_close(layer(x).flatten(), x.flatten() / (2 + 1e-4 * sums) ** 0.75)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", MODELS)
def test_every_network_with_every_activation(name: str, activation: str) -> None:
    small = {
        "mlp": {"inputs": 64, "hidden": (6,)},
        "two_layer": {"inputs": 64, "hidden": 6},
        "cnn": {"image_size": 8, "channels": (3, 4), "hidden": 6},
        "plain": {"depth": 2, "width": 3, "image_size": 8},
        "residual": {"blocks": 2, "width": 3, "image_size": 8},
    }
    norms = {"two_layer": [{}], "mlp": [{"norm": "none"}, {"norm": "batch"}]}
    every = [{"norm": "none"}, {"norm": "batch"}, {"norm": "local_response"}]
    for norm in norms.get(name, every):
        model = build(name, activation=activation, **small[name], **norm)
        initialise(model, seed=0)
        logits = model(torch.rand(3, 1, 8, 8))
        logits.sum().backward()
        assert logits.shape == (3, 10)
        assert logits.isfinite().all()
        assert all(value.grad is not None for value in model.parameters())


def test_activations_are_what_their_names_say() -> None:
    x = torch.tensor([[-10.0, 0.0, 10.0, 2.0]])
    assert ACTIVATIONS["leaky_relu"]()(x)[0, 0].item() == pytest.approx(-0.1)
    assert ACTIVATIONS["prelu"]()(x)[0, 0].item() == -2.5
    assert ACTIVATIONS["elu"]()(x)[0, 0].item() == pytest.approx(-1.0, abs=1e-4)
    assert Maxout()(x).tolist() == [[0.0, 10.0]]
    assert Maxout()(x.reshape(1, 4, 1, 1)).shape == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mlp", {"activation": "rleu"}, r"unknown activation 'rleu'. Did you mean 'relu'.*elu, gelu.*tanh"),
        ("cnn", {"norm": "layer"}, r"unknown norm 'layer'.*batch, local_response, none"),
        ("mlp", {"norm": "local_response"}, r"unknown norm 'local_response'.*Known: batch, none"),
        (
            "mlp",
            {"dropout": 1.5},
            r"dropout is 1\.5; it must be the share that is dropped, a number in \[0, 1\]",
        ),
        ("cnn", {"conv_dropout": -0.1}, r"conv_dropout is -0\.1"),
        ("residual", {"blocks": -1}, r"blocks is -1; it must be at least 0"),
        ("plain", {"image_size": 3}, r"image_size is 3; it must be at least 4"),
    ],
)
def test_bad_options_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(name, **options)


def test_norm_and_activation_keep_the_initial_weights() -> None:
    for name in ("mlp", "cnn", "plain", "residual"):
        models = [build(name, norm=norm, activation=a) for norm, a in (("none", "relu"), ("batch", "tanh"))]
        for model in models:
            initialise(model, seed=4)
        for a, b in zip(*map(weights, models), strict=True):
            assert torch.equal(a, b), name


def test_a_residual_block_is_what_it_says() -> None:
    model = residual(blocks=1, width=4, image_size=8)
    block = model[4]
    x = torch.rand(3, 4, 4, 4)
    convolution, norm, _ = block.f
    assert convolution.bias is None
    torch.testing.assert_close(block(x), x + torch.relu(norm(convolution(x))))
    initialise(model, seed=0)
    wide = residual(blocks=1, width=64)
    initialise(wide, seed=0)
    assert wide[4].f[0].weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)


def test_shared_blocks_have_the_parameters_of_one() -> None:
    ten, one, shared = (residual(blocks=b, shared=s) for b, s in ((10, False), (1, False), (10, True)))
    block = count(one[4])
    assert count(shared) == count(one)
    assert count(ten) == count(one) + 9 * block
    assert len(shared) == len(ten)
    assert shared[4] is shared[5]
    assert ten[4] is not ten[5]
    initialise(ten, seed=0)
    assert not torch.equal(ten[4].f[0].weight, ten[5].f[0].weight)


def test_plain_is_residual_without_skips() -> None:
    with_skips, without = residual(blocks=3, width=4), plain(depth=3, width=4, norm="batch")
    assert count(with_skips) == count(without)
    for model in (with_skips, without):
        initialise(model, seed=0)
        model.eval()
    for a, b in zip(with_skips.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)
    x = torch.rand(2, 1, 28, 28)
    assert not torch.allclose(with_skips(x), without(x))
    for block in with_skips[4:7]:
        block.forward = block.f.forward
    assert torch.equal(with_skips(x), without(x))


SPREAD = {"small": 0.01, "xavier": (2 / (400 + 300)) ** 0.5, "kaiming": (2 / 400) ** 0.5}


@pytest.mark.parametrize("scheme", SPREAD)
def test_schemes_have_their_spread_and_share_their_draws(scheme: str) -> None:
    model, other = mlp(inputs=400, hidden=(300,)), mlp(inputs=400, hidden=(300,))
    initialise(model, seed=0, scheme=scheme)
    weight = model[1].weight
    assert weight.std().item() == pytest.approx(SPREAD[scheme], rel=0.01)
    assert torch.count_nonzero(model[1].bias) == 0
    initialise(other, seed=0, scheme="small", std=1.0)
    torch.testing.assert_close(weight, SPREAD[scheme] * other[1].weight, rtol=1e-4, atol=1e-6)


def test_orthogonal_and_zero() -> None:
    model = mlp(inputs=8, hidden=(8,), norm="batch")
    initialise(model, seed=0, scheme="orthogonal")
    torch.testing.assert_close(model[1].weight @ model[1].weight.T, torch.eye(8), atol=1e-5, rtol=0)
    initialise(model, seed=0, scheme="zero")
    assert torch.count_nonzero(model[1].weight) == 0
    assert (model[2].weight == 1).all()  # batch norm is reset as usual


def test_unknown_schemes_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"unknown scheme 'he'.*default, kaiming, orthogonal, small, xavier, zero"
    ):
        initialise(mlp(), seed=0, scheme="he")
    with pytest.raises(InputError, match=r"std is -1; it must be a number of at least 0"):
        initialise(mlp(), seed=0, scheme="small", std=-1)


def test_the_default_is_what_it_has_always_been() -> None:
    """Numbers in the book rest on these draws."""
    model = mlp(inputs=4, hidden=(3,))
    initialise(model, seed=0)
    expected = [0.09732616, 0.22002429, 0.31898063, -0.48009133]
    torch.testing.assert_close(model[1].weight[0], torch.tensor(expected), rtol=0, atol=1e-7)


def test_convolutions_are_channels_last_and_compute_the_same() -> None:
    model = build("cnn", channels=(4, 6), norm="batch")
    assert model[4].weight.is_contiguous(memory_format=torch.channels_last)
    assert not model[4].weight.is_contiguous()
    images = torch.randn(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert model[:3](images).is_contiguous(memory_format=torch.channels_last)  # and so are the activations
    usual = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(model(images), usual(images))
