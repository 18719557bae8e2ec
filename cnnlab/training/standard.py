"""One whole training on a public data set, from its files to a reported number."""

import os
import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from cnnlab.data import load
from cnnlab.data.arguments import whole
from cnnlab.data.transforms import CropFlipErase, Standardise
from cnnlab.errors import unknown
from cnnlab.models import build, initialise
from cnnlab.training.evaluation import device_of, evaluate
from cnnlab.training.loop import fit

# What each needs: channels of the stages, and which changes of an image keep its label. Clothes may be
# mirrored, digits may not; objects are not always in the middle, clothes are.
SETTINGS = {
    "fashion-mnist": ((32, 64), CropFlipErase(padding=0)),
    "mnist": ((16, 32), CropFlipErase(padding=2, flip=0.0)),
    "cifar10": ((32, 64, 128), CropFlipErase(padding=4)),
}
EPOCHS = {"fashion-mnist": 5, "mnist": 5, "cifar10": 20}


@dataclass(frozen=True)
class Trained:
    """A finished training: how many of the test images it got right, and what that took."""

    name: str
    model: nn.Module
    correct: int
    images: int
    seed: int
    seconds: float
    processor_seconds: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.images

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's interval for the accuracy on all images of this kind, from this many test images."""
        from scipy.stats import binomtest

        ends = binomtest(self.correct, self.images).proportion_ci(confidence, method="wilson")
        return float(ends.low), float(ends.high)


def train_standard(
    name: str = "fashion-mnist",
    *,
    epochs: int | None = None,
    seed: int = 0,
    validation: int | None = None,
    root: str | os.PathLike[str] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Trained:
    """Train a small convolutional network with batch norm, and look at the test images once, at the end.

    Args:
        name: a key of `SETTINGS`.
        epochs: by default as `EPOCHS` says.
        validation: number of validation images; see `cnnlab.data.load`, as for `root`.
        checkpoint: a file to go on from when the training was interrupted.
        progress: see `cnnlab.training.fit`.
    """
    if name not in SETTINGS:
        raise unknown("data set for a standard training", name, SETTINGS)
    epochs = EPOCHS[name] if epochs is None else whole("epochs", epochs, 1)
    seed = whole("seed", seed, 0)
    channels, augment = SETTINGS[name]
    clock, processor = time.perf_counter(), time.process_time()
    data = load(name, seed=seed, validation=validation, root=root)
    _, C, H, _ = data.train.images.shape
    shape = {"in_channels": C, "image_size": H, "classes": len(data.classes)}
    network = build("cnn", channels=channels, hidden=128, norm="batch", dropout=0.25, **shape)
    initialise(network, seed)
    model = nn.Sequential(Standardise().fit(data.train), network)
    fit(
        model,
        data.train,
        data.validation,
        epochs=epochs,
        batch_size=100,
        optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
        schedule=partial(CosineAnnealingLR, T_max=epochs),
        augment=augment,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    _, accuracy = evaluate(model, data.test)
    correct, images = round(accuracy * len(data.test)), len(data.test)
    if device_of(model).type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - clock
    return Trained(name, model, correct, images, seed, seconds, time.process_time() - processor)
