"""`from_folder`: your own images, one folder per class, as a `Dataset` like any other."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from cnnlab.data import arguments
from cnnlab.data.load import Dataset, parts
from cnnlab.data.raw import Raw
from cnnlab.errors import InputError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MODES = {1: "L", 3: "RGB"}
FEWEST = 3  # images of a class: one for each part
LAYOUT = "it needs one folder per class with that class's images in it, such as photos/cat/1.jpg"


def from_folder(
    root: str | os.PathLike[str],
    *,
    size: int | None = None,
    channels: int | None = None,
    seed: int = 0,
    validation: int | None = None,
    test: int | None = None,
    train_size: int | None = None,
    label_noise: float = 0.0,
    device: str | torch.device = "cpu",
) -> Dataset:
    """Read images from `root/CLASS/…` and split them, as `load` does with the datasets it knows.

    Classes are numbered in the order of their names. The test images are the same for every seed, and an
    image that equals an earlier one is left out. A photograph is turned as its camera says (EXIF).

    Args:
        root: the folder. Hidden files, and files that no image is expected in, are passed over.
        size: side of the square that every image is brought to: the shorter side is scaled to it, then the
            middle cut out. Without it, all must have one size.
        channels: 1 for grey, 3 for RGB, converted where necessary. Without it, all must be of one kind.
        seed: draws the validation and training images.
        validation, test: numbers of images; by default a fifth of all, each.
        train_size, label_noise, device: as for `load`.

    Raises:
        InputError: the folder is missing or laid out otherwise, a file is no image or is cut off, or images
            differ in size or kind; the sentence names the file and what to do.
    """
    given = arguments.folder("root", root)
    if given is None:
        raise arguments.refused("root", root, f"a folder; {LAYOUT}")
    folder = Path(given)
    if size is not None:
        size = arguments.whole("size", size, 1)
    if channels is not None and channels not in MODES:
        raise arguments.refused("channels", channels, "1 for grey or 3 for RGB")
    files = _files(folder)
    labels = torch.tensor([number for number, paths in enumerate(files.values()) for _ in paths])
    images = _together([path for paths in files.values() for path in paths], size, channels)
    K, N = len(files), len(labels)
    fifth = max(K, N // 5)
    apart = arguments.whole("test", fifth if test is None else test, 0)
    if apart and not K <= apart <= N - 2 * K:
        allowed = f"0, or from {K} (one per class) to {N - 2 * K}: there are {N:,} images"
        raise arguments.refused("test", apart, allowed)
    return parts(
        folder.resolve().name,
        Raw(tuple(files), images, labels, 255),
        seed=seed,
        validation=fifth if validation is None else validation,
        test=apart,
        train_size=train_size,
        label_noise=label_noise,
        device=device,
    )


def _files(root: Path) -> dict[str, list[Path]]:
    """The image files by class."""
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; {LAYOUT}.")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = {
        folder.name: sorted(
            path
            for path in folder.rglob("*")
            if path.suffix.lower() in ENDINGS and path.is_file() and not path.name.startswith(".")
        )
        for folder in folders
    }
    if len(files) < 2:
        found = f"has one folder, {folders[0].name}" if folders else "has no folders"
        raise InputError(f"{root} {found}; {LAYOUT}, and at least two classes.")
    for name, paths in files.items():
        if len(paths) < FEWEST:
            raise InputError(
                f"the class {name} has {len(paths)} images ({', '.join(ENDINGS)}) in {root / name}; it needs "
                f"at least {FEWEST}, one each for training, validation and test. Add some, or move the "
                "folder away."
            )
    return files


def _together(paths: list[Path], size: int | None, channels: int | None) -> Tensor:
    """(N, C, H, W) uint8; an `InputError` names the first image that does not fit the first one."""
    first = _image(paths[0], size, channels)
    images = torch.empty((len(paths), *first.shape), dtype=torch.uint8)
    for number, path in enumerate(paths):
        image = _image(path, size, channels)
        if image.shape[1:] != first.shape[1:]:
            (h, w), (H, W) = image.shape[1:], first.shape[1:]
            raise InputError(
                f"{path} is {w} × {h} pixels and {paths[0]} is {W} × {H}; bring all to one size with "
                f"size={min(h, w, H, W)}, or any other."
            )
        if image.shape != first.shape:
            raise InputError(
                f"{path} has {len(image)} channels and {paths[0]} has {len(first)}; make all grey with "
                "channels=1, or RGB with channels=3."
            )
        images[number] = image
    return images


def _image(path: Path, size: int | None, channels: int | None) -> Tensor:
    """One image as (C, H, W) uint8."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            mode = MODES[channels] if channels else image.mode
            if mode not in MODES.values():
                raise InputError(
                    f"{path} is of the kind {image.mode!r} (transparent, indexed, 16 bits or the like); "
                    "convert all with channels=3 for RGB, or channels=1 for grey."
                )
            image = image.convert(mode)
            if size is not None:
                image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
            pixels = np.array(image, dtype=np.uint8)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no image; replace it, or take it out of the folder.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} cannot be read ({reason}); replace it, or take it out of the folder."
        ) from error
    return torch.from_numpy(pixels).reshape(*pixels.shape[:2], -1).permute(2, 0, 1)
