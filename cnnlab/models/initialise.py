"""Initial weights that agree wherever two networks' layers do."""

import hashlib
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from cnnlab.errors import InputError, unknown

# Each fills a weight; None leaves what the layer's own reset_parameters drew. All but the last two are normal
# with mean 0, and a layer's numbers are the same up to their scale.
SCHEMES: dict[str, Callable[[Tensor], object] | None] = {
    "default": None,  # torch's: uniform within ±1/√fan-in, for weights and biases
    "small": nn.init.normal_,  # standard deviation `std`
    "xavier": nn.init.xavier_normal_,  # variance 2 / (fan-in + fan-out). Source: Glorot & Bengio 2010
    "kaiming": partial(nn.init.kaiming_normal_, nonlinearity="relu"),  # 2 / fan-in. Source: He et al. 2015
    "orthogonal": nn.init.orthogonal_,  # Source: Saxe et al. 2014
    "zero": nn.init.zeros_,
}


def initialise(model: nn.Module, seed: int, scheme: str = "default", *, std: float = 0.01) -> None:
    """Redraw every layer's weights, so that two networks agree wherever their layers do.

    Each layer draws from its own stream, found from the seed, the layer's kind and shapes, and its place
    among the layers with the same kind and shapes. A network that gained a dropout layer or a batch norm
    therefore keeps the initial weights of all its other layers. Uses the layers' own `reset_parameters`.

    Args:
        scheme: a name in `SCHEMES`. All but "default" draw the weights of linear and convolutional layers
            and set their biases to 0; other layers are reset as usual.
        std: standard deviation for the scheme "small".
    """
    if scheme not in SCHEMES:
        raise unknown("scheme", scheme, SCHEMES)
    if not std >= 0:
        raise InputError(f"std is {std!r}; it must be a number of at least 0")
    fill = partial(nn.init.normal_, std=std) if scheme == "small" else SCHEMES[scheme]
    seen: Counter[str] = Counter()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        for layer in model.modules():
            reset = getattr(layer, "reset_parameters", None)
            if reset is None:
                continue
            shapes = [tuple(value.shape) for value in layer.parameters(recurse=False)]
            kind = f"{type(layer).__name__}{shapes}"
            digest = hashlib.blake2b(f"{seed}/{kind}/{seen[kind]}".encode(), digest_size=7).digest()
            stream = int.from_bytes(digest)
            torch.manual_seed(stream)
            reset()
            seen[kind] += 1
            weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
            if fill is not None and isinstance(weight, Tensor) and weight.ndim > 1:
                torch.manual_seed(stream)
                fill(weight)
                if isinstance(bias, Tensor):
                    nn.init.zeros_(bias)
