"""Statistics of the training images: the right ones, of nothing else, and carried into checkpoints."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn
from torchvision.transforms import v2

from cnnlab.data import Dataset, Split, load
from cnnlab.data.transforms import Centre, ColourOffset, Standardise, Whiten, prepare
from cnnlab.errors import InputError
from cnnlab.training import fit

ALL = [Centre, lambda: Centre("pixel"), Standardise, lambda: Standardise("pixel"), Whiten, ColourOffset]


def colours(n: int = 40, seed: int = 0, part: str | None = "train", side: int = 5) -> Split:
    """Images whose channels differ in mean and spread and are correlated."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, side, side, generator=generator)
    mix = torch.tensor([[0.2, 0.0, 0.0], [0.1, 0.05, 0.0], [0.02, 0.01, 0.3]])
    images = torch.einsum("kc,nchw->nkhw", mix, z) + torch.tensor([0.5, 0.3, 0.9])[:, None, None]
    return Split(images, torch.arange(n) % 4, part)


@pytest.fixture(scope="module")
def train() -> Split:
    return colours()


def rows(images: torch.Tensor) -> np.ndarray:
    return images.flatten(1).double().numpy()


def test_per_pixel_is_scikit_learns_scaler(train: Split) -> None:
    expected = StandardScaler().fit(rows(train.images))
    other = colours(7, seed=1, part="test").images
    found = Standardise("pixel").fit(train)(other)
    scale = expected.scale_ / (expected.scale_ + 1e-6)
    np.testing.assert_allclose(rows(found), expected.transform(rows(other)) * scale, rtol=1e-4, atol=1e-4)
    mean_image = Centre("pixel").fit(train).mean
    np.testing.assert_allclose(mean_image.flatten(), expected.mean_, rtol=1e-6)


def test_per_channel_is_numpys_mean_and_std_and_torchvisions_normalize(train: Split) -> None:
    standardise = Standardise().fit(train)
    pixels = train.images.double().numpy()
    mean, std = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    np.testing.assert_allclose(standardise.mean.flatten(), mean, rtol=1e-6)
    np.testing.assert_allclose(standardise.std.flatten(), std, rtol=1e-6)
    other = colours(7, seed=1).images
    expected = v2.Normalize(mean.tolist(), (std + 1e-6).tolist())(other)
    torch.testing.assert_close(standardise(other), expected)
    torch.testing.assert_close(Centre().fit(train)(other), v2.Normalize(mean.tolist(), [1.0] * 3)(other))


def test_the_training_images_come_out_with_mean_0_and_variance_1(train: Split) -> None:
    y = Standardise().fit(train)(train.images).double()
    assert y.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (y.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_one_value_in_all_images_is_not_divided_by_zero() -> None:
    train = Split(torch.full((4, 1, 2, 2), 0.25), torch.zeros(4).long(), "train")
    assert torch.equal(Standardise().fit(train)(train.images), torch.zeros(4, 1, 2, 2))


def test_the_sums_are_taken_in_double_precision() -> None:
    """In float32 the mean of so many equal pixels would be off by more than a hundred times this."""
    images = torch.full((64, 1, 256, 256), 0.1)
    images[0, 0, 0, 0] = 1e4
    found = Centre().fit(Split(images, torch.zeros(64).long(), "train")).mean.item()
    assert found == pytest.approx(images.double().mean().item(), rel=1e-7)


def test_whitening_is_scikit_learns(train: Split) -> None:
    train = colours(600, side=2)
    other = colours(9, seed=2, side=2).images
    pca = PCA(whiten=True).fit(rows(train.images))
    found = Whiten("pca", eps=0).fit(train)(other).flatten(1).double().numpy()
    expected = pca.transform(rows(other)) * (600 / 599) ** 0.5  # scikit-learn divides by N − 1
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=2e-3, atol=2e-3)
    few = Whiten("pca", eps=0, components=3).fit(train)(other)
    assert few.shape == (9, 3, 1, 1)
    np.testing.assert_allclose(few.flatten(1).double().numpy(), found[:, :3], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["rotate", "pca", "zca"])
def test_the_covariance_after_whitening(kind: str) -> None:
    train = colours(600, side=2)
    whiten = Whiten(kind, eps=0).fit(train)
    y = rows(whiten(train.images))
    covariance = np.cov(y, rowvar=False, bias=True)
    wanted = np.diag(whiten.variances.numpy()) if kind == "rotate" else np.eye(12)
    np.testing.assert_allclose(covariance, wanted, atol=2e-4)
    assert (np.diff(whiten.variances.numpy()) <= 0).all()


def test_zca_is_symmetric_and_the_nearest_of_all_whitenings() -> None:
    train = colours(600, side=2)
    zca, pca = Whiten("zca", eps=0).fit(train), Whiten("pca", eps=0).fit(train)
    torch.testing.assert_close(zca.matrix, zca.matrix.T, atol=1e-4, rtol=1e-4)
    centred = train.images - zca.mean
    assert (zca(train.images) - centred).square().sum() < (pca(train.images) - centred).square().sum()
    linear = v2.LinearTransformation(zca.matrix.T, zca.mean.flatten())
    torch.testing.assert_close(torch.stack([linear(x) for x in train.images]), zca(train.images))


def test_directions_that_never_vary_need_eps() -> None:
    train = load("digits").train  # its corners are always 0
    with pytest.raises(InputError, match=r"eps=0 divides by 0.*give eps"):
        Whiten(eps=0).fit(train)
    assert torch.isfinite(Whiten().fit(train)(train.images)).all()
    assert torch.isfinite(Whiten("rotate", eps=0).fit(train)(train.images)).all()


def test_the_colour_offset_has_alexnets_covariance(train: Split) -> None:
    """The offset P (α ∘ λ) has the covariance std² P diag(λ²) Pᵀ = std² Σ², Σ being that of the colours."""
    offset = ColourOffset(std=0.5).fit(train)
    images = torch.zeros(20_000, 3, 2, 2)
    drawn = offset(images, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, drawn[:, :, :1, :1].expand_as(drawn))  # the same for every pixel of an image
    sigma = np.cov(train.images.transpose(0, 1).flatten(1).double().numpy(), bias=True)
    found = np.cov(drawn[:, :, 0, 0].double().numpy(), rowvar=False)
    expected = 0.25 * sigma @ sigma
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(expected).max())
    assert not np.allclose(found, 0.25 * sigma, atol=0.03 * np.abs(expected).max())  # with √λ it would be


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("part", ["validation", "test", None])
def test_nothing_but_a_training_split_is_accepted(make, part: str | None) -> None:
    with pytest.raises(InputError) as caught:
        make().fit(colours(part=part))
    said = str(caught.value)
    assert "may be fitted on the training split only" in said
    assert (f"a {part} split" if part else "a split of unknown origin") in said
    assert "dataset.train" in said
    assert ("part='train'" in said) == (part is None)


@pytest.mark.parametrize("make", ALL)
def test_tensors_and_whole_datasets_are_refused_too(make) -> None:
    split = colours()
    whole = Dataset("own", ("a", "b", "c", "d"), split, colours(part="validation"), colours(part="test"))
    for given in (split.images, split.images.numpy(), whole, (split.images, split.labels)):
        with pytest.raises(InputError, match="is fitted on a training split, not on a"):
            make().fit(given)


def test_the_parts_of_a_loaded_data_set_say_which_they_are() -> None:
    data = load("digits")
    assert [data.train.part, data.validation.part, data.test.part] == ["train", "validation", "test"]
    Standardise().fit(data.train)
    for part in (data.validation, data.test):
        with pytest.raises(InputError):
            Standardise().fit(part)


def test_unusable_images_are_refused() -> None:
    empty = Split(torch.zeros(0, 3, 2, 2), torch.zeros(0).long(), "train")
    with pytest.raises(InputError, match="has no image"):
        Standardise().fit(empty)
    broken = colours()
    broken.images[3, 0, 1, 1] = float("nan")
    with pytest.raises(InputError, match="nan or infinite"):
        Standardise().fit(broken)
    with pytest.raises(InputError, match="needs images with 3 channels; these have 1"):
        ColourOffset().fit(Split(torch.rand(5, 1, 2, 2), torch.zeros(5).long(), "train"))


@pytest.mark.parametrize("make", ALL)
def test_it_is_not_used_before_it_is_fitted(make) -> None:
    arguments = (torch.Generator(),) if make is ColourOffset else ()
    with pytest.raises(InputError, match="has no statistics yet; call fit"):
        make()(torch.rand(2, 3, 5, 5), *arguments)


def test_images_of_another_shape_are_refused(train: Split) -> None:
    with pytest.raises(InputError, match="3 channels; these are"):
        Standardise().fit(train)(torch.rand(2, 1, 5, 5))
    for make in (lambda: Standardise("pixel"), Whiten):
        with pytest.raises(InputError, match=r"shape \(3, 5, 5\); these are"):
            make().fit(train)(torch.rand(2, 3, 4, 5))


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (lambda: Standardise("image"), "unknown kind of statistics 'image'"),
        (lambda: Whiten("xca"), "unknown kind of whitening 'xca'"),
        (lambda: Whiten(eps=-1), "eps is -1"),
        (lambda: Whiten("zca", components=3), "components= is for"),
        (lambda: Whiten("pca", components=0), "components is 0"),
        (lambda: Whiten("pca", components=99).fit(colours()), "at most the 75 values"),
        (lambda: ColourOffset(-0.1), "std is -0.1"),
    ],
)
def test_impossible_settings_are_refused(make, fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert fragment in str(caught.value)


def network(transform: nn.Module) -> nn.Module:
    return nn.Sequential(transform, nn.Flatten(), nn.Linear(75, 4))


@pytest.mark.parametrize("make", ALL[:-1])
def test_the_statistics_travel_in_the_state_of_a_network(make, train: Split) -> None:
    """Into a network whose own transform has not been fitted, or was fitted on other images."""
    saved = network(make().fit(train))
    for other in (make(), make().fit(colours(seed=9))):
        loaded = network(other)
        loaded.load_state_dict(saved.state_dict())
        x = torch.rand(3, 3, 5, 5)
        assert torch.equal(loaded(x), saved(x))
    assert not list(make().fit(train).parameters())  # an optimizer would change them


def test_the_statistics_travel_in_a_checkpoint_of_a_training(train: Split, tmp_path) -> None:
    path = tmp_path / "run.pt"
    run = {"epochs": 1, "checkpoint": path, "device": "cpu", "progress": False}
    first = network(Standardise().fit(train))
    fit(first, train, colours(8, seed=1, part="validation"), **run)
    other = replace(train, images=train.images + 1.0)
    second = network(Standardise().fit(other))
    fit(second, train, colours(8, seed=1, part="validation"), **run)
    assert torch.equal(second[0].mean, first[0].mean)
    x = torch.rand(3, 3, 5, 5)
    assert torch.equal(second(x), first(x))


def test_prepare_fits_in_order_and_on_training_images_only() -> None:
    data = load("digits")
    standardise, whiten = Standardise("pixel"), Whiten("zca")
    prepared = prepare(data, standardise, whiten, lambda x: 2 * x)
    once = standardise(data.train.images)
    torch.testing.assert_close(whiten.mean, once.double().mean(dim=0).float(), atol=1e-6, rtol=0)
    for name in ("train", "validation", "test"):
        before, after = getattr(data, name), getattr(prepared, name)
        assert torch.equal(after.images, 2 * whiten(standardise(before.images)))
        assert torch.equal(after.labels, before.labels)
        assert after.part == name
    assert data.train.images.min() == 0  # the data set itself is as it was


def test_it_works_on_every_device(device: str, train: Split) -> None:
    data = replace(train, images=train.images.to(device), labels=train.labels.to(device))
    for transform in (Centre(), Standardise("pixel"), Whiten(), Whiten("pca", components=2)):
        expected = transform.fit(train)(train.images)
        again = type(transform).__call__(transform.to(device), data.images)
        torch.testing.assert_close(again.cpu(), expected, atol=1e-4, rtol=1e-3)
