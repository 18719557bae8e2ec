"""Using a trained network for another task: a new head, frozen layers, features."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cnnlab.errors import InputError, unknown


def head_name(model: nn.Module) -> str:
    """The name of the last fully connected layer: "fc" in ResNets, "classifier.6" in VGG, "8" in a `cnn`."""
    names = [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    if not names:
        raise InputError("the network has no fully connected layer, so it has no head to replace.")
    return str(names[-1])


def replace_head(model: nn.Module, classes: int) -> nn.Module:
    """Put a new last layer with `classes` outputs in place of the old one; returns the model itself.

    The new layer is drawn from torch's global generator and lies where the old one lay. Make the optimizer
    afterwards: one made before would train the old head.
    """
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes is {classes!r}; it must be a whole number of at least 1.")
    name = head_name(model)
    parent, _, own = name.rpartition(".")
    old = model.get_submodule(name)
    assert isinstance(old, nn.Linear)
    like = {"device": old.weight.device, "dtype": old.weight.dtype}
    new = nn.Linear(old.in_features, classes, bias=old.bias is not None, **like)
    setattr(model.get_submodule(parent), own, new)
    return model


def freeze(model: nn.Module, *, but: Sequence[str] = ()) -> nn.Module:
    """Let only the layers whose names begin with one of `but` learn; returns the model itself.

    A frozen batch norm keeps its running statistics and uses them in training, too: otherwise the features
    of a frozen network would still change with every batch.

    Args:
        but: names, or beginnings of names up to a dot, as in `model.named_modules()`; "head" stands for
            `head_name(model)`.

    Raises:
        InputError: a name that fits no layer.
    """
    wanted = [head_name(model) if name == "head" else name for name in but]
    names = [name for name, _ in model.named_modules() if name]
    for name in wanted:
        if name not in names:
            raise unknown("layer", name, ["head", *names])
    for name, layer in model.named_modules():
        learns = any(f"{name}.".startswith(f"{one}.") for one in wanted)
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(learns)
        if isinstance(layer, _BatchNorm) and not learns:
            layer.register_forward_pre_hook(_evaluate)
    return model


def _evaluate(layer: nn.Module, inputs: Any) -> None:
    layer.training = False


def features(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """What the layer of this name puts out, (N, D), in evaluation mode and without gradients.

    Args:
        images: (N, C, H, W).
        layer: as in `model.named_modules()`.
    """
    names = [name for name, _ in model.named_modules() if name]
    if layer not in names:
        raise unknown("layer", layer, names)
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, out: kept.append(out.flatten(1)))
    modes = [(part, part.training) for part in model.modules()]
    try:
        with torch.no_grad():
            model.eval()(images)
    finally:
        handle.remove()
        for part, mode in modes:
            part.training = mode
    return kept[-1]
