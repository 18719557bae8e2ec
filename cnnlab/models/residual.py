"""Deep convolutional networks, with and without skip connections, otherwise the same."""

from functools import partial

from torch import Tensor, nn

from cnnlab.errors import InputError
from cnnlab.models.layers import KaimingConv2d, stage


class Block(nn.Module):
    """conv 3x3 without bias, normalisation, activation, plus the input: y = x + f(x).

    Source: He et al. 2016, "Deep Residual Learning for Image Recognition"; here f is one layer, as in S2.
    """

    def __init__(self, width: int, *, norm: str = "batch", activation: str = "relu") -> None:
        super().__init__()
        self.f = nn.Sequential(*stage(partial(_conv, width), width, norm=norm, activation=activation))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.f(x)  # type: ignore[no-any-return]


def residual(
    blocks: int = 10,
    width: int = 16,
    *,
    in_channels: int = 1,
    image_size: int = 28,
    classes: int = 10,
    norm: str = "batch",
    activation: str = "relu",
    shared: bool = False,
) -> nn.Sequential:
    """A first convolution, 2x2 max-pooling, residual blocks, 2x2 max-pooling, a linear layer.

    With batch norm there is one more of it after the last block.

    Args:
        blocks: number of blocks, 0 or more.
        width: channels everywhere.
        image_size: height and width in pixels; the blocks see half of it, the linear layer a quarter.
        norm: "batch", "none" or "local_response"; see `cnnlab.models.cnn`.
        activation: a name in `ACTIVATIONS`.
        shared: repeat ONE block, as `blocks * [Block(...)]` does: a mistake, here to be studied.
    """
    if blocks < 0:
        raise InputError(f"blocks is {blocks!r}; it must be at least 0")
    if shared:
        middle = blocks * [Block(width, norm=norm, activation=activation)]
    else:
        middle = [Block(width, norm=norm, activation=activation) for _ in range(blocks)]
    return _deep(middle, width, in_channels, image_size, classes, norm, activation)


def plain(
    depth: int = 10,
    width: int = 16,
    *,
    in_channels: int = 1,
    image_size: int = 28,
    classes: int = 10,
    norm: str = "none",
    activation: str = "relu",
) -> nn.Sequential:
    """The network `residual(blocks=depth)` without its skip connections, layer by layer in one row."""
    middle = [
        layer
        for _ in range(depth)
        for layer in stage(partial(_conv, width), width, norm=norm, activation=activation)
    ]
    return _deep(middle, width, in_channels, image_size, classes, norm, activation)


def _deep(
    middle: list[nn.Module] | list[Block],
    width: int,
    in_channels: int,
    image_size: int,
    classes: int,
    norm: str,
    activation: str,
) -> nn.Sequential:
    if image_size < 4:
        raise InputError(f"image_size is {image_size!r}; it must be at least 4, for two poolings")
    first = stage(partial(_conv, in_channels), width, norm=norm, activation=activation)
    # Each block adds to the sum it is given; a norm after the last one keeps the logits' scale. Source:
    # He et al. 2016, "Identity Mappings in Deep Residual Networks", section 3 (extra activation at the end).
    sums = [nn.BatchNorm2d(width)] if norm == "batch" else []
    last = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(width * (image_size // 4) ** 2, classes)]
    return nn.Sequential(*first, nn.MaxPool2d(2), *middle, *sums, *last)


def _conv(inputs: int, outputs: int) -> nn.Module:
    return KaimingConv2d(inputs, outputs, 3, padding=1, bias=False)
