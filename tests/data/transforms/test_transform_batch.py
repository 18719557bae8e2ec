"""Augmentation of a whole batch: the same distribution as torchvision's transforms, image by image."""

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from cnnlab.data.transforms import (
    ColourOffset,
    CropFlipErase,
    EachImage,
    chain,
    random_crop,
    random_erase,
    random_flip,
)
from cnnlab.errors import InputError

N, H, W = 6000, 8, 10
# A right implementation fails one test in a thousand draws; the seeds are fixed, so it never does here.
SIGNIFICANCE = 1e-3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(n: int = N) -> torch.Tensor:
    """Images in which every pixel has a number of its own, from 1."""
    return (1.0 + torch.arange(H * W)).reshape(1, 1, H, W).repeat(n, 1, 1, 1)


def offsets(images: torch.Tensor, padding: int) -> np.ndarray:
    """(N,) which crop an image of `numbered` is, 0 … (2p+1)²−1, read from its middle pixel."""
    middle = images[:, 0, H // 2, W // 2].long() - 1
    top, left = middle // W - H // 2 + padding, middle % W - W // 2 + padding
    return (top * (2 * padding + 1) + left).numpy()


def rectangles(images: torch.Tensor) -> list[tuple[int, int, int, int]]:
    """Top, left, height, width of what was erased, 0 where nothing was; it must be a rectangle."""
    found = []
    for image in images[:, 0] == 0:
        rows, columns = image.any(dim=1).nonzero().flatten(), image.any(dim=0).nonzero().flatten()
        if not len(rows):
            found.append((0, 0, 0, 0))
            continue
        top, left = int(rows[0]), int(columns[0])
        height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
        assert image.sum() == height * width
        found.append((top, left, height, width))
    return found


def same_frequencies(ours: np.ndarray, theirs: np.ndarray, least: int = 20) -> float:
    """p-value of the chi-squared test that two samples have one distribution; rare values together."""
    values = np.unique(np.concatenate([ours, theirs]))
    table = np.array([[(sample == value).sum() for value in values] for sample in (ours, theirs)])
    rare = table.sum(axis=0) < least
    if rare.any():
        table = np.concatenate([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)], axis=1)
    return stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue


def test_every_crop_is_one_that_torchvision_could_make() -> None:
    """Pixel for pixel: the crop of the padded image at the offset that the image shows."""
    images = torch.rand(200, 3, H, W, generator=generator(5))
    images[:, :1] = numbered(200)
    ours = random_crop(images, generator(), padding=2)
    padded = v2.functional.pad(images, [2, 2, 2, 2])
    for image, before, place in zip(ours, padded, offsets(ours, 2), strict=True):
        assert torch.equal(image, v2.functional.crop(before, *divmod(place, 5), H, W))


def test_crops_have_torchvisions_distribution() -> None:
    ours = offsets(random_crop(numbered(), generator(), padding=2), 2)
    theirs = offsets(EachImage(v2.RandomCrop((H, W), padding=2))(numbered(), generator(1)), 2)
    assert set(ours) == set(theirs) == set(range(25))
    assert same_frequencies(ours, theirs) > SIGNIFICANCE
    assert stats.chisquare(np.bincount(ours)).pvalue > SIGNIFICANCE
    narrow = np.random.default_rng(0).integers(0, 20, N)  # the test is able to see a missing row
    assert same_frequencies(narrow, theirs) < 1e-6


@pytest.mark.parametrize(
    ("mode", "theirs"), [("constant", "constant"), ("edge", "edge"), ("reflect", "reflect")]
)
def test_the_border_is_torchvisions(mode: str, theirs: str) -> None:
    images = torch.rand(40, 1, H, W, generator=generator(3))
    images[0] = numbered(1)
    all_crops = {
        v2.functional.crop(padded, top, left, H, W).numpy().tobytes()
        for padded in [v2.functional.pad(images[1], [3, 3, 3, 3], padding_mode=theirs)]
        for top in range(7)
        for left in range(7)
    }
    crops = random_crop(images[1:2].repeat(300, 1, 1, 1), generator(), padding=3, mode=mode)
    assert {crop.numpy().tobytes() for crop in crops} <= all_crops
    assert len({crop.numpy().tobytes() for crop in crops}) > 40


def test_the_fill_is_what_was_asked_for() -> None:
    crops = random_crop(torch.zeros(300, 1, H, W), generator(), padding=2, fill=-1.5)
    assert set(crops.unique().tolist()) == {-1.5, 0.0}


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("vertical", [False, True])
def test_flips_have_torchvisions_distribution_and_are_mirror_images(p: float, vertical: bool) -> None:
    images = numbered()
    ours = random_flip(images, generator(), p, vertical=vertical)
    mirror = v2.functional.vertical_flip if vertical else v2.functional.horizontal_flip
    chosen = (ours != images).flatten(1).any(dim=1)
    assert torch.equal(ours[chosen], mirror(images[chosen]))
    assert torch.equal(ours[~chosen], images[~chosen])
    assert stats.binomtest(int(chosen.sum()), N, p).pvalue > SIGNIFICANCE


@pytest.mark.parametrize(("area", "ratio"), [((0.02, 0.33), (0.3, 3.3)), ((0.5, 1.0), (0.2, 5.0))])
def test_erased_rectangles_have_torchvisions_distribution(area, ratio) -> None:
    """The second setting asks for rectangles that often do not fit, so that the tries are tested too."""
    images = numbered()
    ours = np.array(rectangles(random_erase(images, generator(), 0.7, area=area, ratio=ratio)))
    each = EachImage(v2.RandomErasing(0.7, scale=area, ratio=ratio))
    theirs = np.array(rectangles(each(images, generator(1))))
    for column in range(4):
        assert same_frequencies(ours[:, column], theirs[:, column]) > SIGNIFICANCE
    for column in range(2, 4):  # the shapes together with the places
        pairs = [sample[:, column] * 100 + sample[:, column - 2] for sample in (ours, theirs)]
        assert same_frequencies(*pairs) > SIGNIFICANCE
    shapes = [sample[:, 2] * 100 + sample[:, 3] for sample in (ours, theirs)]
    assert same_frequencies(*shapes) > SIGNIFICANCE
    assert stats.ks_2samp(ours[:, 2] * ours[:, 3], theirs[:, 2] * theirs[:, 3]).pvalue > SIGNIFICANCE


def test_the_tests_see_a_wrong_distribution_of_the_areas() -> None:
    """A ratio that is uniform instead of its logarithm, or the share's square root, would be found."""
    images = numbered()
    theirs = np.array(rectangles(EachImage(v2.RandomErasing(1.0))(images, generator(1))))
    for wrong in ({"ratio": (0.5, 2.0)}, {"area": (0.02, 0.4)}, {"area": (0.05, 0.33)}):
        ours = np.array(rectangles(random_erase(images, generator(), 1.0, **wrong)))
        shapes = [sample[:, 2] * 100 + sample[:, 3] for sample in (ours, theirs)]
        assert same_frequencies(*shapes) < 1e-6


def test_what_is_written_over_the_rectangle() -> None:
    images = torch.full((400, 3, H, W), 0.5)
    assert set(random_erase(images, generator(), 1.0, value=-2.0).unique().tolist()) == {-2.0, 0.5}
    noisy = random_erase(images, generator(), 1.0, value="random")
    noise = noisy[noisy != 0.5]
    assert stats.kstest(noise.numpy(), "norm").pvalue > SIGNIFICANCE
    per_image = (noisy != 0.5).float()
    assert torch.equal(per_image[:, 0], per_image[:, 1])  # one rectangle for all channels


def test_crop_flip_and_erase_together_have_torchvisions_distribution() -> None:
    """On a mean over pixels with weights of their own, which all three change."""
    images = torch.rand(1, 3, H, W, generator=generator(7)).repeat(N, 1, 1, 1)
    weights = torch.randn(3, H, W, generator=generator(8))
    ours = CropFlipErase(padding=2, flip=0.5, erase=0.5)(images, generator())
    steps = [v2.RandomCrop((H, W), padding=2), v2.RandomHorizontalFlip(), v2.RandomErasing(0.5)]
    theirs = EachImage(v2.Compose(steps))(images, generator(1))
    values = [(sample * weights).sum(dim=(1, 2, 3)).numpy() for sample in (ours, theirs)]
    assert stats.ks_2samp(*values).pvalue > SIGNIFICANCE
    without = CropFlipErase(padding=2, flip=0.5, erase=0.0)(images, generator())
    assert stats.ks_2samp((without * weights).sum(dim=(1, 2, 3)).numpy(), values[1]).pvalue < 1e-6


def test_images_are_drawn_independently() -> None:
    """One draw for the whole batch, the usual mistake, would give one offset."""
    changed = CropFlipErase(padding=2, flip=0.5, erase=0.5)(numbered(64), generator())
    assert len({image.numpy().tobytes() for image in changed}) > 50
    first, second = offsets(random_crop(numbered(), generator(), 1), 1).reshape(2, -1)
    assert stats.chi2_contingency(np.histogram2d(first, second, bins=9)[0]).pvalue > SIGNIFICANCE


def test_the_same_generator_gives_the_same_images_and_the_next_call_others() -> None:
    augment, images = CropFlipErase(2, erase=0.5), numbered(32)
    first = generator(4)
    one, two = augment(images, first), augment(images, first)
    again = generator(4)
    assert torch.equal(one, augment(images, again))
    assert torch.equal(two, augment(images, again))
    assert not torch.equal(one, two)


def test_the_argument_and_the_global_random_state_stay_as_they_were() -> None:
    images, state = numbered(64), torch.get_rng_state()
    before = images.clone()
    CropFlipErase(2, erase=1.0)(images, generator())
    random_crop(images, generator(), 0)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_device_gets_the_same_images(device: str) -> None:
    images = torch.rand(50, 3, H, W, generator=generator(1))
    for augment in (CropFlipErase(2, erase=0.5), CropFlipErase(3, mode="edge", erase=1.0, value="random")):
        on_device = augment(images.to(device), generator(2))
        assert on_device.device.type == device
        torch.testing.assert_close(on_device.cpu(), augment(images, generator(2)))


def test_nothing_to_do_returns_the_images() -> None:
    images = numbered(4)
    assert torch.equal(CropFlipErase(0, flip=0.0, erase=0.0)(images, generator()), images)


@pytest.mark.parametrize(
    ("settings", "fragment"),
    [
        ({"padding": -1}, "padding is -1"),
        ({"padding": 1.5}, "padding is 1.5"),
        ({"flip": 1.2}, "flip is 1.2"),
        ({"erase": -0.1}, "erase is -0.1"),
        ({"mode": "wrap"}, "unknown padding mode 'wrap'"),
        ({"area": (0.4, 0.2)}, "area is (0.4, 0.2)"),
        ({"ratio": (0.0, 1.0)}, "ratio is (0.0, 1.0)"),
        ({"value": "noise"}, "value is 'noise'"),
    ],
)
def test_impossible_settings_are_refused(settings, fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        CropFlipErase(**settings)
    assert fragment in str(caught.value)


def test_images_that_cannot_be_augmented_are_refused() -> None:
    with pytest.raises(InputError, match=r"images are \(N, C, H, W\)"):
        CropFlipErase()(torch.rand(3, 8, 8), generator())
    with pytest.raises(InputError, match="padding is 8; it must be below 8 to reflect"):
        CropFlipErase(8, mode="reflect")(torch.rand(2, 1, 8, 8), generator())


def test_a_chain_is_one_after_the_other(train_colours) -> None:
    offset = ColourOffset().fit(train_colours)
    both = chain(CropFlipErase(1), offset)
    once = generator(3)
    expected = offset(CropFlipErase(1)(train_colours.images, once), once)
    assert torch.equal(both(train_colours.images, generator(3)), expected)
