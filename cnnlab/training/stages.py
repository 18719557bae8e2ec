"""Stagewise, or two-loop, SGD: a constant rate within a stage, a lower one in the next, and a restart."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler


class Stages(LRScheduler):
    """A scheduler, stepped after each epoch, whose stages begin at the last or at the averaged weights.

    With restart="average" the weights that a new stage starts from are the mean over all steps of the stage
    before, and what the optimizer remembers (momentum) is forgotten. The average is put in place only when
    another stage follows, so what is measured after the last epoch is what the run returns. Batch norm's
    running statistics are not averaged; they adapt during the first steps of the new stage.

    Args:
        lengths: epochs of each stage; after the last one the rate stays.
        gamma: the factor between a stage's rate and the next one's.

    Source: S3's two-loop SGD; for the averaged restart Xu, Lin & Yang 2017, "Stochastic Convex Optimization:
    Faster Local Growth Implies Faster Global Convergence" (accelerated stochastic subgradient method).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        lengths: Sequence[int],
        gamma: float = 0.1,
        restart: str = "last",
    ) -> None:
        self.ends, self.gamma, self.averaging = list(accumulate(lengths))[:-1], gamma, restart == "average"
        self.total: list[Tensor] = []
        self.count = 0
        if self.averaging:
            optimizer.register_step_post_hook(lambda *_: self._add())
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        stage = sum(self.last_epoch >= end for end in self.ends)
        return [base * self.gamma**stage for base in self.base_lrs]

    def step(self, epoch: int | None = None) -> None:
        super().step(epoch)
        if self.averaging and self.last_epoch in self.ends and self.count:
            self._restart()

    def _weights(self) -> list[Tensor]:
        return [weight for group in self.optimizer.param_groups for weight in group["params"]]

    @torch.no_grad()
    def _add(self) -> None:
        weights = self._weights()
        if not self.count:
            self.total = [torch.zeros_like(weight) for weight in weights]
        self.total = [total.to(weight.device) for total, weight in zip(self.total, weights, strict=True)]
        for total, weight in zip(self.total, weights, strict=True):
            total += weight
        self.count += 1

    @torch.no_grad()
    def _restart(self) -> None:
        for weight, total in zip(self._weights(), self.total, strict=True):
            weight.copy_(total / self.count)
        self.optimizer.state.clear()
        self.total, self.count = [], 0
