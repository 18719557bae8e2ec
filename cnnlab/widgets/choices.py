"""One training run as a set of choices, and the code that does it: what the cockpit's controls stand for."""

from dataclasses import dataclass
from typing import Any

DATA = ("mnist-5k", "digits", "fashion-mnist", "mnist", "cifar10")
NETWORKS = {
    "mlp": "inputs=pixels, hidden=(128, 128)",
    "cnn": "in_channels=channels, image_size=side, channels=(8, 16), hidden=64",
    "residual": "in_channels=channels, image_size=side, blocks=4, width=8",
}
OPTIMIZERS = {
    "SGD": "torch.optim.SGD, lr={rate:g}",
    "SGD with momentum": "torch.optim.SGD, lr={rate:g}, momentum=0.9",
    "Adam": "torch.optim.Adam, lr={rate:g}",
    "AdamW": "torch.optim.AdamW, lr={rate:g}",
}
SCHEDULES = {
    "constant": "",
    "step": "every={third}",
    "cosine": "total={epochs}",
    "exponential": "",
    "restarts": "cycle={third}",
    "plateau": "patience=3",
}


@dataclass(frozen=True)
class Choices:
    """What is trained and how; `train_size` 0 takes all training images."""

    data: str = "mnist-5k"
    train_size: int = 500
    label_noise: float = 0.0
    model: str = "mlp"
    norm: str = "none"
    dropout: float = 0.0
    l2: float = 0.0
    label_smoothing: float = 0.0
    optimizer: str = "SGD with momentum"
    rate: float = 0.05
    schedule: str = "constant"
    batch_size: int = 50
    epochs: int = 20
    seed: int = 0


def setup(choices: Choices) -> str:
    """The code that makes `data` and `model`."""
    size = f", train_size={choices.train_size}" if choices.train_size else ""
    noise = f", label_noise={choices.label_noise:g}" if choices.label_noise else ""
    options = NETWORKS[choices.model] + f", norm={choices.norm!r}, classes=len(data.classes)"
    options += f", dropout={choices.dropout:g}" if choices.dropout else ""
    return f"""\
from functools import partial

import torch
import torch.nn.functional as F

from cnnlab.data import load
from cnnlab.models import build, initialise
from cnnlab.training import fit, l2, schedule

data = load({choices.data!r}{size}{noise}, seed={choices.seed})
channels, side, _ = data.train.images.shape[1:]
pixels = data.train.images[0].numel()
model = build({choices.model!r}, {options})
initialise(model, seed={choices.seed})
"""


def arguments(choices: Choices) -> dict[str, str]:
    """The arguments of `fit`, as code; those that change nothing are left out."""
    values = vars(choices) | {"third": max(1, choices.epochs // 3)}
    made = {
        "epochs": str(choices.epochs),
        "batch_size": str(choices.batch_size),
        "optimizer": f"partial({OPTIMIZERS[choices.optimizer].format(**values)})",
        "seed": str(choices.seed),
    }
    if choices.schedule != "constant":
        options = SCHEDULES[choices.schedule].format(**values)
        made["schedule"] = f"schedule({choices.schedule!r}{options and ', ' + options})"
    if choices.l2:
        made["penalty"] = f"l2({choices.l2:g})"
    if choices.label_smoothing:
        made["loss"] = f"partial(F.cross_entropy, label_smoothing={choices.label_smoothing:g})"
    return made


def code(choices: Choices) -> str:
    """A cell that does the same run and leaves its table in `history`."""
    given = "".join(f"    {name}={text},\n" for name, text in arguments(choices).items())
    call = f"history = fit(\n    model,\n    data.train,\n    data.validation,\n{given})\n"
    return f"{setup(choices)}{call}"


def prepare(choices: Choices) -> tuple[Any, Any, dict[str, Any]]:
    """The data, the untrained network, and the arguments of `fit`, made by the code that `code` shows.

    Raises:
        InputError: the data cannot be had, or the network cannot be built as chosen.
    """
    names: dict[str, Any] = {}
    exec(setup(choices), names)  # our own text; of the choices only numbers and known names are in it
    given = {name: eval(text, names) for name, text in arguments(choices).items()}
    return names["data"], names["model"], given
