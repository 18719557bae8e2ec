"""A dataset with some of its classes, to train on these and to go on with others."""

from collections.abc import Iterable
from dataclasses import replace

import torch

from cnnlab.data import arguments, splits
from cnnlab.data.load import Dataset, Split
from cnnlab.errors import InputError


def only(
    dataset: Dataset, classes: Iterable[int], *, train_size: int | None = None, seed: int = 0
) -> Dataset:
    """The images of some classes, which are numbered 0, 1, … in the order given.

    Args:
        train_size: number of training images, a stratified subset drawn from `seed`; all unless given.
    """
    wanted = list(classes)
    K = len(dataset.classes)
    if not wanted or len(set(wanted)) < len(wanted) or not set(wanted) <= set(range(K)):
        raise InputError(f"classes are {wanted}; they must be different numbers from 0 to {K - 1}.")
    train, validation, test = (
        _chosen(part, wanted) for part in (dataset.train, dataset.validation, dataset.test)
    )
    if train_size is not None:
        train_size = arguments.whole("train_size", train_size, 1)
        if not len(wanted) <= train_size <= len(train):
            allowed = f"from {len(wanted)} (one per class) to {len(train)}"
            raise arguments.refused("train_size", train_size, allowed)
        labels = train.labels.cpu().numpy()
        index = torch.from_numpy(splits.stratified(labels, train_size, seed, use="train_size")[0])
        train = replace(train, images=train.images[index], labels=train.labels[index])
    names = tuple(dataset.classes[c] for c in wanted)
    return Dataset(dataset.name, names, train, validation, test)


def _chosen(split: Split, wanted: list[int]) -> Split:
    matches = split.labels[:, None] == torch.tensor(wanted, device=split.labels.device)
    inside = matches.any(dim=1)
    return replace(split, images=split.images[inside], labels=matches[inside].int().argmax(dim=1))
