"""A fresh kernel such as JupyterLab would start, ended in any case."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STARTUP_SECONDS = 60


@contextmanager
def fresh_kernel(folder: Path, name: str = "python3") -> Iterator[Any]:
    """The client of a new kernel that works in the folder and is ready.

    Raises:
        Exception: whatever jupyter_client raises when there is no such kernel or it does not start.
    """
    from jupyter_client.manager import KernelManager
    from traitlets.config import Config

    config = Config()
    # Other users of the machine can reach a kernel's ports; a kernel that is not encrypted says so on stderr.
    config.KernelManager.transport_encryption = "auto"
    manager = KernelManager(kernel_name=name, config=config)
    manager.start_kernel(cwd=str(folder.resolve()))
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=STARTUP_SECONDS)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
