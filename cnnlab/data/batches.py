"""Mini-batches of a split that is in memory; a DataLoader's processes would only slow this down."""

from collections.abc import Iterator

import torch
from torch import Tensor

from cnnlab.data import arguments
from cnnlab.data.load import Split
from cnnlab.errors import InputError


def batches(
    split: Split,
    batch_size: int,
    *,
    shuffle: bool = False,
    generator: torch.Generator | int | None = None,
    drop_last: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One pass over a split in batches (images, labels).

    Args:
        split: what to pass over; images (N, C, H, W), labels (N,).
        batch_size: images in a batch, at least 1; the last batch may have fewer.
        shuffle: in random order. Without, batches are views: changing them in place changes the split.
        generator: needed to shuffle. A `torch.Generator` goes on from pass to pass, each in a new order;
            a seed gives the same order every time.
        drop_last: leave the last batch out when it has fewer images.

    Raises:
        InputError: at the call, not at the first batch.
    """
    size = arguments.whole("batch_size", batch_size, 1)
    if shuffle and generator is None:
        raise InputError(
            "shuffle=True needs generator=, a torch.Generator or a seed; the global one is not used"
        )
    order = _order(len(split), generator).to(split.labels.device) if shuffle else None
    return _slices(split, size, order, drop_last)


def _order(n: int, generator: torch.Generator | int | None) -> Tensor:
    if not isinstance(generator, torch.Generator):
        generator = torch.Generator().manual_seed(arguments.whole("generator", generator, 0))
    return torch.randperm(n, generator=generator, device=generator.device)


def _slices(
    split: Split, batch_size: int, order: Tensor | None, drop_last: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    end = len(split) - len(split) % batch_size if drop_last else len(split)
    for start in range(0, end, batch_size):
        stop = start + batch_size
        index = slice(start, stop) if order is None else order[start:stop]
        yield split.images[index], split.labels[index]
