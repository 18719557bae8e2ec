"""The training loop: one function, deterministic given a seed, that returns its history as a tidy table."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from cnnlab.data import Split
from cnnlab.data.arguments import whole
from cnnlab.errors import InputError
from cnnlab.training.batching import passes, steps_per_pass
from cnnlab.training.checkpoint import Run, settings
from cnnlab.training.epoch import Epoch, refuse_growth, refuse_infinite
from cnnlab.training.evaluation import Loss, device_of, evaluate, refuse_labels
from cnnlab.training.penalties import OptimizerFactory, Penalty
from cnnlab.training.progress import bar
from cnnlab.training.schedules import Schedule as NamedSchedule

sgd = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
Augment = Callable[[Tensor, torch.Generator], Tensor]
Mix = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
Schedule = Callable[[torch.optim.Optimizer], LRScheduler]


def fit(
    model: nn.Module,
    train: Split,
    validation: Split,
    *,
    epochs: int = 20,
    batch_size: int = 50,
    optimizer: OptimizerFactory = sgd,
    loss: Loss = F.cross_entropy,
    schedule: Schedule | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    penalty: Penalty | None = None,
    after_step: Sequence[Callable[[nn.Module], object]] = (),
    after_epoch: Sequence[Callable[[Epoch], object]] = (),
    seed: int = 0,
    device: str | torch.device | None = None,
    mixed_precision: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Train `model` in place and return what happened.

    The order of the batches and the augmentation have generators of their own, and what the model draws
    (dropout masks) comes from torch's global one, seeded here and put back afterwards: two models with the
    same seed see the same batches even when only one of them draws random numbers.

    Args:
        batch_size: a last batch of a single image is left out when the model has batch norm.
        optimizer: receives the model's parameters and returns an optimizer.
        loss: receives logits (B, K) and labels (B,) and returns the mean loss of the batch.
        schedule: receives the optimizer and returns a scheduler of torch, stepped after each epoch; or one of
            `cnnlab.training.schedule(name, …)`, stepped after each step if made with `by_step=True`.
        augment: receives the images of a training batch and a generator (on the CPU) and returns images.
        mix: as `augment` and after it, but with the labels too; they may become shares (B, K) of the classes.
        penalty: receives the model and returns a scalar that is added to the training loss.
        after_step: each is called with the model after every step.
        after_epoch: each is called with an `Epoch`; training stops when one of them returns True. A method
            `finish(model)`, if it has one, is called when training ends.
        device: CUDA when there is one, unless given.
        mixed_precision: compute in bfloat16 on the CPU, in float16 with a scaled loss on CUDA.
        checkpoint: a file; written after every epoch, and gone on from, to the same bits, if it exists.
        progress: False for no progress bar; there is none either where nobody watches.

    Returns:
        One row per epoch and split with the columns epoch, split, loss, accuracy; both splits are measured in
        evaluation mode and without penalty at the end of each epoch, so they can be compared.

    Raises:
        Diverged: a loss is not finite, or an epoch's training loss is above three times the initial one.
        InputError: a setting is out of range, or the checkpoint is damaged or another run's.
    """
    batch_size = whole("batch_size", batch_size, 1)
    if whole("epochs", epochs, 1) and not (len(train) and len(validation)):
        raise InputError(f"both splits need an image; there are {len(train)} and {len(validation)}.")
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    train = replace(train, images=train.images.to(device), labels=train.labels.to(device))
    splits = {"train": train, "validation": validation}
    steps, by_step = steps_per_pass(model, train, batch_size), getattr(schedule, "by_step", False)
    plugs = [*after_step, *after_epoch]
    run = _begin(model.to(device), optimizer, schedule, steps, plugs, seed, mixed_precision)
    run.settings |= settings(model, run.optimizer, train, batch_size=batch_size, seed=seed)
    order, noise = run.generators
    with _reproducible(seed), bar(epochs, steps, wanted=progress) as show:
        if checkpoint is not None:
            run.resume(checkpoint)
        while run.epoch < epochs and not run.stopped:
            epoch, rate, seen, total = run.epoch + 1, run.optimizer.param_groups[0]["lr"], 0.0, 0
            model.train()
            for step, (images, labels) in enumerate(passes(model, train, batch_size, order), 1):
                images, labels = _changed(images, labels, augment, mix, noise)
                run.optimizer.zero_grad()
                with _precision(device, mixed_precision):
                    logits = model(images)
                if run.start is None:
                    refuse_labels(logits, loss, train, validation)
                value = loss(logits.float() if mixed_precision else logits, labels)
                plain = value.item()  # the one wait for the device in a step, unless there is a penalty
                penalised = value + penalty(model) if penalty else value
                refuse_infinite(penalised.item() if penalty else plain, "training", epoch, step)
                run.scaler.scale(penalised).backward()
                run.scaler.step(run.optimizer)
                run.scaler.update()
                _set_next_rate(run.scheduler if by_step else None, plain)
                for call in after_step:
                    call(model)
                seen, total = seen + plain * len(labels), total + len(labels)
                start = run.start = plain if run.start is None else run.start
                show((epoch - 1) * steps + step, plain, rate, run.history)
            measured = [_measured(name, split, model, loss, epoch, run) for name, split in splits.items()]
            refuse_growth(seen / total, measured[0][0], start, logits.shape[-1], epoch)
            _set_next_rate(None if by_step else run.scheduler, measured[1][0])
            state = Epoch.of(model, epoch, epochs, rate, run.history, measured)
            answers = [call(state) for call in after_epoch]
            run.epoch, run.stopped = epoch, any(answers)
            if checkpoint is not None:
                run.save(checkpoint)
        for plug in after_epoch:
            getattr(plug, "finish", lambda _: None)(model)
    return pd.DataFrame(run.history)


def _begin(
    model: nn.Module,
    optimizer: OptimizerFactory,
    schedule: Schedule | None,
    steps: int,
    plugs: Sequence[object],
    seed: int,
    mixed_precision: bool,
) -> Run:
    device = device_of(model)
    try:
        stepper = optimizer(model.parameters())
    except ValueError as error:  # torch names the value, not the range
        reason = str(error).removesuffix(".")
        raise InputError(f"{reason}; rates and strengths must be 0 or more, momentum below 1.") from None
    named = schedule if isinstance(schedule, NamedSchedule) else None
    make = partial(named, steps=steps if named.by_step else 1) if named else schedule
    scheduler = make(stepper) if make else None
    lasting = [plug for plug in plugs if hasattr(plug, "state_dict")]
    # A seed of its own for augmentation: the stream of `seed` itself orders the batches.
    noise = int.from_bytes(hashlib.blake2b(f"{seed}/augment".encode(), digest_size=4).digest())
    return Run(
        model=model,
        optimizer=stepper,
        scheduler=scheduler,
        scaler=torch.amp.GradScaler(device.type, enabled=mixed_precision and device.type == "cuda"),
        generators=tuple(torch.Generator().manual_seed(number) for number in (seed, noise)),
        plugs=lasting,
        settings={
            "schedule": str(named or type(scheduler).__name__),
            "objects with a state": ", ".join(type(plug).__name__ for plug in lasting),
            "mixed_precision": str(mixed_precision),
        },
    )


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """The global generators seeded, cuDNN deterministic; all put back afterwards."""
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        torch.backends.cudnn.flags(benchmark=False, deterministic=True),
    ):
        torch.manual_seed(seed)
        yield


def _precision(device: torch.device, mixed: bool) -> AbstractContextManager[object]:
    if not mixed:
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.float16 if device.type == "cuda" else torch.bfloat16)


def _changed(
    images: Tensor, labels: Tensor, augment: Augment | None, mix: Mix | None, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    if augment:
        images = augment(images, noise)
    return mix(images, labels, noise) if mix else (images, labels)


def _measured(
    name: str, split: Split, model: nn.Module, loss: Loss, epoch: int, run: Run
) -> tuple[float, float]:
    """Loss and accuracy, as they go into the history too."""
    mean_loss, accuracy = evaluate(model, split, loss=loss)
    refuse_infinite(mean_loss, name, epoch)
    run.history.append({"epoch": epoch, "split": name, "loss": mean_loss, "accuracy": accuracy})
    return mean_loss, accuracy


def _set_next_rate(scheduler: LRScheduler | None, loss: float) -> None:
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss)
    elif scheduler is not None:
        scheduler.step()
