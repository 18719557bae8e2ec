"""Networks that were trained on something else: a new head, frozen layers, a part of their layers.

All of it works on any network whose modules are registered in the order in which they compute: torchvision's
classifiers and those of `cnnlab.models`. The *head* is its last linear or convolutional layer.
"""

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from cnnlab.errors import InputError, unknown

WEIGHTS = ("imagenet",)


def backbone(name: str, weights: str | None = None) -> nn.Module:
    """A classifier of `torchvision.models` with 1,000 classes.

    Args:
        name: such as "resnet18" or "vgg11_bn".
        weights: "imagenet" for torchvision's best for this network, which are downloaded unless they are in
            torch's cache; None for random ones.
    """
    from torchvision import models  # late: torchvision takes seconds to import

    _require_known(name)
    if weights is not None and weights not in WEIGHTS:
        raise unknown("weights", weights, WEIGHTS)
    network: nn.Module = models.get_model(name, weights="DEFAULT" if weights else None)
    return network


def preprocessing(name: str) -> Any:
    """What images must go through before `backbone(name, "imagenet")`: size, crop, mean, standard deviation.

    Nothing is downloaded.
    """
    from torchvision import models

    _require_known(name)
    best: Any = models.get_model_weights(name)
    return best.DEFAULT.transforms()


def head_of(model: nn.Module) -> str:
    """The name of the head."""
    names = [name for name, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    if not names or not names[-1]:
        raise InputError("the network has no linear or convolutional layer inside it that could be its head.")
    return names[-1]


def replace_head(model: nn.Module, classes: int) -> nn.Module:
    """Put a new head with `classes` outputs, with torch's initial weights, in place of the old one.

    Everything else is kept. Changes the model and returns it. An optimizer made before knows the old head
    only.
    """
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes is {classes!r}; it must be a whole number of at least 1.")
    where, _, name = head_of(model).rpartition(".")
    old: Any = model.get_submodule(f"{where}.{name}" if where else name)
    settings = {"bias": old.bias is not None, "device": old.weight.device, "dtype": old.weight.dtype}
    if isinstance(old, nn.Linear):
        new: nn.Module = nn.Linear(old.in_features, classes, **settings)
    else:
        shape = {"kernel_size": old.kernel_size, "stride": old.stride, "padding": old.padding}
        new = nn.Conv2d(old.in_channels, classes, **shape, **settings)
    setattr(model.get_submodule(where), name, new)
    return model


def freeze(model: nn.Module, until: str | None = None, *, keep_statistics: bool = True) -> nn.Module:
    """Let training change nothing before the module `until`, and everything from it on.

    Changes the model and returns it.

    Args:
        until: a module's name, such as "layer4" of a ResNet or "9"; unless given, the head's.
            The name of the first module freezes nothing.
        keep_statistics: frozen batch norms stay in evaluation mode whatever `train()` says. False lets their
            running statistics move, as torch does: a mistake, here to be studied.
    """
    until = head_of(model) if until is None else until
    names = [name for name, _ in model.named_modules() if name]
    if until not in names:
        raise unknown("module", until, names)
    frozen = True
    for name, part in model.named_modules():
        frozen = frozen and name != until
        for parameter in part.parameters(recurse=False):
            parameter.requires_grad_(not frozen)
        if frozen and keep_statistics and isinstance(part, _BatchNorm):
            part.register_forward_pre_hook(_stay_in_evaluation)
    return model


def stage(model: nn.Sequential, length: int, classes: int) -> nn.Sequential:
    """The first `length` modules of a row, frozen, and a linear classifier on what they put out.

    The classifier's inputs are counted at its first batch.
    """
    if not 0 <= length < len(model):
        raise InputError(f"length is {length!r}; it must be from 0 to {len(model) - 1}, without the head.")
    body = nn.Sequential(*list(model)[:length], nn.Flatten())
    return nn.Sequential(freeze_all(body), nn.LazyLinear(classes))


def freeze_all(model: nn.Module) -> nn.Module:
    """Freeze every layer; frozen batch norms stay in evaluation mode."""
    for part in model.modules():
        if isinstance(part, _BatchNorm):
            part.register_forward_pre_hook(_stay_in_evaluation)
    return model.requires_grad_(False)


def _stay_in_evaluation(part: nn.Module, _: object) -> None:
    # Only while it is frozen: `requires_grad_(True)` is all that it takes to train it again.
    if not any(parameter.requires_grad for parameter in part.parameters()):
        part.training = False


def _require_known(name: str) -> None:
    from torchvision import models

    if name not in (known := models.list_models(module=models)):
        raise unknown("network of torchvision", name, known)
