"""`load`: a dataset by name, as plain tensors in three parts."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cnnlab.data import arguments, embedded, splits
from cnnlab.data.find import find
from cnnlab.data.raw import Raw
from cnnlab.data.splits import Indices
from cnnlab.errors import unknown

# How many images the validation part has unless the caller says otherwise.
VALIDATION = {"mnist-5k": 1000, "digits": 300, "fashion-mnist": 10_000, "mnist": 10_000, "cifar10": 5000}
# The embedded sets have no official test images; these many are set apart, the same for every seed.
TEST = {"mnist-5k": 1000, "digits": 360}
KNOWN = tuple(VALIDATION)


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a dataset: `images` (N, C, H, W) float32 in [0, 1] and `labels` (N,) int64.

    `part` says which: "train", "validation" or "test"; None for one made by hand without saying so. What is
    fitted to data (`cnnlab.data.transforms`) accepts only "train".
    """

    images: Tensor
    labels: Tensor
    part: str | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.images.shape[1:]))
        return f"Split({len(self):,} images of {shape}, {self.images.device})"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three parts that share no image; class k is called `classes[k]`."""

    name: str
    classes: tuple[str, ...] = field(repr=False)
    train: Split
    validation: Split
    test: Split


def load(
    name: str = "mnist-5k",
    *,
    seed: int = 0,
    validation: int | None = None,
    train_size: int | None = None,
    label_noise: float = 0.0,
    root: str | os.PathLike[str] | None = None,
    download: bool = True,
    device: str | torch.device = "cpu",
) -> Dataset:
    """Load a dataset and split it; the same arguments give the same tensors on every machine.

    The test images never depend on `seed`: the official ones where there are such, otherwise a fixed
    stratified choice. `seed` draws validation and training images, in random order, from the rest; each draw
    keeps the classes' shares to within one image. An image of the rest that equals a test image or an earlier
    one, byte for byte, is left out, so the parts share none. The global random state is not touched.

    Args:
        name: "mnist-5k" and "digits" are installed with the course; "fashion-mnist", "mnist" and "cifar10"
            are read from files, see `root`.
        seed: 0 or more; draws the split, the subset and the wrong labels.
        validation: number of validation images, or 0; by default as many as `VALIDATION` says.
        train_size: number of training images, a stratified subset; by default all that are left.
        label_noise: share of the *training* labels, in [0, 1], that is replaced by a different class, each
            equally likely. With 0 and all else equal, the same images come with their right labels.
        root: folder with the files, in torchvision's layout; by default the environment variable CNNLAB_DATA,
            else `cnnlab` in the user's cache folder. After it, /usr/share/datasets is searched.
        download: fetch the files into `root` when they are found nowhere.
        device: where the tensors are put.

    Raises:
        InputError: an argument out of range, or files that are missing or are not what they should be.
    """
    if name not in KNOWN:
        raise unknown("dataset", name, KNOWN)
    folder = arguments.folder("root", root)
    return parts(
        name,
        partial(_read, name, folder, download),
        seed=seed,
        validation=VALIDATION[name] if validation is None else validation,
        test=TEST.get(name, 0),
        train_size=train_size,
        label_noise=label_noise,
        device=device,
    )


def parts(
    name: str,
    source: Raw | Callable[[], Raw],
    *,
    seed: int,
    validation: int,
    test: int,
    train_size: int | None,
    label_noise: float,
    device: str | torch.device,
) -> Dataset:
    """Split what a source holds; `test` images are set apart where it has no official ones.

    The arguments are those of `load`. A source that has yet to be read is read when they are known to be
    good.

    Raises:
        InputError: an argument out of range.
    """
    seed = arguments.whole("seed", seed, 0)
    noise = arguments.share("label_noise", label_noise)
    size = arguments.whole("validation", validation, 0)
    if train_size is not None:
        train_size = arguments.whole("train_size", train_size, 1)
    target = arguments.device("device", device)

    raw = source if isinstance(source, Raw) else source()
    rest, test_part = _set_test_apart(raw, test)
    rest = rest[splits.first_copies(raw.images[rest].numpy(), test_part[0].numpy())]
    train, held_out = _draw(name, raw, rest, seed, size, train_size)

    labels = raw.labels.numpy()
    noisy = splits.wrong_labels(labels[train], noise, len(raw.classes), seed)
    return Dataset(
        name,
        raw.classes,
        train=_finished(raw.images[train], torch.from_numpy(noisy), raw.peak, target, "train"),
        validation=_finished(raw.images[held_out], raw.labels[held_out], raw.peak, target, "validation"),
        test=_finished(*test_part, raw.peak, target, "test"),
    )


def _read(name: str, root: str | None, download: bool) -> Raw:
    if name == "mnist-5k":
        return embedded.mnist_5k()
    if name == "digits":
        return embedded.digits()
    return find(name, root, download=download)


def _set_test_apart(raw: Raw, test: int) -> tuple[Indices, tuple[Tensor, Tensor]]:
    """What is left for training and validation, and the test images: official, or chosen once and for all."""
    if raw.test is not None:
        return np.arange(len(raw.labels)), raw.test
    chosen, rest = splits.stratified(raw.labels.numpy(), test, seed=0, use="test")
    return rest, (raw.images[chosen], raw.labels[chosen])


def _draw(
    name: str, raw: Raw, rest: Indices, seed: int, validation: int, train_size: int | None
) -> tuple[Indices, Indices]:
    """Indices of the training and the validation images, checked against what there is."""
    labels, K = raw.labels.numpy(), len(raw.classes)
    among = f"{name} has {len(rest):,} images besides its test images"
    if validation and not K <= validation <= len(rest) - K:
        allowed = (
            f"0, or from {K} (one per class) to {len(rest) - K}: {among}, and training needs one per class"
        )
        raise arguments.refused("validation", validation, allowed)
    chosen, left = splits.stratified(labels[rest], validation, seed, use="validation")
    train, held_out = rest[left], rest[chosen]
    if train_size is None:
        return train, held_out
    if not K <= train_size <= len(train):
        allowed = f"from {K} (one per class) to {len(train)}: {among}, and {validation:,} are for validation"
        raise arguments.refused("train_size", train_size, allowed)
    chosen, _ = splits.stratified(labels[train], train_size, seed, use="train_size")
    return train[chosen], held_out


def _finished(images: Tensor, labels: Tensor, peak: int, device: torch.device, part: str) -> Split:
    # Divided on the CPU, so that the values are the same bits whatever the device.
    return Split(images.to(torch.float32).div_(peak).to(device), labels.to(device), part)
