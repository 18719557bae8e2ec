"""Seeded, stratified choices of images, as index arrays."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

# Every use of the seed has a stream of its own: more label noise, for example, leaves the split as it was.
STREAMS = {"test": 0, "validation": 1, "train_size": 2, "order": 3, "wrong images": 4, "wrong labels": 5}


def random_integers(n: int, seed: int, use: str) -> NDArray[np.uint64]:
    """n random 64-bit integers, the same for every version of NumPy and on every machine.

    `Generator.permutation`, `torch.randperm` and the like may change between releases, and with them every
    split.

    Source: the compatibility guarantee in the documentation of `numpy.random.PCG64`: "a fixed seed will
    always produce the same random integer stream".
    """
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(STREAMS[use],))).random_raw(n)


def random_order(n: int, seed: int, use: str) -> Indices:
    """The numbers 0 … n−1 in random order."""
    return np.argsort(random_integers(n, seed, use), kind="stable")


def quotas(counts: Indices, size: int) -> Indices:
    """Share `size` among classes that have `counts` images: each gets its exact share to within one.

    Largest remainders, in whole numbers; of equal remainders the lower class comes first.
    """
    total = int(counts.sum())
    share, remainder = np.divmod(counts * size, total)
    missing = size - int(share.sum())
    share[np.argsort(-remainder, kind="stable")[:missing]] += 1
    return share


def stratified(labels: Indices, size: int, seed: int, use: str) -> tuple[Indices, Indices]:
    """Choose `size` images so that every class keeps its share: positions (chosen, rest), in random order.

    Args:
        labels: (N,) class indices.
        size: 0 … N.
    """
    candidates = random_order(len(labels), seed, use)
    taken = np.zeros(len(labels), dtype=bool)
    for label, quota in enumerate(quotas(np.bincount(labels), size)):
        taken[candidates[labels[candidates] == label][:quota]] = True
    # Not in the order of the candidates: of those left over, whole stretches would lack a class or two.
    order = random_order(len(labels), seed, "order")
    return order[taken[order]], order[~taken[order]]


def wrong_labels(labels: Indices, share: float, num_classes: int, seed: int) -> Indices:
    """A copy of (N,) `labels` in which round(share·N) entries, drawn at random, are a different class.

    Every other class is equally likely. A larger share keeps a smaller one's wrong labels and adds to them.
    """
    n = len(labels)
    wrong = random_order(n, seed, "wrong images")[: round(share * n)]
    # Between 1 and K−1 classes further on, cyclically: never the right one.
    step = 1 + (random_integers(n, seed, "wrong labels") % np.uint64(num_classes - 1)).astype(np.int64)
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + step[wrong]) % num_classes
    return noisy


def first_copies(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N,) True where an image equals, byte for byte, none of `others` and none before it."""
    seen = {hashlib.sha256(image.tobytes()).digest() for image in others}
    first = np.ones(len(images), dtype=bool)
    for i, image in enumerate(images):
        digest = hashlib.sha256(image.tobytes()).digest()
        first[i] = digest not in seen
        seen.add(digest)
    return first
