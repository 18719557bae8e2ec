"""The drawn cars carry their cue where they should, and the photographs arrive in colour."""

import pytest
import torch

from cnnlab.data.cars import cars, draw
from cnnlab.data.photographs import PHOTOGRAPHS, photograph
from cnnlab.errors import InputError


def facing(images: torch.Tensor) -> torch.Tensor:
    """1 for right: the cabin, above the car's middle, is behind it."""
    dark = (images[:, 0] < 0.6).float()
    columns = torch.arange(32.0)
    cabins = [mask[: int(mask.sum(1).argmax())] for mask in dark]
    top, middle = ([(mask.sum(0) * columns).sum() / mask.sum() for mask in masks] for masks in (cabins, dark))
    return (torch.stack(top) < torch.stack(middle)).long()


@pytest.mark.parametrize(("cue", "least", "most"), [(1.0, 0.95, 1.0), (0.0, 0.35, 0.65)])
def test_the_direction_gives_the_brand_away_only_where_it_should(
    cue: float, least: float, most: float
) -> None:
    data = cars(0, train_size=200, test=200, cue=cue)
    for split in (data.train, data.validation):
        assert least <= (facing(split.images) == split.labels).float().mean() <= most
    assert 0.35 < (facing(data.test.images) == data.test.labels).float().mean() < 0.65


def test_a_mirrored_car_faces_the_other_way_and_keeps_its_brand() -> None:
    brands, left = torch.tensor([0, 1]), torch.tensor([0, 0])
    seen = [draw(brands, way, torch.Generator().manual_seed(1)) for way in (left, 1 - left)]
    assert (facing(seen[0]) == 0).all()
    assert (facing(seen[0].flip(-1)) == 1).all()
    assert (facing(seen[1]) == 1).all()


def test_the_same_seed_gives_the_same_cars() -> None:
    one, two, other = cars(4), cars(4), cars(5)
    assert torch.equal(one.train.images, two.train.images)
    assert not torch.equal(one.train.images, other.train.images)
    assert [split.part for split in (one.train, one.validation, one.test)] == ["train", "validation", "test"]
    assert one.train.images.min() >= 0
    assert one.train.images.max() <= 1
    with pytest.raises(InputError, match="cue is 2"):
        cars(0, cue=2)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_small_and_in_colour(name: str) -> None:
    image = photograph(name, 96)
    assert image.shape == (3, 64, 96)
    assert 0 <= image.min() < image.max() <= 1
    red, _, blue = image[:, 32, 48] if name == "flower" else image[:, 5].mean(dim=1)  # the dahlia; the sky
    assert (red > blue) == (name == "flower")


def test_an_unknown_photograph_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="china"):
        photograph("dog")
