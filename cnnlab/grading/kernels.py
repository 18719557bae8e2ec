"""Kernels for submissions: forked from a warm process, inside the sandbox, over sockets in one folder.

`SandboxedKernel` is a Jupyter kernel provisioner (entry point `cnnlab-sandbox`), so any Jupyter client can
use it; a kernelspec names it (`kernel_spec`). What differs from a local kernel is where it runs and that it
starts in hundredths of a second.
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import Any

import zmq.asyncio
from jupyter_client import AsyncKernelClient, AsyncKernelManager, KernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerBase
from traitlets import Dict, Enum, default

from cnnlab.grading import sandbox
from cnnlab.grading.launch import zygote
from cnnlab.grading.sandbox import MODES, Limits, Mode
from cnnlab.grading.submission import other_files
from cnnlab.grading.watchdog import WATCH_SECONDS, resident
from cnnlab.grading.zygote import CHANNELS, CONNECTION_FILE

PROVISIONER = "cnnlab-sandbox"
POLL_SECONDS = 0.001
RECONNECT_MILLISECONDS = 5  # ZeroMQ's own tenth of a second, or two, is longer than a kernel takes to start
LARGEST_MESSAGE = 128 << 20  # bytes of each part of one, twice as much as an answer may have
MOST_HELD = 1 << 30  # bytes that this process may come to have in addition while a kernel runs
LARGEST_STRUCTURE = 4 << 20  # bytes of a message that are not within a text
DEEPEST = 50  # lists and objects within one another
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_numbers = itertools.count()


class SandboxedKernel(KernelProvisionerBase):  # type: ignore[misc]
    """Starts a kernel by asking the zygote; the kernel ends when this object lets go of its connection."""

    sandbox_mode = Enum(MODES, default_value="require")
    limits = Dict(help="those that differ from `sandbox.Limits`")

    connection: socket.socket | None = None
    folder: Path | None = None
    reader: "asyncio.Task[dict[str, Any]] | None" = None
    reason = ""  # why the sandbox ended the kernel
    flooded = False

    @property
    def has_process(self) -> bool:
        return self.connection is not None

    async def poll(self) -> int | None:
        return self._ended() if self.has_process else 0

    async def wait(self) -> int | None:
        while self.has_process and (code := self._ended()) is None:
            await asyncio.sleep(POLL_SECONDS)
        if self.has_process:
            self._let_go()
            return code
        return 0

    async def send_signal(self, signum: int) -> None:
        if self.connection is None:
            return
        with contextlib.suppress(OSError):  # it has ended already
            self.connection.sendall(b"interrupt\n" if signum == 2 else b"end\n")

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(9)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(15)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        launch: dict[str, Any] = await super().pre_launch(cmd=[], **kwargs)
        return launch

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        started = zygote(sandbox.choose(self.sandbox_mode))
        self.folder = started.folder / f"{os.getpid()}-{next(_numbers)}"
        sockets = self.folder / "connection"
        sockets.mkdir(parents=True)
        _copy_files(kwargs.get("cwd"), self.folder / "files")
        info = {
            "transport": "ipc",
            "ip": f"{sandbox.CONNECTION if started.walled else sockets}/k",
            "key": secrets.token_hex(16),
            "signature_scheme": "hmac-sha256",
            **{f"{name}_port": place for place, name in enumerate(CHANNELS, start=1)},
        }
        file = sockets / CONNECTION_FILE
        file.write_text(json.dumps(info))
        file.chmod(0o644)  # for the kernel, which may be another user; to others the folder is closed
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.connect(str(started.folder / "zygote.sock"))
        request = {
            "name": self.folder.name,
            "limits": asdict(Limits(**self.limits)),
            "cores": sorted(os.sched_getaffinity(0)),
        }
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        self.connection.setblocking(False)
        self.said = b""
        watching = (self.connection, resident("self") + MOST_HELD)
        threading.Thread(target=self._end_floods, args=watching, daemon=True).start()
        self.connection_info = info | {"ip": f"{sockets}/k", "key": str(info["key"]).encode()}
        return self.connection_info

    async def cleanup(self, restart: bool = False) -> None:
        self._let_go()

    def _end_floods(self, connection: socket.socket, most: int) -> None:
        """End the kernel once what it sends fills this process.

        ZeroMQ limits a part of a message, and how many messages wait; it takes any number of parts.
        """
        while connection.fileno() >= 0:
            if resident("self") > most:
                self.flooded = True
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                return
            time.sleep(WATCH_SECONDS)

    def _ended(self) -> int | None:
        """The kernel's exit code; None while it runs."""
        assert self.connection is not None
        try:
            while part := self.connection.recv(4096):
                self.said += part
        except BlockingIOError:
            if not self.said.endswith(b"\n"):
                return None
        except OSError:
            pass
        try:
            told = json.loads(self.said.partition(b"\n")[0])  # the first to tell knows best
        except ValueError:
            why = "it sent more than anybody could read" if self.flooded else "the sandbox itself ended"
            told = {"exit": 1, "reason": why}
        self.reason = told["reason"]
        return int(told["exit"])

    def _let_go(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


def _copy_files(source: Any, target: Path) -> None:
    """The submission's own plain files; links are left out."""
    target.mkdir()
    for name, content in (other_files(Path(source), "") if source else {}).items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)


def kernel_spec(sandbox_mode: Mode = "require", limits: Mapping[str, int] | None = None) -> KernelSpec:
    """A kernelspec whose kernels run in the sandbox, with these limits in the place of the usual ones."""
    config = {"sandbox_mode": sandbox_mode, "limits": dict(limits or {})}
    provisioner = {"provisioner_name": PROVISIONER, "config": config}
    return KernelSpec(
        argv=[],
        display_name="Python 3 (sandboxed)",
        language="python",
        metadata={"kernel_provisioner": provisioner},
    )


def unpack(part: bytes) -> Any:
    """A part of a message, for Jupyter's `Session`; a stranger's may be made to take many times its size.

    Raises:
        ValueError: it is no JSON, has too many parts, or too deep ones.
    """
    if len(part) > LARGEST_STRUCTURE and len(_TEXT.sub(b"", part)) > LARGEST_STRUCTURE:
        raise ValueError("a message of too many parts")
    try:
        value = json.loads(part)
    except RecursionError:
        raise ValueError("a message too deep") from None
    if not _is_flat(value, DEEPEST):
        raise ValueError("a message too deep")
    return value


def _is_flat(value: Any, deepest: int) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deepest > 0 and all(_is_flat(part, deepest - 1) for part in parts)


class PromptClient(AsyncKernelClient):  # type: ignore[misc]
    """Begins when the kernel has answered; Jupyter's own waits a fifth of a second to see that no more comes.

    What may still come belongs to the question whether it is there, and is left aside as such. A message that
    would fill this process's memory is dropped on the way, and where nobody reads, nobody listens.
    """

    def start_channels(
        self,
        shell: bool = True,
        iopub: bool = True,
        stdin: bool = False,
        hb: bool = False,
        control: bool = False,
    ) -> None:
        self.session.unpack = unpack
        super().start_channels(shell, iopub, stdin, hb, control)

    def _context_default(self) -> zmq.asyncio.Context:
        context: zmq.asyncio.Context = super()._context_default()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        context.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLISECONDS)
        return context

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        ends = time.monotonic() + (float("inf") if timeout is None else timeout)
        while time.monotonic() < ends:
            self.kernel_info()
            with contextlib.suppress(Empty):
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)  # or what is printed might not be heard yet
                return
            if not await self.is_alive():
                reason = getattr(self.parent, "ended_because", "") or "no reason given"
                raise RuntimeError(f"the kernel ended before it was ready ({reason})")
        raise RuntimeError(f"the kernel was not ready after {timeout} s")


class SandboxedKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """A kernel manager whose kernels run in the sandbox, whatever kernel a notebook names."""

    sandbox_mode = Enum(MODES, default_value="require")
    limits = Dict()

    @default("client_factory")  # type: ignore[untyped-decorator]
    def _client_factory_default(self) -> type:
        return PromptClient

    async def start_kernel(self, *args: Any, **kwargs: Any) -> None:
        await self._at_once(KernelManager._async_start_kernel, *args, **kwargs)

    async def shutdown_kernel(self, *args: Any, **kwargs: Any) -> None:
        await self._at_once(KernelManager._async_shutdown_kernel, *args, **kwargs)

    async def _at_once(self, method: Any, *args: Any, **kwargs: Any) -> None:
        """What Jupyter's decorator `in_pending_state` does, without the pause that it makes for its tests."""
        if self._attempted_start or not self._ready:
            self._ready: Any = asyncio.get_running_loop().create_future()
        try:
            await method.__wrapped__(self, *args, **kwargs)
        except Exception as error:
            self._ready.set_exception(error)
            self._ready.exception()  # it is told below; nobody need ask for it
            raise
        if self.owns_kernel:
            self._ready.set_result(None)

    async def _async_wait(self, pollinterval: float = POLL_SECONDS) -> None:
        """Jupyter's own looks ten times a second whether a kernel has ended."""
        await super()._async_wait(min(pollinterval, POLL_SECONDS))

    @property
    def kernel_spec(self) -> KernelSpec:
        return kernel_spec(self.sandbox_mode, self.limits)

    @property
    def ended_because(self) -> str:
        """Why the sandbox ended the kernel; empty when it did not."""
        return getattr(self.provisioner, "reason", "")
