"""Mini-batches: what is in them, in which order, and what is refused."""

import pytest
import torch

from cnnlab.data import Split, batches
from cnnlab.errors import InputError

N = 23


@pytest.fixture
def split():
    """Image k is filled with k and has the label k."""
    labels = torch.arange(N)
    return Split(labels.float().reshape(N, 1, 1, 1).expand(N, 2, 3, 3).clone(), labels)


def labels_of(passes) -> list[int]:
    return torch.cat([labels for _, labels in passes]).tolist()


@pytest.mark.parametrize("batch_size", [1, 5, N, 100])
@pytest.mark.parametrize("shuffle", [False, True])
def test_one_pass_has_every_image_once_with_its_label(split, batch_size, shuffle):
    found = list(batches(split, batch_size, shuffle=shuffle, generator=0))
    assert sorted(labels_of(found)) == list(range(N))
    for images, labels in found:
        assert images.shape == (len(labels), 2, 3, 3)
        assert torch.equal(images[:, 0, 0, 0].long(), labels)
    assert [len(labels) for _, labels in found[:-1]] == [batch_size] * (len(found) - 1)


def test_without_shuffling_the_order_stays(split):
    assert labels_of(batches(split, 4)) == list(range(N))
    assert labels_of(batches(split, 4, generator=torch.Generator())) == list(range(N))


def test_a_seed_gives_the_same_order_every_time(split):
    first = labels_of(batches(split, 4, shuffle=True, generator=1))
    assert labels_of(batches(split, 4, shuffle=True, generator=1)) == first
    assert labels_of(batches(split, 4, shuffle=True, generator=2)) != first
    assert first != list(range(N))


def test_a_generator_goes_on_from_pass_to_pass(split):
    def two_passes():
        generator = torch.Generator().manual_seed(1)
        return [labels_of(batches(split, 4, shuffle=True, generator=generator)) for _ in range(2)]

    first, second = two_passes()
    assert first != second
    assert two_passes() == [first, second]


def test_the_order_is_drawn_at_the_call(split):
    """So that two passes begun one after the other do not depend on how they are interleaved."""
    generator = torch.Generator().manual_seed(1)
    late = batches(split, 4, shuffle=True, generator=generator)
    batches(split, 4, shuffle=True, generator=generator)
    assert labels_of(late) == labels_of(batches(split, 4, shuffle=True, generator=1))


def test_the_last_short_batch_is_dropped_only_on_request(split):
    assert [len(labels) for _, labels in batches(split, 10)] == [10, 10, 3]
    assert [len(labels) for _, labels in batches(split, 10, drop_last=True)] == [10, 10]
    assert list(batches(split, 100, drop_last=True)) == []


def test_an_empty_split_has_no_batches():
    empty = Split(torch.zeros(0, 1, 2, 2), torch.zeros(0, dtype=torch.int64))
    assert list(batches(empty, 4)) == []
    assert list(batches(empty, 4, shuffle=True, generator=0)) == []


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ({"batch_size": 0}, ["batch_size is 0", "at least 1"]),
        ({"batch_size": -3}, ["batch_size is -3"]),
        ({"batch_size": 2.0}, ["batch_size is 2.0", "a whole number"]),
        ({"batch_size": 2, "shuffle": True}, ["shuffle=True needs generator="]),
        ({"batch_size": 2, "shuffle": True, "generator": "0"}, ["generator is '0'"]),
        ({"batch_size": 2, "shuffle": True, "generator": -1}, ["generator is -1"]),
    ],
)
def test_bad_arguments_are_refused_at_the_call(split, arguments, fragments):
    with pytest.raises(InputError) as caught:
        batches(split, **arguments)
    for fragment in fragments:
        assert fragment in str(caught.value)
