"""A problem that a small network solves in a second: each class has its own bright pixel."""

import pandas as pd
import torch
from torch import nn

from cnnlab.data import Split
from cnnlab.models import build, initialise
from cnnlab.training import fit


def blobs(n: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (n,), generator=generator)
    images = 0.3 * torch.rand(n, 1, 2, 2, generator=generator)
    images.flatten(1)[torch.arange(n), labels] += 0.5
    return Split(images, labels)


TRAIN, VALIDATION = blobs(60, seed=0), blobs(40, seed=1)


def network(dropout: float = 0.5, **options: object) -> nn.Module:
    model = build("mlp", **{"inputs": 4, "hidden": (16,), "classes": 4, "dropout": dropout} | options)
    initialise(model, seed=0)
    return model


def run(model: nn.Module, **options: object) -> pd.DataFrame:
    return fit(model, TRAIN, VALIDATION, **{"epochs": 3, "batch_size": 16, "device": "cpu"} | options)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
