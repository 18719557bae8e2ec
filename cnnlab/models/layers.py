"""The parts that networks are made of, by name: activations and normalisations."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.errors import InputError, unknown


class Maxout(nn.Module):
    """The largest of `pieces` neighbouring channels: (N, pieces·C, …) to (N, C, …).

    Source: Goodfellow et al. 2013, "Maxout Networks".
    """

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        largest: Tensor = x.unflatten(1, (-1, self.pieces)).amax(dim=2)
        return largest


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,  # max(0.01x, x)
    "maxout": Maxout,
    "none": nn.Identity,
    "prelu": nn.PReLU,  # one slope per layer, learned from 0.25
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
NORMS = ("batch", "local_response", "none")


def stage(
    layer: Callable[[int], nn.Module], width: int, *, norm: str, activation: str, flat: bool = False
) -> list[nn.Module]:
    """A layer with `width` outputs, its normalisation and its activation, in the usual order.

    Batch norm comes before the activation, local response normalisation after it. A layer before maxout has
    twice the outputs.

    Args:
        layer: called with the number of outputs.
        flat: the outputs are vectors, not maps.
    """
    if activation not in ACTIVATIONS:
        raise unknown("activation", activation, ACTIVATIONS)
    known = tuple(name for name in NORMS if not (flat and name == "local_response"))
    if norm not in known:
        raise unknown("norm", norm, known)
    outputs = 2 * width if activation == "maxout" else width
    layers = [layer(outputs)]
    if norm == "batch":
        layers.append(nn.BatchNorm1d(outputs) if flat else nn.BatchNorm2d(outputs))
    layers.append(ACTIVATIONS[activation]())
    if norm == "local_response":
        # AlexNet's n = 5, k = 2, α = 1e-4, β = 0.75; PyTorch divides its α by n, hence the 5. Source:
        # Krizhevsky et al. 2012, section 3.3.
        layers.append(nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0))
    return layers


def drop(name: str, p: float, layer: Callable[[float], nn.Module] = nn.Dropout) -> list[nn.Module]:
    """A dropout layer, or nothing for p = 0; `name` is the option that p came from."""
    if not 0 <= p <= 1:
        raise InputError(f"{name} is {p!r}; it must be the share that is dropped, a number in [0, 1]")
    return [layer(p)] if p else []


class KaimingConv2d(nn.Conv2d):
    """A convolution whose own initialisation is Kaiming's for ReLU: normal, variance 2 / fan-in.

    Source: He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """

    def reset_parameters(self) -> None:
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        if self.bias is not None:
            with torch.no_grad():
                self.bias.zero_()
