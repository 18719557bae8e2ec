"""Bugs planted on purpose, one at a time, to find out what a check catches."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.data import Dataset, Split
from cnnlab.errors import unknown
from cnnlab.training.diagnostics.sanity import sanity_checks
from cnnlab.training.diagnostics.setting import Verdict
from cnnlab.training.evaluation import evaluate
from cnnlab.training.loop import sgd

SOUND = "none"
BUGS = {
    SOUND: "nothing is wrong",
    "dead layer": "biases of the first layer so low that its ReLUs never answer",
    "detached": "a detach() between the first and the second layer",
    "plain list": "the second layer in a list in place of nn.ModuleList",
    "softmax twice": "a softmax at the end, before a loss that has one of its own",
    "ReLU on logits": "an activation function after the last layer, too",
    "last layer too large": "initial weights of the last layer multiplied by 30",
    "dropout in evaluation": "F.dropout without training=self.training",
    "batch statistics": "a normalisation by the batch's own mean and variance in evaluation, too",
    "scrambled pixels": "a reshape where a transpose was wanted: values of other images are mixed in",
    "shuffled labels": "training labels that belong to other images",
    "labels off by one": "training labels counted from 1, validation labels from 0",
    "scale in training": "training images from 0 to 16, validation images from 0 to 1",
    "half upside down": "half of the training images turned upside down",
    "no zero_grad": "gradients that pile up from step to step",
    "summed loss": "the sum of the batch's losses in place of their mean",
    "head forgotten": "an optimizer that was not given the last layer",
}


class _Net(nn.Module):
    """Two hidden layers of ReLUs; `bug` names what is wrong in it, if that is in the network."""

    def __init__(self, inputs: int, hidden: int, classes: int, bug: str) -> None:
        super().__init__()
        self.bug = bug
        self.first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.rest: Any = [second] if bug == "plain list" else nn.ModuleList([second])
        self.head = nn.Linear(hidden, classes)
        batch = bug == "batch statistics"
        self.norm = nn.BatchNorm1d(hidden, track_running_stats=False) if batch else nn.Identity()
        with torch.no_grad():
            if bug == "dead layer":
                self.first.bias.fill_(-100.0)
            if bug == "last layer too large":
                self.head.weight *= 30

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.bug == "scrambled pixels":
            x = x.t().reshape(x.shape)
        x = self.norm(F.relu(self.first(x)))
        if self.bug == "detached":
            x = x.detach()
        if self.bug == "dropout in evaluation":
            x = F.dropout(x, 0.5)
        logits: Tensor = self.head(F.relu(self.rest[0](x)))
        if self.bug == "softmax twice":
            logits = logits.softmax(dim=1)
        return F.relu(logits) if self.bug == "ReLU on logits" else logits


def _loop(
    model: nn.Module,
    train: Split,
    validation: Split,
    *,
    optimizer: Callable[..., torch.optim.Optimizer] = sgd,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    epochs: int = 20,
    batch_size: int = 50,
    seed: int = 0,
    zero: bool = True,
    **_: object,
) -> None:
    """The plain loop, as one writes it oneself; it has no guards. `zero`: clear the gradients first."""
    stepper, order = optimizer(model.parameters()), torch.Generator().manual_seed(seed)
    model.train()
    for _epoch in range(epochs):
        for chosen in torch.randperm(len(train), generator=order).split(batch_size):
            if zero:
                stepper.zero_grad()
            loss(model(train.images[chosen]), train.labels[chosen]).backward()
            stepper.step()


def _all_but_the_last_layer(parameters: Any) -> torch.optim.Optimizer:
    return sgd(list(parameters)[:-2])


@dataclass(frozen=True, eq=False)
class Planted:
    """A network, its data and its loop, with one bug in one of them.

    Attributes:
        options: what `sanity_checks` is given besides model and data: the loop, its loss, its optimizer.
        truth: validation images as they should be.
    """

    bug: str
    model: nn.Module
    train: Split
    validation: Split
    truth: Split
    seed: int
    options: dict[str, Any] = field(default_factory=dict)

    def check(self, *, show: bool = False) -> list[Verdict]:
        """All sanity checks."""
        return sanity_checks(
            self.model, self.train, self.validation, seed=self.seed, show=show, **self.options
        )

    def trained(self, epochs: int = 20) -> dict[str, float]:
        """Train, bug and all; accuracy on the training images as given, and on validation images as they are."""
        options = {"loop": _loop, **self.options}
        loop = options.pop("loop")
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(self.seed)
            loop(self.model, self.train, self.validation, epochs=epochs, seed=self.seed, **options)
            splits = {"train": self.train, "validation": self.truth}
            return {name: evaluate(self.model, split)[1] for name, split in splits.items()}


def plant(bug: str, data: Dataset, *, seed: int = 0, hidden: int = 50) -> Planted:
    """A network with two hidden layers, its loop and `data`, with one bug of `BUGS` in it.

    Everything that the bug leaves alone is the same for every bug with the same seed: initial weights, images,
    the order of the batches.
    """
    if bug not in BUGS:
        raise unknown("bug", bug, BUGS)
    train, validation = data.train, data.validation
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        model = _Net(train.images[0].numel(), hidden, len(data.classes), bug)
        if bug == "shuffled labels":
            train = replace(train, labels=train.labels[torch.randperm(len(train))])
        if bug == "half upside down":
            turned = torch.rand(len(train), 1, 1, 1) < 0.5
            train = replace(train, images=torch.where(turned, train.images.flip(2), train.images))
    if bug == "labels off by one":
        train = replace(train, labels=(train.labels + 1) % len(data.classes))
    if bug == "scale in training":
        train = replace(train, images=16 * train.images)
    options: dict[str, Any] = {"loop": partial(_loop, zero=bug != "no zero_grad")}
    if bug == "summed loss":
        options["loss"] = partial(F.cross_entropy, reduction="sum")
    if bug == "head forgotten":
        options["optimizer"] = _all_but_the_last_layer
    return Planted(bug, model, train, validation, data.validation, seed, options)
