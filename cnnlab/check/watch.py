"""What a call does besides returning: the library operations it uses, the global state it leaves behind.

Covered, in every thread: every alias of a banned PyTorch operation, since a kernel that notes its use is put
in its place where operations are dispatched, and autograd's engine, whose entry is replaced for the time of
the call. In the calling thread, and in those that it starts by `threading`, also what function transforms,
functions and classes of `torch`, of `torchvision` and of the course's own library do and the engine called
directly (the interpreter's profiling hook: a renamed import is the same code); in the calling thread an
operation taken apart (a dispatch mode). Not covered: other processes, which a graded kernel cannot start;
sabotage of the watch itself; a copy of a library function's source. Reading the syntax tree outside the
process, at grading, is the second line.
"""

import contextlib
import functools
import gc
import random
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np
import torch
import torch.autograd.graph
from torch._decomp import decomposition_table
from torch.utils._python_dispatch import TorchDispatchMode

_TORCH = str(Path(torch.__file__).parent)  # torchvision's folder beside it begins in the same way
_COURSE = str(Path(__file__).parents[1])
# Runs what an operation is composed of, past the kernel that notes its use.
_DECOMPOSE = torch._ops.OpOverload.decompose.__code__
# What of the course holds an answer, or may come to hold one.
ANSWERS = ("reference", "data", "training", "tuning")
# Where every backward pass begins, its code, and the same function under another name.
_run_backward = torch.autograd.graph._engine_run_backward
_ENGINE = _run_backward.__code__
_unwatched_backward = FunctionType(_ENGINE, _run_backward.__globals__)
_FORWARD_MODE = "_make_dual|_unpack_dual"  # what differentiation in the other direction starts and ends with


@dataclass(frozen=True)
class Ban:
    """What an assignment asks to be written instead of called: names of operations, and autograd or not."""

    operations: str  # a regular expression for operator and function names
    autograd: bool = False


@functools.cache
def _operators(operations: str) -> tuple[tuple[str, bool], ...]:
    """Names of the ATen operations that match, and whether PyTorch composes it of others before dispatch."""
    has = torch._C._dispatch_has_kernel_for_dispatch_key
    names = torch._C._dispatch_get_all_op_names()
    matching = [name for name in names if name.startswith("aten::") and re.search(operations, name)]
    composed = {name: has(name, "CompositeImplicitAutograd") for name in matching}
    return tuple((name, composed[name]) for name in matching if composed[name] or has(name, "CPU"))


# Where a composed operation may be dispatched; function transforms would take it apart before that.
_OF_COMPOSED = (
    *("CPU", "AutogradCPU", "CUDA", "AutogradCUDA"),
    *("FuncTorchDynamicLayerFrontMode", "FuncTorchBatched", "FuncTorchVmapMode", "Functionalize"),
)

_asked: list[set[str]] = []  # where the use of autograd is noted at the moment
_noting: list[set[str]] = []  # where the use of operations is
_passes: list[None] = []  # the backward passes that wait for each other
DEEPEST = 50  # of those; at sixty, the engine goes on in a thread that Python does not know
_recorded: list[str] = []  # the operations that have kernels which note their use, at the moment


def _note(packet: str) -> None:
    for seen in _noting:
        seen.add(f"torch's {packet}")


def _recording_kernel(name: str, composed: bool) -> Callable[..., Any]:
    packet, _, overload = name.removeprefix("aten::").partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")
    decomposed = decomposition_table.get(operation)

    def composite(*args: Any, **kwargs: Any) -> Any:
        _note(packet)
        return operation.decompose(*args, **kwargs)

    def fused(*args: Any, **kwargs: Any) -> Any:
        _note(packet)
        values = (value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))
        if decomposed and torch.is_grad_enabled() and any(value.requires_grad for value in values):
            return decomposed(*args, **kwargs)  # below autograd the gradient would be lost
        with torch._C._AutoDispatchBelowAutograd():
            return operation(*args, **kwargs)

    return composite if composed else fused


def _watched_backward(*args: Any, **kwargs: Any) -> Any:
    """Its code stands in for the engine's entry, in that module: so it imports what it needs."""
    from cnnlab.check.watch import note_backward

    return note_backward(*args, **kwargs)


def note_backward(*args: Any, **kwargs: Any) -> Any:
    """A backward pass, on record."""
    for seen in _asked:
        seen.add("autograd")
    _passes.append(None)
    try:
        if len(_passes) > DEEPEST:
            for seen in _noting:
                seen.add("what went on in a thread of autograd's own")
        return _unwatched_backward(*args, **kwargs)
    finally:
        _passes.pop()


class _Dispatched(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: skipping it would import the compiler, which takes seconds, for code that never compiles."""
        return False

    def __init__(self, operations: str, seen: set[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pattern, self.seen = re.compile(operations), seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.pattern.search(func.__name__):
            self.seen.add(f"torch's {func.__name__.partition('.')[0]}")
        return func(*args, **(kwargs or {}))


def _module_of(thing: Any) -> str:
    """Where its class is from; a class can say anything, but no code of its own may run here."""
    module = type(thing).__module__
    return module if type(module) is str else ""


def _profiler(ban: Ban, seen: set[str], outer: Any) -> Callable[[FrameType, str, Any], None]:
    """What notes each call of something banned, and tells it to the hook in whose place it is put."""
    pattern = re.compile(ban.operations)

    @functools.cache
    def banned_code(filename: str, name: str) -> str | None:
        if filename.startswith(_COURSE):
            room = filename[len(_COURSE) + 1 :].partition("/")[0]
            return f"cnnlab.{room}" if room in ANSWERS else None
        if filename.startswith(_TORCH) and pattern.search(name):  # or its class's name
            return f"torch's {name}"
        return None

    def hook(frame: FrameType, event: str, arg: Any) -> None:
        if callable(outer):
            outer(frame, event, arg)
        if event == "call":
            found = banned_code(frame.f_code.co_filename, frame.f_code.co_qualname)
            if frame.f_code is _DECOMPOSE and pattern.search(str(frame.f_locals.get("self"))):
                found = f"torch's {frame.f_locals['self']}"
        elif event == "c_call" and ban.autograd and getattr(arg, "__name__", "") == "run_backward":
            found = "autograd"
        elif event == "c_call" and "torch" in _module_of(getattr(arg, "__self__", None)):
            found = f"torch's {arg.__name__}" if pattern.search(arg.__name__) else None
        else:
            return
        if found:
            seen.add(found)

    return hook


@contextlib.contextmanager
def recording(ban: Ban) -> Iterator[None]:
    """Put the kernels that note the use of banned operations in their place for a block.

    That takes longer than most calls; inside of the block `banned_calls` of the same ban finds them there.
    """
    operations = _all_operations(ban)
    library = torch.library.Library("aten", "IMPL")
    _recorded.append(operations)
    try:
        for name, composed in _operators(operations):
            kernel = _recording_kernel(name, composed)
            # A fused operation has its numbers from the kernel below autograd, so that one is left alone.
            for key in _OF_COMPOSED if composed else ("AutogradCPU",):
                library.impl(name, kernel, key)
        yield
    finally:
        _recorded.remove(operations)
        library._destroy()


def _all_operations(ban: Ban) -> str:
    return ban.operations + (f"|{_FORWARD_MODE}" if ban.autograd else "")


@contextlib.contextmanager
def banned_calls(ban: Ban) -> Iterator[set[str]]:
    """Collect, while the block runs, the banned operations that are used; they still work.

    What is left over ends at the end of the block: what ends inside of the hook, the hook does not see.
    """
    seen: set[str] = set()
    collecting = gc.isenabled()
    gc.disable()
    operations = _all_operations(ban)
    before, before_in_threads = sys.getprofile(), threading.getprofile()
    with contextlib.nullcontext() if operations in _recorded else recording(ban):
        try:
            _noting.append(seen)
            if ban.autograd:
                _asked.append(seen)
            _run_backward.__code__ = _watched_backward.__code__
            with _Dispatched(operations, seen):
                hook = _profiler(ban, seen, before)
                threading.setprofile(hook)
                sys.setprofile(hook)
                yield seen
                gc.collect(0)
                if sys.getprofile() is not hook:  # Python takes a hook away in which the stack was too deep
                    seen.add("what ended the watch over it (a stack too deep?)")
        finally:
            if collecting:
                gc.enable()
            sys.setprofile(before)
            threading.setprofile(before_in_threads)
            _noting.remove(seen)
            if ban.autograd:
                _asked.remove(seen)
            if not _noting:
                _run_backward.__code__ = _ENGINE


GLOBAL_SEED = "torch's global seed"
# Global state that a function must leave as it found it: how to read it, how to put it back.
_STATE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's global random state": (
        torch.default_generator.get_state,
        torch.default_generator.set_state,
    ),
    # A new seed, even a different one each time, takes its own away from whoever had set one.
    GLOBAL_SEED: (torch.default_generator.initial_seed, lambda seed: None),
    "numpy's global random state": (
        functools.partial(np.random.get_state, legacy=False),
        np.random.set_state,
    ),
    "python's global random state": (random.getstate, random.setstate),
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (torch.get_default_device, torch.set_default_device),
    "torch's grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's anomaly mode": (torch.is_anomaly_enabled, torch.set_anomaly_enabled),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's deterministic mode": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
}
if torch.cuda.is_available():
    torch.cuda.init()
    _STATE["cuda's global random state"] = (
        torch.cuda.default_generators[0].get_state,
        torch.cuda.default_generators[0].set_state,
    )
GENERATOR = "its generator, although there is nothing to draw"  # not global: one that a call was given
RANDOM_STATES = frozenset(name for name in _STATE if name.endswith("random state"))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):  # numpy's, and what it is nested in
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)


@contextlib.contextmanager
def global_state() -> Iterator[list[str]]:
    """Name, when the block ends, the global state that it changed; all but the random states is put back."""
    before = {name: read() for name, (read, _) in _STATE.items()}
    changed: list[str] = []
    try:
        yield changed
    finally:
        for name, (read, restore) in _STATE.items():
            if not _same(before[name], read()):
                changed.append(name)
                if name not in RANDOM_STATES:
                    restore(before[name])


def settled() -> Callable[[], None]:
    """A function that puts all global state but the random states back to what it is now."""
    now = {name: read() for name, (read, _) in _STATE.items() if name not in RANDOM_STATES}

    def settle() -> None:
        for name, value in now.items():
            if not _same(value, _STATE[name][0]()):
                _STATE[name][1](value)

    return settle


@contextlib.contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Seed every global generator for the block and compute in one thread; put both back afterwards.

    So a verdict repeats from its seed, and the cases, which are small, never wait for other cores. A function
    that sets the check's seed, perhaps 0, does not find it set already: the seeds here are others.
    """
    seed += 2**31
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    saved = {name: _STATE[name][0]() for name in RANDOM_STATES}
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would import the compiler, seconds
    if torch.cuda.is_available():
        torch.cuda.default_generators[0].manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, state in saved.items():
            _STATE[name][1](state)
