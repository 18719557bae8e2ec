"""What the gallery's page does to a photograph, against torchvision."""

import json
from collections.abc import Callable

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from cnnlab.data.photographs import photograph
from cnnlab.widgets.augmentation_gallery import AugmentationGallery

USE = """
const photo = module.decode(PIXELS, 96);
const show = (image) => print(JSON.stringify(Array.from(image.data, (v) => Number(v.toFixed(5)))));
show(module.brightness(photo, 1.4));
show(module.contrast(photo, 0.6));
show(module.saturation(photo, 1.7));
show(module.hue(photo, -0.2));
show(module.flip(photo, true));
show(module.flip(photo, false));
show(module.rotate(photo, 30));
show(module.crop(photo, 0.25, [0, 1]));
const plain = { smallest: 1, mirror: false, upside_down: false, angle: 0, brightness: 0, contrast: 0,
  saturation: 0, hue: 0, noise: 0, erase: 0 };
print(module.draw(photo, plain, 0).words);
const some = { ...plain, mirror: true, erase: 0.3, brightness: 0.5 };
const small = { W: 6, H: 4, data: photo.data.slice(0, 72) };
print(Array.from({ length: 400 }, (_, i) => module.draw(small, some, i).words));
print(words());
for (const [name, value] of [["smallest crop", 1], ["largest angle", 40], ["brightness", 0], ["contrast", 0],
  ["saturation", 0], ["hue", 0.3], ["noise", 0.1], ["erase", 1], ["photograph", "china"]]) {
  move(name, value);
  print(words() + figure.querySelectorAll("canvas")[1].toDataURL().length);
}
move("mirror left", 0);
move("turn upside", 0);
press("Draw again");
print([...figure.querySelectorAll("canvas")].map((node) => node.getAttribute("aria-label")));
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    figure = AugmentationGallery()
    return browse(figure, USE.replace("PIXELS", json.dumps(figure.pixels["flower"])))


def test_colours_and_flips_are_those_of_torchvision(lines: list[str]) -> None:
    photo = (photograph("flower", 96) * 255).round() / 255
    expected = [
        F.adjust_brightness(photo, 1.4),
        F.adjust_contrast(photo, 0.6),
        F.adjust_saturation(photo, 1.7),
        F.adjust_hue(photo, -0.2),
        F.horizontal_flip(photo),
        F.vertical_flip(photo),
    ]
    for line, wanted in zip(lines, expected, strict=False):
        got = torch.tensor(json.loads(line)).reshape(64, 96, 3).permute(2, 0, 1)
        torch.testing.assert_close(got, wanted, atol=2e-4, rtol=0)


def test_a_turn_and_a_crop_are_those_of_torchvision(lines: list[str]) -> None:
    photo = (photograph("flower", 96) * 255).round() / 255
    turned, cut = (torch.tensor(json.loads(line)).reshape(64, 96, 3).permute(2, 0, 1) for line in lines[6:8])
    wanted = F.rotate(photo, 30, interpolation=F.InterpolationMode.BILINEAR, fill=[0.5, 0.5, 0.5])
    # Only where the border runs through a pixel do the two mix the fill differently.
    assert ((turned - wanted).abs() < 2e-3).float().mean() > 0.97
    quarter = F.resized_crop(photo, 32, 0, 32, 48, [64, 96], antialias=False)  # the lower left one
    torch.testing.assert_close(cut[:, 1:-1, 1:-1], quarter[:, 1:-1, 1:-1], atol=0.15, rtol=0)
    assert (cut - quarter).abs().mean() < 3e-3  # torchvision takes the border from inside the crop


def test_the_draws_have_the_distributions_that_are_promised(lines: list[str]) -> None:
    assert lines[8] == "nothing"
    draws = json.loads(lines[9])
    mirrored = sum("mirrored" in words for words in draws)
    erased = sum("erased" in words for words in draws)
    assert 160 < mirrored < 240
    assert 80 < erased < 160
    factors = torch.tensor([float(words.split("× ")[1].split(",")[0]) for words in draws])
    assert factors.min() >= 0.5
    assert factors.max() <= 1.5
    assert abs(factors.mean() - 1) < 0.05
    assert abs(factors.std() - 1 / 12**0.5) < 0.03


def test_every_control_changes_the_picture(lines: list[str]) -> None:
    assert len(set(lines[10:20])) == 10
    labels = json.loads(lines[20])
    assert labels[0] == "The photograph as it is: as it is"
    assert len(labels) == 7
    assert any("upside down" in label for label in labels)
    assert not any("mirrored" in label for label in labels)
