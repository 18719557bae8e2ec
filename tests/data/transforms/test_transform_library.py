"""torchvision's transforms inside a training, mixup, and the views of a test image."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn
from torchvision.transforms import v2

from cnnlab.data import Split
from cnnlab.data.transforms import SCALES, CropFlipErase, EachImage, Mixup, WholeBatch, ten_crops
from cnnlab.errors import InputError
from cnnlab.training import evaluate, fit, test_time_probabilities

LIBRARY = {
    "jitter": v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "rotation": v2.RandomRotation(10),
    "translation": v2.RandomAffine(0, translate=(0.1, 0.1)),
    "warping": v2.ElasticTransform(alpha=20.0, sigma=1.0),
    "noise": v2.GaussianNoise(sigma=0.1),
    "resized crop": v2.RandomResizedCrop((8, 10), antialias=True),
    "autoaugment": v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10),
    "erasing": v2.RandomErasing(1.0),
}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", LIBRARY)
def test_each_image_has_its_own_draw_from_the_given_generator(name: str, train_colours: Split) -> None:
    image = train_colours.images[:1].repeat(16, 1, 1, 1)
    augment, state = EachImage(LIBRARY[name]), torch.get_rng_state()
    one = augment(image, generator(1))
    assert one.shape == image.shape
    assert len({picture.numpy().tobytes() for picture in one}) > 4  # some policies leave an image as it is
    torch.manual_seed(99)  # has no say
    assert torch.equal(one, augment(image, generator(1)))
    assert not torch.equal(one, augment(image, generator(2)))
    torch.set_rng_state(state)
    augment(image, generator(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_whole_batch_at_once_has_a_single_draw(train_colours: Split) -> None:
    image = train_colours.images[:1].repeat(16, 1, 1, 1)
    changed = WholeBatch(v2.RandomCrop((8, 10), padding=3))(image, generator(1))
    assert len({picture.numpy().tobytes() for picture in changed}) == 1


def test_mixup_mixes_images_and_labels_by_the_same_share(train_colours: Split) -> None:
    images, labels = train_colours.images, train_colours.labels
    mixed, shares = Mixup(alpha=1.0, classes=4)(images, labels, generator(3))
    assert shares.shape == (40, 4)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(40))
    lam = float(shares[0, labels[0]])
    assert 0 < lam < 1
    torch.testing.assert_close(mixed, lam * images + (1 - lam) * images.roll(1, 0))
    expected = lam * F.one_hot(labels, 4) + (1 - lam) * F.one_hot(labels.roll(1, 0), 4)
    torch.testing.assert_close(shares, expected)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_the_shares_have_the_beta_distribution(alpha: float) -> None:
    images, labels, drawn = torch.zeros(2, 1, 1, 1), torch.tensor([0, 1]), generator(0)
    mix = Mixup(alpha, classes=2)
    shares = np.array([float(mix(images, labels, drawn)[1][0, 0]) for _ in range(1000)])
    assert stats.kstest(shares.astype(float).clip(1e-7, 1 - 1e-7), stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert stats.kstest(shares, stats.beta(2 * alpha, alpha).cdf).pvalue < 1e-6


@pytest.mark.parametrize("alpha", [0, -1.0, "1", True, float("nan")])
def test_mixup_needs_a_positive_alpha(alpha) -> None:
    with pytest.raises(InputError, match="alpha is"):
        Mixup(alpha)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(240, 4))


def history(data: Split, **options: object):
    torch.manual_seed(0)
    model = network()
    options = {"epochs": 2, "batch_size": 8, "device": "cpu", "progress": False} | options
    return model, fit(model, data, data, **options)


def test_a_training_mixes_its_labels_and_is_measured_on_whole_ones(train_colours: Split) -> None:
    seen = []

    def loss(logits, labels):
        seen.append(labels.shape)
        return F.cross_entropy(logits, labels)

    mix = Mixup(alpha=1.0, classes=4)
    model, table = history(train_colours, mix=mix, loss=loss)
    assert seen[0] == (8, 4)
    assert seen[-1] == (40,)
    assert table["accuracy"].iloc[-1] == evaluate(model, train_colours)[1]
    again, _ = history(train_colours, mix=mix)
    assert torch.equal(again[1].weight, model[1].weight)
    plain, _ = history(train_colours)
    assert not torch.equal(plain[1].weight, model[1].weight)


def test_augmentation_acts_in_training_and_never_when_measuring(train_colours: Split) -> None:
    """What is measured on the images as they are does not depend on how those of a batch were changed."""
    lost = lambda images, generator: torch.zeros_like(images)  # noqa: E731
    model, table = history(train_colours, augment=lost)
    assert evaluate(model, train_colours) == (table["loss"].iloc[-1], table["accuracy"].iloc[-1])
    assert torch.equal(model[1].weight, network()[1].weight)  # no pixel, no gradient for a weight
    model, _ = history(train_colours, augment=CropFlipErase(1, erase=0.5))
    assert not torch.equal(model[1].weight, network()[1].weight)


@pytest.mark.parametrize("label", [4, -1])
def test_labels_without_an_output_are_named_before_training(label: int, train_colours: Split) -> None:
    train_colours.labels[[5, 9]] = label
    with pytest.raises(InputError) as caught:
        history(train_colours)
    said = str(caught.value)
    assert f"2 of 40 labels are out of range, the first at position 5: {label}." in said
    assert "The network has 4 outputs, so labels are whole numbers from 0 to 3" in said


def test_ten_crops_are_torchvisions(train_colours: Split) -> None:
    images = train_colours.images
    views = list(ten_crops(images, crop=6))
    resized = v2.functional.resize(images, [6], antialias=True)
    for ours, theirs in zip(views, v2.TenCrop(6)(resized), strict=True):
        assert torch.equal(ours, theirs)
    five = list(ten_crops(images[:3], crop=7, scales=SCALES))
    assert len(five) == 50
    assert {view.shape for view in five} == {(3, 3, 7, 7)}
    assert [round(7 * scale) for scale in SCALES] == [7, 8, 12, 15, 20]
    assert [round(224 * scale) for scale in SCALES] == [224, 256, 384, 480, 640]


@pytest.mark.parametrize("scales", [(), (0.9,), (1.0, float("nan"))])
def test_scales_below_one_are_refused(scales) -> None:
    with pytest.raises(InputError, match="scales is"):
        list(ten_crops(torch.rand(2, 1, 8, 8), scales=scales))


def test_predictions_are_averaged_over_the_views_in_evaluation_mode(train_colours: Split) -> None:
    images = train_colours.images[..., :8]
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 4))
    found = test_time_probabilities(model, ten_crops(images, scales=(1.0, 1.5)))
    model.eval()
    with torch.no_grad():
        each = [model(view).softmax(dim=1) for view in ten_crops(images, scales=(1.0, 1.5))]
    torch.testing.assert_close(found, torch.stack(each).mean(dim=0))
    with pytest.raises(InputError, match="no view"):
        test_time_probabilities(model, [])
