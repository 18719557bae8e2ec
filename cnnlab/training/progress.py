"""A bar that shows how far a training is; silent where nobody watches."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

REFRESH = 0.1  # seconds between two updates
Report = Callable[[int, float, float, Sequence[Mapping[str, Any]]], None]


def watched(wanted: bool | None = None) -> bool:
    """Whether to show progress: in a terminal or notebook, and not while a book is being built.

    Args:
        wanted: False for never; True to show it even where the output is no terminal.
    """
    if wanted is False or "CNNLAB_QUIET" in os.environ:
        return False
    return bool(wanted) or sys.stderr.isatty() or _in_kernel()


def _in_kernel() -> bool:
    """Whether this process is a notebook's kernel, not only one that has imported the kernel's package."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False


@contextmanager
def bar(epochs: int, steps: int, wanted: bool | None) -> Iterator[Report]:
    """Show a bar over all steps, of which there are `steps` in an epoch.

    What it yields is called after each step with the number of steps done, the loss of the batch, the
    learning rate and the history so far.
    """
    if not watched(wanted):
        yield lambda done, loss, rate, history: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(f"epoch {{task.fields[epoch]}}/{epochs}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    # No thread that refreshes: drawing happens between two steps, at most ten times a second.
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as shown:
        task = shown.add_task("", total=epochs * steps, epoch=1)
        last = 0.0

        def report(done: int, loss: float, rate: float, history: Sequence[Mapping[str, Any]]) -> None:
            nonlocal last
            if (now := time.monotonic()) - last < REFRESH and done % steps:
                return
            last = now
            text = f"loss {loss:.3f}, rate {rate:.3g}"
            if history:
                text += f", validation accuracy {100 * history[-1]['accuracy']:.1f} %"
            epoch = (done - 1) // steps + 1
            shown.update(task, completed=done, description=text, epoch=epoch, refresh=True)

        yield report
