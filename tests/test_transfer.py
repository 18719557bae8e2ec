"""New heads, frozen layers and features, on our networks and on torchvision's."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from cnnlab.errors import InputError
from cnnlab.models import build, features, freeze, head_name, replace_head

IMAGES = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def small() -> nn.Module:
    torch.manual_seed(0)
    return build("cnn", channels=(4, 8), hidden=16, norm="batch")


@pytest.mark.parametrize(
    ("name", "head"), [("resnet18", "fc"), ("squeezenet1_0", None), ("mobilenet_v3_small", "classifier.3")]
)
def test_the_head_of_a_known_network(name: str, head: str | None) -> None:
    model = get_model(name, weights=None)
    if head is None:
        with pytest.raises(InputError, match="no fully connected layer"):
            replace_head(model, 2)
        return
    assert head_name(model) == head
    assert replace_head(model, 2) is model
    assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 2)
    assert not model.training
    with pytest.raises(InputError, match="classes is 0"):
        replace_head(model, 0)


def test_only_the_head_learns_and_frozen_statistics_stay() -> None:
    model = freeze(replace_head(small(), 3), but=["head"])
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model.train()(IMAGES), torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"{head_name(model)}.weight", f"{head_name(model)}.bias"}


def test_without_freezing_the_statistics_move() -> None:
    """The mistake: parameters that get no gradient, and batch norms that go on averaging."""
    model = small()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    model.train()(IMAGES)
    assert any(not torch.equal(v, before[k]) for k, v in model.state_dict().items() if "running" in k)


def test_names_that_begin_alike_are_told_apart() -> None:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(11)])
    freeze(model, but=["1"])
    assert [layer.weight.requires_grad for layer in model] == [i == 1 for i in range(11)]
    with pytest.raises(InputError, match="unknown layer 'block'"):
        freeze(model, but=["block"])


def test_features_are_what_a_layer_puts_out() -> None:
    model = small().train()
    names = [name for name, _ in model.named_children()]
    got = features(model, IMAGES, names[-2])
    model.eval()
    torch.testing.assert_close(got, model[:-1](IMAGES))
    assert got.shape == (4, 16)
    assert not got.requires_grad
    with pytest.raises(InputError, match="unknown layer 'layer9'"):
        features(model, IMAGES, "layer9")
