"""Images from folders: what torchvision's reader gives, split like every dataset; bad ones are named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from cnnlab.data import from_folder
from cnnlab.errors import InputError

COUNTS = {"ant": 20, "bee": 30, "cat": 10}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes of RGB images of 12 × 8 pixels, and files that are no images."""
    draw = np.random.default_rng(0)
    for name, count in COUNTS.items():
        (tmp_path / "photos" / name / "deeper").mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 256, (8, 12, 3), dtype=np.uint8)
            ending = "deeper/{}.png" if number % 7 == 0 else "{}.PNG" if number % 7 == 1 else "{}.png"
            Image.fromarray(pixels).save(tmp_path / "photos" / name / ending.format(number))
        (tmp_path / "photos" / name / "notes.txt").write_text("no image")
        (tmp_path / "photos" / name / ".hidden.png").write_text("no image")
    (tmp_path / "photos/.cache").mkdir()
    (tmp_path / "photos/readme.md").write_text("no class")
    return tmp_path / "photos"


def test_the_images_are_those_that_torchvision_reads(photos: Path) -> None:
    ours = from_folder(photos)
    assert (ours.name, ours.classes) == ("photos", tuple(COUNTS))
    everything = (ours.train, ours.validation, ours.test)
    assert [len(split) for split in everything] == [36, 12, 12]
    got = {
        (split.labels[i].item(), (255 * split.images[i]).round().byte().numpy().tobytes())
        for split in everything
        for i in range(len(split))
    }
    (photos / "ant/.hidden.png").unlink(), (photos / "bee/.hidden.png").unlink()
    (photos / "cat/.hidden.png").unlink(), (photos / ".cache").rmdir()
    theirs = ImageFolder(str(photos), transform=v2.ToImage())
    assert got == {(label, image.numpy().tobytes()) for image, label in theirs}
    assert len(got) == sum(COUNTS.values())


def test_the_split_is_stratified_and_the_test_images_are_the_same_for_every_seed(photos: Path) -> None:
    one, other = from_folder(photos, seed=0), from_folder(photos, seed=1)
    assert torch.equal(one.test.images, other.test.images)
    assert not torch.equal(one.train.images, other.train.images)
    assert one.test.labels.bincount().tolist() == [4, 6, 2]
    assert one.train.part == "train"
    few = from_folder(photos, validation=6, test=6, train_size=12, label_noise=0.5)
    assert [len(split) for split in (few.train, few.validation, few.test)] == [12, 6, 6]
    assert len(from_folder(photos, validation=0, test=0).train) == 60


def test_sizes_and_kinds_are_converted_when_asked(photos: Path) -> None:
    Image.new("L", (40, 90)).save(photos / "ant/tall.png")
    Image.new("RGBA", (90, 40), (255, 0, 0, 255)).save(photos / "bee/wide.png")
    Image.new("P", (5, 5)).save(photos / "cat/small.gif")
    colour, grey = from_folder(photos, size=10, channels=3), from_folder(photos, size=10, channels=1)
    assert colour.train.images.shape[1:] == (3, 10, 10)
    assert grey.train.images.shape[1:] == (1, 10, 10)
    assert grey.train.images.max() <= 1


def test_a_photograph_is_turned_as_its_camera_says(photos: Path) -> None:
    image = Image.new("RGB", (12, 8))
    image.paste((255, 255, 255), (0, 0, 6, 8))  # the left half is white
    exif = image.getexif()
    exif[0x0112] = 3  # turned by 180°
    image.save(photos / "ant/turned.png", exif=exif)
    every = from_folder(photos, validation=0, test=0).train
    halves = [i for i in range(len(every)) if every.images[i].unique().tolist() == [0.0, 1.0]]
    assert len(halves) == 1
    assert every.images[halves[0]][:, :, 0].max() == 0


def _truncated(photos: Path) -> None:
    path = photos / "bee/3.png"
    path.write_bytes(path.read_bytes()[:120])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "mixed sizes": (lambda p: Image.new("RGB", (9, 9)).save(p / "bee/odd.png"), r"odd\.png is 9 × 9.*size=8"),
    "grey among RGB": (
        lambda p: Image.new("L", (12, 8)).save(p / "bee/odd.png"),
        r"odd\.png has 1 .*channels=1",
    ),
    "transparent": (
        lambda p: Image.new("RGBA", (12, 8)).save(p / "bee/odd.png"),
        r"of the kind 'RGBA'.*channels=3",
    ),
    "16 bits": (lambda p: Image.new("I;16", (12, 8)).save(p / "bee/odd.png"), r"of the kind 'I;16'"),
    "no image": (lambda p: (p / "bee/odd.png").write_text("hello"), r"odd\.png is no image"),
    "empty": (lambda p: (p / "bee/odd.png").write_bytes(b""), r"odd\.png is no image"),
    "truncated": (_truncated, r"3\.png cannot be read \(.*\); replace it"),
    "an empty class": (lambda p: (p / "dog").mkdir(), r"the class dog has 0 images"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_named(photos: Path, fault: str) -> None:
    damage, said = BAD[fault]
    damage(photos)
    with pytest.raises(InputError, match=said):
        from_folder(photos)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"root": "nowhere"}, "there is no folder nowhere; it needs one folder per class"),
        ({"root": ""}, "root is ''; it must be a folder"),
        ({"size": 0}, "size is 0; it must be a whole number of at least 1"),
        ({"channels": 2}, "channels is 2; it must be 1 for grey or 3 for RGB"),
        ({"test": 2}, r"test is 2; it must be 0, or from 3 \(one per class\) to 54"),
        ({"test": 58}, "test is 58"),
        ({"validation": 50}, "validation is 50"),
        ({"train_size": 999}, "train_size is 999"),
        ({"label_noise": 1.5}, "label_noise is 1.5"),
    ],
)
def test_bad_arguments(photos: Path, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_folder(**({"root": photos} | arguments))  # type: ignore[arg-type]


def test_a_folder_of_images_is_no_folder_of_classes(photos: Path) -> None:
    with pytest.raises(InputError, match=r"cat has one folder, deeper; it needs one folder per class"):
        from_folder(photos / "cat")
    with pytest.raises(InputError, match="has no folders"):
        from_folder(photos / "cat/deeper")
