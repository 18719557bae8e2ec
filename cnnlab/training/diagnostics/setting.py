"""What the sanity checks are about, and what each of them answers."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from cnnlab.data import Split
from cnnlab.training.evaluation import Loss, device_of
from cnnlab.training.penalties import OptimizerFactory, Penalty


@dataclass(frozen=True)
class Verdict:
    """One check's answer.

    Attributes:
        check: its name, a key of `CHECKS`.
        passed: None when there was nothing to check; the evidence says why.
        evidence: a sentence with the numbers.
        advice: what to look at; empty when it passed.
        values: the numbers themselves.
    """

    check: str
    passed: bool | None
    evidence: str
    advice: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        word = {True: "passed", False: "FAILED", None: "–"}[self.passed]
        advice = f"\n{'':9}→ {self.advice}" if self.advice else ""
        return f"{word:8} {self.check}: {self.evidence}{advice}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """A network, its data and its loop, as `sanity_checks` received them; the checks train copies."""

    model: nn.Module
    train: Split
    validation: Split | None
    classes: int
    loss: Loss
    optimizer: OptimizerFactory
    penalty: Penalty | None
    after_step: Sequence[Callable[[nn.Module], object]]
    loop: Callable[..., pd.DataFrame]
    frozen: Sequence[str]
    seed: int

    def copy(self, *, dropout: bool = True) -> nn.Module:
        """A copy of the network; without dropout, its dropout layers do nothing."""
        model = copy.deepcopy(self.model)
        for part in [] if dropout else model.modules():
            if isinstance(part, _DropoutNd):
                part.p = 0.0
        return model

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """The first images and labels, where the model is."""
        device = device_of(self.model)
        return self.train.images[:size].to(device), self.train.labels[:size].to(device)

    def small(self, size: int = 200) -> Split:
        return Split(self.train.images[:size], self.train.labels[:size])

    def fit(self, model: nn.Module, train: Split, **options: Any) -> pd.DataFrame:
        """The loop on a copy, with the setting's own options unless others are given."""
        ours = {"optimizer": self.optimizer, "penalty": self.penalty, "after_step": self.after_step}
        given = {"loss": self.loss, "seed": self.seed, "device": device_of(model), "progress": False}
        given |= {name: value for name, value in ours.items() if value} | {"batch_size": 50, "epochs": 1}
        return self.loop(model, train, train, **(given | options))


def at_rate_zero(optimizer: OptimizerFactory) -> OptimizerFactory:
    """The same optimizer with the learning rate 0 in all its groups."""
    return partial(_at_rate_zero, optimizer=optimizer)


def _at_rate_zero(parameters: Any, optimizer: OptimizerFactory) -> torch.optim.Optimizer:
    made = optimizer(parameters)
    for group in made.param_groups:
        group["lr"] = 0.0
    return made


def shorten(names: Sequence[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
