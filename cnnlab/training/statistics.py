"""What flows through a network: activations, gradients and weights, layer by layer, as tidy tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.training.evaluation import Loss, device_of

# Bounded activations; an output within this share of the range from either end counts as saturated. There
# the slope is below 4 % of its maximum, for both of them.
RANGE = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}
NEAR_THE_END = 0.01


def activations(model: nn.Module, images: Tensor, *, kinds: Sequence[str] = ()) -> dict[str, Tensor]:
    """The output of every layer for a batch, by the layer's name, in the order of the forward pass.

    The model computes in the mode it is in; its buffers (batch norm's running statistics) and the global
    random state are put back, so that looking changes nothing. A layer that is used several times appears
    several times, from the second on as "name (2)".

    Args:
        images: (N, C, H, W), one batch.
        kinds: only layers of these kinds, for example ("ReLU",); all of them when empty.

    Returns:
        Copies on the CPU. Containers (`nn.Sequential`, the model itself) are left out.
    """
    return {name: output for name, _, output in _outputs(model, images, kinds)}


def activation_statistics(model: nn.Module, images: Tensor, *, kinds: Sequence[str] = ()) -> pd.DataFrame:
    """One row per layer: layer, kind, mean, std, zero_share, saturated_share of its outputs.

    `saturated_share` is the share of outputs within 1 % of the ends of a sigmoid's or tanh's range; it is NaN
    for layers without such ends. Modes and `kinds` as in `activations`.
    """
    rows = []
    for name, layer, output in _outputs(model, images, kinds):
        kind, saturated = type(layer).__name__, float("nan")
        if type(layer) in RANGE:
            low, high = RANGE[type(layer)]
            margin = NEAR_THE_END * (high - low)
            saturated = ((output < low + margin) | (output > high - margin)).double().mean().item()
        rows.append({"layer": name, "kind": kind, **_moments(output), "saturated_share": saturated})
    return pd.DataFrame(rows, columns=["layer", "kind", "mean", "std", "zero_share", "saturated_share"])


def gradient_statistics(
    model: nn.Module, images: Tensor, labels: Tensor, *, loss: Loss = F.cross_entropy
) -> pd.DataFrame:
    """One row per parameter: parameter, kind, mean, std, zero_share, norm of its gradient, and `ratio`.

    `ratio` is the gradient's norm over the parameter's. The model's own `.grad` is not touched; mode, buffers
    and random state are treated as in `activations`.
    """
    device = device_of(model)
    named = {name: value for name, value in model.named_parameters() if value.requires_grad}
    with _undisturbed(model):
        value = loss(model(images.to(device)), labels.to(device))
        gradients = torch.autograd.grad(value, list(named.values()), materialize_grads=True)
    rows = []
    for (name, weight), gradient in zip(named.items(), gradients, strict=True):
        norm, size = gradient.norm().item(), weight.detach().norm().item()
        ratio = norm / size if size else float("nan")
        row = {"parameter": name, "kind": _owner(model, name), **_moments(gradient)}
        rows.append({**row, "norm": norm, "ratio": ratio})
    return pd.DataFrame(rows)


def weight_statistics(model: nn.Module) -> pd.DataFrame:
    """One row per parameter: parameter, kind (of its layer), shape, count, mean, std, zero_share, norm."""
    rows = []
    for name, weight in model.named_parameters():
        value = weight.detach()
        row = {"parameter": name, "kind": _owner(model, name), "shape": tuple(value.shape)}
        rows.append({**row, "count": value.numel(), **_moments(value), "norm": value.norm().item()})
    return pd.DataFrame(rows)


def _outputs(model: nn.Module, images: Tensor, kinds: Sequence[str]) -> list[tuple[str, nn.Module, Tensor]]:
    found: list[tuple[str, nn.Module, Tensor]] = []
    names: dict[str, int] = {}
    handles = []

    def look(name: str, layer: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            names[name] = names.get(name, 0) + 1
            label = name if names[name] == 1 else f"{name} ({names[name]})"
            found.append((label, layer, output.detach().to("cpu", copy=True)))

    for name, layer in model.named_modules():
        inside = name and not isinstance(layer, nn.Sequential | nn.ModuleList | nn.ModuleDict)
        if inside and (not kinds or type(layer).__name__ in kinds):
            handles.append(
                layer.register_forward_hook(lambda layer, _, output, name=name: look(name, layer, output))
            )
    try:
        with torch.no_grad(), _undisturbed(model):
            model(images.to(device_of(model)))
    finally:
        for handle in handles:
            handle.remove()
    return found


@contextmanager
def _undisturbed(model: nn.Module) -> Iterator[None]:
    """Put back what a forward pass may change: the model's buffers and the global random state."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, value in before:
                    buffer.copy_(value)


def _moments(value: Tensor) -> dict[str, float]:
    exact = value.double()
    return {
        "mean": exact.mean().item(),
        "std": exact.std(correction=0).item(),
        "zero_share": (value == 0).double().mean().item(),
    }


def _owner(model: nn.Module, parameter: str) -> str:
    return type(model.get_submodule(parameter.rpartition(".")[0])).__name__
