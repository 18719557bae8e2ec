"""Averages of weights over training, and of predictions over networks."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from cnnlab.data import Split
from cnnlab.data.arguments import refused, share, whole
from cnnlab.errors import InputError
from cnnlab.training.batching import passes
from cnnlab.training.epoch import Epoch
from cnnlab.training.evaluation import device_of, in_evaluation


class _Average:
    """An `AveragedModel` and what a checkpoint needs of it."""

    def __init__(self, multi_avg_fn: Any = None) -> None:
        self._multi_avg_fn = multi_avg_fn
        self.average: AveragedModel | None = None

    def update(self, model: nn.Module) -> None:
        """Take the model's present weights into the average; the first ones are the average's start."""
        if self.average is None:
            self.average = AveragedModel(model, multi_avg_fn=self._multi_avg_fn)
        self.average.update_parameters(model)

    def averaged(self, train: Split, *, batch_size: int = 100) -> nn.Module:
        """A network with the averaged weights, in evaluation mode.

        Batch norm's running statistics belong to other weights than the average's, so they are taken anew
        from one pass over `train`, in order, in training mode.
        """
        if self.average is None:
            raise InputError("nothing has been averaged yet: train first, with this object in fit's lists.")
        model = copy.deepcopy(self.average.module)
        device = device_of(model)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(0)  # dropout draws in this pass
            update_bn(passes(model, train, batch_size), model, device=device)
        return model.eval()

    def state_dict(self) -> dict[str, Any]:
        return {} if self.average is None else dict(self.average.state_dict())

    def load_state_dict(self, state: dict[str, Any], model: nn.Module) -> None:
        self.average = None
        if state:
            self.average = AveragedModel(model, multi_avg_fn=self._multi_avg_fn)
            self.average.load_state_dict(state)


class ExponentialAverage(_Average):
    """For `after_step`: average ← decay·average + (1 − decay)·weights, from the first step's weights on.

    Args:
        model: the network that will be trained, or None to take the one that is.
        decay: from 0 to 1; S3's Polyak averaging has 0.995. About 1/(1 − decay) steps count.

    Source: Polyak & Juditsky 1992; in this exponential form Ruppert 1988 and S3.
    """

    def __init__(self, model: nn.Module | None = None, decay: float = 0.995) -> None:
        super().__init__(get_ema_multi_avg_fn(share("decay", decay)))
        self._model = model

    def __call__(self, model: nn.Module) -> None:
        if self._model not in (None, model):
            raise InputError("this average was made for another model than the one that is trained.")
        self.update(model)


class StochasticWeightAverage(_Average):
    """For `after_epoch`: the plain mean of the weights at the ends of `start_epoch` and all later epochs.

    Source: Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization".
    """

    def __init__(self, start_epoch: int) -> None:
        super().__init__()
        self.start_epoch = whole("start_epoch", start_epoch, 1)

    def __call__(self, state: Epoch) -> None:
        if state.epoch >= self.start_epoch:
            self.update(state.model)


class Snapshots:
    """For `after_epoch`: keeps a copy of the network at the end of every `cycle` epochs, in `models`.

    With a learning rate that is restarted every `cycle` epochs this is a snapshot ensemble. Source: Huang et
    al. 2017, "Snapshot Ensembles: Train 1, get M for free"; Loshchilov & Hutter 2017, SGDR.
    """

    def __init__(self, cycle: int) -> None:
        self.cycle = whole("cycle", cycle, 1)
        self.models: list[nn.Module] = []

    def __call__(self, state: Epoch) -> None:
        if state.epoch % self.cycle == 0:
            self.models.append(copy.deepcopy(state.model).eval())

    def state_dict(self) -> dict[str, Any]:
        return {"models": [model.state_dict() for model in self.models]}

    def load_state_dict(self, state: dict[str, Any], model: nn.Module) -> None:
        self.models = [copy.deepcopy(model).eval() for _ in state["models"]]
        for copied, weights in zip(self.models, state["models"], strict=True):
            copied.load_state_dict(weights)


def ensemble_probabilities(models: Sequence[nn.Module], images: Tensor, *, batch_size: int = 1000) -> Tensor:
    """The mean over `models` of their softmax outputs, (N, K), each in evaluation mode."""
    if not len(models):
        raise refused("models", models, "at least one network")
    with in_evaluation(*models):
        parts = [
            torch.stack([model(part.to(device_of(model))).softmax(dim=1).cpu() for model in models]).mean(
                dim=0
            )
            for part in images.split(batch_size)
        ]
    return torch.cat(parts)


def ensemble_loss(models: Sequence[nn.Module], split: Split) -> tuple[float, float]:
    """Cross-entropy (nats) and accuracy of the averaged prediction.

    −ln is convex, so the loss is at most the mean of the single networks' losses (Jensen's inequality).
    """
    mean, labels = ensemble_probabilities(models, split.images), split.labels.cpu()
    loss = -mean.gather(1, labels.unsqueeze(1)).clamp_min(torch.finfo(mean.dtype).tiny).log().mean()
    return loss.item(), (mean.argmax(dim=1) == labels).double().mean().item()
