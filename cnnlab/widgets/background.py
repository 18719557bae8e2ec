"""A training run in a thread of its own, which can be paused, resumed and stopped between two steps."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from torch import nn

from cnnlab.data import Split
from cnnlab.training import Diverged, Epoch, fit


class Stopped(Exception):
    """The run was stopped by the person who started it."""


class Background:
    """One run of `fit` in the background.

    Args:
        model, train, validation, arguments: as for `cnnlab.training.fit`.
        before: called in the thread before training begins.
        after_epoch: called in the thread with each `Epoch`.
        held: called in the thread when it is held; what it told of before comes before this.
        ended: called in the thread at the end with a sentence that says how it ended.

    Attributes:
        history: the rows so far, as a table of `fit`; those of whole epochs only.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Split,
        validation: Split,
        arguments: dict[str, Any],
        *,
        before: Callable[[], object],
        after_epoch: Callable[[Epoch], object],
        held: Callable[[], object],
        ended: Callable[[str, Exception | None], object],
    ) -> None:
        self.history = pd.DataFrame()
        self._go, self._stop = threading.Event(), threading.Event()
        self._go.set()
        self._before, self._tell, self._held, self._ended = before, after_epoch, held, ended
        self._work = partial(
            fit,
            model,
            train,
            validation,
            **arguments,
            after_step=[self._wait],
            after_epoch=[self._keep],
            progress=False,
        )
        self._thread = threading.Thread(target=self._run, name="cnnlab training", daemon=True)

    def start(self) -> None:
        """Begin; a run can be started once."""
        self._thread.start()

    def pause(self) -> None:
        """Hold after the step that is being done."""
        self._go.clear()

    def resume(self) -> None:
        """Go on from where it was held."""
        self._go.set()

    def stop(self) -> None:
        """End after the step that is being done; the network keeps what it has learnt."""
        self._stop.set()
        self._go.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._thread.join(timeout)

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return not self._go.is_set()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def _wait(self, _: nn.Module) -> None:
        if self.paused:
            self._held()
        self._go.wait()
        if self._stop.is_set():
            raise Stopped

    def _keep(self, epoch: Epoch) -> None:
        self.history = pd.DataFrame(list(epoch.history))
        self._tell(epoch)

    def _run(self) -> None:
        try:
            self._before()
            self._wait(nn.Identity())
            self._work()
            self._ended("Finished.", None)
        except Stopped:
            self._ended("Stopped; the network is as the last step left it.", None)
        except Diverged as error:
            self._ended(f"Given up: {error}", error)
        except Exception as error:  # shown where the person looks, not in the log of a thread
            self._ended(f"The run could not go on: {error}", error)
