"""Networks by name."""

import inspect
from collections.abc import Callable

import torch
from torch import nn

from cnnlab.errors import unknown
from cnnlab.models.networks import cnn, mlp, two_layer
from cnnlab.models.residual import plain, residual

MODELS: dict[str, Callable[..., nn.Module]] = {
    "cnn": cnn,
    "mlp": mlp,
    "plain": plain,
    "residual": residual,
    "two_layer": two_layer,
}


def build(model: str | Callable[..., nn.Module], **options: object) -> nn.Module:
    """Build a network from a name in `MODELS` or from a function, with its options checked by name.

    The weights are in the channels-last memory format, in which a small network's convolutions and pooling
    take about half the processor time; shapes stay N×C×H×W.

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
    return model(**options).to(memory_format=torch.channels_last)
