"""The choices behind `load`, on labels that are harder than the real ones."""

import numpy as np
import pytest

from cnnlab.data.splits import first_copies, quotas, random_integers, random_order, stratified, wrong_labels


def test_random_integers_are_pcg64s_own():
    """Pinned: a change would change every split of every reader."""
    expected = [12492077108140196533, 4482314363672241088, 11285050184309440768]
    assert random_integers(3, 0, "validation").tolist() == expected
    assert random_order(8, 1, "test").tolist() == [4, 6, 1, 3, 2, 0, 5, 7]


def test_each_use_of_a_seed_has_its_own_stream():
    streams = [random_integers(4, 0, use).tolist() for use in ("test", "validation", "train_size")]
    assert len({tuple(stream) for stream in streams}) == 3


@pytest.mark.parametrize(
    "counts", [[1, 1], [500] * 10, [178, 182, 177, 183], [1, 2, 997], [7, 0, 13], [99, 1]]
)
def test_quotas_are_exact_to_within_one_for_every_size(counts):
    counts = np.array(counts)
    for size in range(counts.sum() + 1):
        found = quotas(counts, size)
        assert found.sum() == size
        assert (found <= counts).all()
        assert (np.abs(found - counts * size / counts.sum()) < 1).all()


@pytest.mark.parametrize("size", [0, 1, 10, 250, 499, 500])
def test_stratified_splits_everything_in_two(size):
    labels = np.random.default_rng(0).choice(4, 500, p=[0.1, 0.2, 0.3, 0.4])
    chosen, rest = stratified(labels, size, seed=3, use="validation")
    assert len(chosen) == size
    assert sorted([*chosen, *rest]) == list(range(500))
    expected = np.bincount(labels) * size / 500
    assert (np.abs(np.bincount(labels[chosen], minlength=4) - expected) < 1).all()


def test_every_image_is_equally_likely_to_be_chosen():
    labels = np.repeat(np.arange(4), 10)
    times = np.zeros(40)
    for seed in range(400):
        times[stratified(labels, 20, seed, "validation")[0]] += 1
    assert np.abs(times - 200).max() < 5 * 10  # five standard deviations


def test_every_position_is_equally_likely():
    first = np.bincount([random_order(5, seed, "test")[0] for seed in range(1000)], minlength=5)
    assert np.abs(first - 200).max() < 5 * (1000 * 0.2 * 0.8) ** 0.5


def test_wrong_labels_leave_their_argument_alone():
    labels = np.zeros(100, dtype=np.int64)
    noisy = wrong_labels(labels, 0.5, num_classes=2, seed=0)
    assert labels.sum() == 0
    assert noisy.sum() == 50


def test_first_copies():
    images = np.arange(6, dtype=np.uint8).repeat(4).reshape(6, 1, 2, 2)
    images[4] = images[1]
    others = images[[2]].copy()
    assert first_copies(images, others).tolist() == [True, True, False, True, False, True]
