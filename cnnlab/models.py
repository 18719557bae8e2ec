"""Small networks with their knobs, built by name or by function, and an initialisation that pairs them."""

import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import nn

from cnnlab.errors import unknown


def mlp(
    *,
    inputs: int = 784,
    hidden: Sequence[int] = (256, 256),
    classes: int = 10,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    logit_dropout: float = 0.0,
) -> nn.Sequential:
    """A fully connected ReLU network on flattened images.

    Args:
        inputs: values per image, C·H·W.
        hidden: width of each hidden layer.
        dropout: share of units dropped after each hidden ReLU.
        input_dropout: share of input values dropped.
        logit_dropout: share of logits dropped: a mistake, here to be studied.
    """
    layers: list[nn.Module] = [nn.Flatten(), *_drop(input_dropout)]
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU(), *_drop(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes), *_drop(logit_dropout))


def cnn(
    *,
    in_channels: int = 1,
    image_size: int = 28,
    channels: Sequence[int] = (16, 32),
    hidden: int = 64,
    classes: int = 10,
    dropout: float = 0.0,
    conv_dropout: float = 0.0,
    whole_channels: bool = False,
) -> nn.Sequential:
    """Stages of conv 3x3, ReLU, 2x2 max-pooling, then one hidden fully connected layer.

    Args:
        image_size: height and width in pixels; each stage halves it, rounding down.
        channels: channels of each stage.
        hidden: width of the fully connected layer.
        dropout: share of units dropped after the fully connected layer.
        conv_dropout: share dropped after each pooling.
        whole_channels: let `conv_dropout` drop whole channels instead of single values.
    """
    layers: list[nn.Module] = []
    for width in channels:
        layers += [nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers += _drop(conv_dropout, nn.Dropout2d if whole_channels else nn.Dropout)
        in_channels, image_size = width, image_size // 2
    layers += [nn.Flatten(), nn.Linear(in_channels * image_size**2, hidden), nn.ReLU(), *_drop(dropout)]
    return nn.Sequential(*layers, nn.Linear(hidden, classes))


def _drop(p: float, layer: Callable[[float], nn.Module] = nn.Dropout) -> list[nn.Module]:
    return [layer(p)] if p else []


MODELS: dict[str, Callable[..., nn.Module]] = {"mlp": mlp, "cnn": cnn}


def build(model: str | Callable[..., nn.Module], **options: object) -> nn.Module:
    """Build a network from a name in `MODELS` or from a function, with its options checked by name.

    Raises:
        InputError: for a name or an option that is not known; the message lists the known ones.
    """
    if isinstance(model, str):
        if model not in MODELS:
            raise unknown("model", model, MODELS)
        model = MODELS[model]
    parameters = inspect.signature(model).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        names = [parameter.name for parameter in parameters]
        for option in options:
            if option not in names:
                raise unknown(f"option of {getattr(model, '__name__', 'the model')}", option, names)
    return model(**options)


def initialise(model: nn.Module, seed: int) -> None:
    """Redraw every layer's weights, so that two networks agree wherever their layers do.

    Each layer draws from its own stream, found from the seed, the layer's kind and shapes, and its place
    among the layers with the same kind and shapes. A network that gained a dropout layer or a batch norm
    therefore keeps the initial weights of all its other layers. Uses the layers' own `reset_parameters`.
    """
    seen: Counter[str] = Counter()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for layer in model.modules():
            reset = getattr(layer, "reset_parameters", None)
            if reset is None:
                continue
            shapes = [tuple(value.shape) for value in layer.parameters(recurse=False)]
            kind = f"{type(layer).__name__}{shapes}"
            digest = hashlib.blake2b(f"{seed}/{kind}/{seen[kind]}".encode(), digest_size=7).digest()
            torch.manual_seed(int.from_bytes(digest))
            reset()
            seen[kind] += 1
