"""A training's whole state in one file, so that a killed run goes on as if nothing had happened."""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from cnnlab.data import Split
from cnnlab.errors import InputError

FORMAT = 1
PROGRESS = ("history", "epoch", "start", "stopped")
ADVICE = "delete it to start anew, or give checkpoint= another path"


@dataclass(kw_only=True, eq=False)
class Run:
    """Everything that changes while a network is trained, and what must not change between two sittings."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler | None
    scaler: torch.amp.GradScaler
    generators: tuple[torch.Generator, ...]
    plugs: Sequence[Any]  # those of after_step and after_epoch that have a state
    settings: dict[str, str]
    history: list[dict[str, Any]] = field(default_factory=list)
    epoch: int = 0  # the last one that is finished
    start: float | None = None  # the loss before the first step
    stopped: bool = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to `path`, over the state of the epoch before."""
        parts = (self.model, self.optimizer, self.scheduler, self.scaler, *self.plugs)
        state = {
            "settings": self.settings,
            "parts": [part.state_dict() if part else {} for part in parts],
            "random": [torch.get_rng_state(), *(generator.get_state() for generator in self.generators)],
            "cuda": torch.cuda.get_rng_state_all(),
            **{name: getattr(self, name) for name in PROGRESS},
        }
        write(path, state)

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go back to the state at `path`, if there is one."""
        state = read(path, self.settings)
        if state is None:
            return
        own: list[Any] = [self.model, self.optimizer, self.scheduler, self.scaler]
        try:
            for part, saved in zip(own, state["parts"], strict=False):
                if part is not None:
                    part.load_state_dict(saved)
            for plug, saved in zip(self.plugs, state["parts"][len(own) :], strict=True):
                plug.load_state_dict(saved, self.model)
            torch.set_rng_state(state["random"][0])
            for generator, saved in zip(self.generators, state["random"][1:], strict=True):
                generator.set_state(saved)
            torch.cuda.set_rng_state_all(state["cuda"])
            self.__dict__.update({name: state[name] for name in PROGRESS})
        except (KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
            raise InputError(f"{path} does not fit this run: {_reason(error)}; {ADVICE}.") from None


def settings(
    model: nn.Module, optimizer: torch.optim.Optimizer, train: Split, **others: object
) -> dict[str, str]:
    """What must be the same in the run that wrote a checkpoint and in the one that goes on from it.

    The number of epochs is not among them: a finished run may be prolonged.
    """
    shapes = str([(name, tuple(value.shape)) for name, value in model.state_dict().items()])
    groups = [
        {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
    ]
    return {
        "model": f"{type(model).__name__} {_digest(shapes.encode())}",
        "optimizer": f"{type(optimizer).__name__} {groups}",
        "training examples": f"{len(train)} {_digest(train.labels.cpu().numpy().tobytes())}",
        **{name: str(value) for name, value in others.items()},
    }


def write(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write beside `path`, then rename: a kill leaves the old checkpoint or the new one."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save({"cnnlab checkpoint": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: str | os.PathLike[str], expected: dict[str, str]) -> dict[str, Any] | None:
    """The state at `path`, or None when there is no such file. Only tensors and plain values, never code.

    Raises:
        InputError: the file is damaged, is no checkpoint of ours, or one of a run with other settings.
    """
    if not Path(path).exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["cnnlab checkpoint"] != FORMAT:
            raise ValueError(f"its format is {state['cnnlab checkpoint']}, not {FORMAT}")
        found = dict(state["settings"])
    except Exception as error:  # what torch raises depends on where the damage is
        raise InputError(
            f"{path} is damaged or is not a checkpoint of this course: {_reason(error)}; {ADVICE}."
        ) from None
    other = [
        f"{name} ({found.get(name)}, here {expected.get(name)})"
        for name in expected | found
        if found.get(name) != expected.get(name)
    ]
    if other:
        raise InputError(f"{path} is another run's checkpoint; different: {', '.join(other)}; {ADVICE}.")
    return state


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()
