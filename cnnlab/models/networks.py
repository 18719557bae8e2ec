"""Fully connected and convolutional networks."""

from collections.abc import Sequence
from functools import partial

from torch import nn

from cnnlab.models.layers import drop, stage


def mlp(
    *,
    inputs: int = 784,
    hidden: Sequence[int] = (256, 256),
    classes: int = 10,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    logit_dropout: float = 0.0,
    norm: str = "none",
    activation: str = "relu",
) -> nn.Sequential:
    """A fully connected network on flattened images.

    Args:
        inputs: values per image, C·H·W.
        hidden: width of each hidden layer.
        dropout: share of units dropped after each hidden activation.
        input_dropout: share of input values dropped.
        logit_dropout: share of logits dropped: a mistake, here to be studied.
        norm: "none", or "batch" before each hidden activation. The layers keep their biases, which batch norm
            makes useless, so that initial weights agree with those of the network without.
        activation: a name in `ACTIVATIONS`.
    """
    layers: list[nn.Module] = [nn.Flatten(), *drop("input_dropout", input_dropout)]
    for width in hidden:
        layers += stage(partial(nn.Linear, inputs), width, norm=norm, activation=activation, flat=True)
        layers += drop("dropout", dropout)
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, classes), *drop("logit_dropout", logit_dropout))


def two_layer(
    inputs: int = 3072, hidden: int = 50, classes: int = 10, *, activation: str = "relu"
) -> nn.Sequential:
    """The reference network of the lectures on tuning, 3072–50–10: `inputs` is 784 for MNIST. Source: S3."""
    return mlp(inputs=inputs, hidden=(hidden,), classes=classes, activation=activation)


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
    norm: str = "none",
    activation: str = "relu",
) -> nn.Sequential:
    """Stages of conv 3x3, activation, 2x2 max-pooling, then one hidden fully connected layer.

    Args:
        image_size: height and width in pixels; each stage halves it, rounding down.
        channels: channels of each stage.
        hidden: width of the fully connected layer.
        dropout: share of units dropped after the fully connected layer.
        conv_dropout: share dropped after each pooling.
        whole_channels: let `conv_dropout` drop whole channels instead of single values.
        norm: "none"; "batch" before every activation; "local_response" after those of the convolutions, with
            AlexNet's constants. Biases stay, as in `mlp`.
        activation: a name in `ACTIVATIONS`.
    """
    layers: list[nn.Module] = []
    for width in channels:
        convolution = partial(_conv, in_channels)
        layers += [*stage(convolution, width, norm=norm, activation=activation), nn.MaxPool2d(2)]
        layers += drop("conv_dropout", conv_dropout, nn.Dropout2d if whole_channels else nn.Dropout)
        in_channels, image_size = width, image_size // 2
    linear = partial(nn.Linear, in_channels * image_size**2)
    flat_norm = norm if norm == "batch" else "none"
    layers += [nn.Flatten(), *stage(linear, hidden, norm=flat_norm, activation=activation, flat=True)]
    return nn.Sequential(*layers, *drop("dropout", dropout), nn.Linear(hidden, classes))


def _conv(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
