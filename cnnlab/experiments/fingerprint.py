"""A name for a run that is made of content: of the code it executes and of the settings it is given.

Covered: every file of this package that can change a number; the versions of Python and of the libraries;
functions, lambdas, classes and partials by their bytecode, defaults, closures and the globals they name, and
these in turn; any other object by what pickle would store of it; modules of one's own by their files.
Not covered: files that a function reads, and what a function does besides returning a value.
"""

import dis
import functools
import hashlib
import platform
import sys
import sysconfig
import types
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

PACKAGE = Path(__file__).parents[1]
# Parts of the package that draw, judge, search or grade: no run's numbers depend on them.
WITHOUT = {"check", "cli.py", "grading", "plots", "tuning", "widgets"}
LIBRARIES = ("mlxtend", "numpy", "scikit-learn", "torch", "torchvision")
# What a class has besides what its author wrote.
_BOOKKEEPING = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__annotate_func__", "__annotations_cache__"),
}


class Unknowable(Exception):
    """Something has no content that could be named; the message says what."""


def code() -> str:
    """The package and what lies under it."""
    parts: list[bytes] = [platform.python_version().encode(), platform.machine().encode()]
    parts += [f"{name} {metadata.version(name)}".encode() for name in LIBRARIES]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name().encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] not in WITHOUT:
            parts += [inside.as_posix().encode(), path.read_bytes()]
    return _digest(*parts)


def content(value: object) -> str:
    """A short hash of everything that `value` is made of.

    Raises:
        Unknowable: a part of it cannot be described, such as a generator or an open file.
    """
    try:
        return _Reader().read(value)
    except RecursionError:
        raise Unknowable("it is nested too deeply") from None


class _Reader:
    """Goes through an object once; a part that contains itself is described by how far up it is met again."""

    def __init__(self) -> None:
        self.path: list[object] = []
        self.done: dict[int, tuple[str, object]] = {}  # the object too, so that its id stays its own

    def read(self, value: object) -> str:
        if value is None or value is ... or isinstance(value, bool | int | float | complex | str | bytes):
            return _digest(type(value).__name__, repr(value))
        if id(value) in self.done:
            return self.done[id(value)][0]
        for distance, above in enumerate(reversed(self.path)):
            if above is value:
                return _digest("again", str(distance))
        self.path.append(value)
        try:
            digest = _digest(type(value).__name__, *self.parts(value))
        finally:
            self.path.pop()
        self.done[id(value)] = (digest, value)
        return digest

    def parts(self, value: Any) -> Iterable[str | bytes]:
        """What a value is made of; the order of a dict's and of a set's items does not count."""
        match value:
            case dict() | types.MappingProxyType():
                return sorted(self.read(key) + self.read(item) for key, item in value.items())
            case set() | frozenset():
                return sorted(map(self.read, value))
            case list() | tuple():
                return map(self.read, value)
            case torch.Tensor():
                array = value.detach().cpu().contiguous()
                raw = array.reshape(-1).view(torch.uint8).numpy().tobytes() if array.numel() else b""
                return str(value.dtype), str(tuple(value.shape)), str(value.requires_grad), raw
            case np.ndarray() if value.dtype != object:
                return str(value.dtype), str(value.shape), value.tobytes()
            case torch.dtype() | torch.device() | torch.layout() | types.UnionType() | types.GenericAlias():
                return (repr(value),)
            case np.ufunc():
                return (f"numpy {value.__name__}",)
            case functools.partial():
                return map(self.read, (value.func, value.args, value.keywords))
            case types.MethodType():
                return map(self.read, (value.__func__, value.__self__))
            case staticmethod() | classmethod():
                return (self.read(value.__func__),)
            case property():
                return map(self.read, (value.fget, value.fset, value.fdel))
            case types.ModuleType():
                return _library(value.__name__) or (_file(value),)
            case types.FunctionType() | type():
                known = _library(value.__module__)
                if known and "<" not in value.__qualname__:  # neither a lambda nor made inside a function
                    return (*known, value.__qualname__)
                return self.function(value) if isinstance(value, types.FunctionType) else self.type(value)
            case types.BuiltinFunctionType() if not isinstance(
                value.__self__, types.ModuleType | type | None
            ):
                raise Unknowable(f"{value.__name__} changes an object, a {type(value.__self__).__name__}")
            case _ if hasattr(value, "__wrapped__"):
                return (self.read(value.__wrapped__),)  # a function with a cache around it
            case _:
                return self.instance(value)

    def function(self, function: types.FunctionType) -> list[str]:
        """A function of one's own: its code, what it closes over, and the globals it names."""
        found = [self.code(function.__code__), self.read(function.__defaults__)]
        found.append(self.read(function.__kwdefaults__))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                found += [name, self.read(cell.cell_contents)]
            except ValueError:  # not yet filled
                found.append(name)
        for name in sorted(_loaded(function.__code__, "LOAD_GLOBAL", "LOAD_NAME")):
            if name in function.__globals__:
                found += [name, self.read(function.__globals__[name])]
        for name in sorted(_loaded(function.__code__, "IMPORT_NAME")):
            if name in sys.modules:
                found += [name, self.read(sys.modules[name])]
        return found

    def code(self, code: types.CodeType) -> str:
        constants = [
            self.code(item) if isinstance(item, types.CodeType) else self.read(item)
            for item in code.co_consts
        ]
        shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        return _digest(code.co_code, repr(shape), repr(names), *constants)

    def type(self, kind: type) -> list[str]:
        """A class of one's own: its bases and all that is written in it."""
        found = [self.read(base) for base in kind.__bases__]
        for name, item in sorted(vars(kind).items()):
            if name not in _BOOKKEEPING and not isinstance(
                item, types.GetSetDescriptorType | types.MemberDescriptorType
            ):
                found += [name, self.read(item)]
        return found

    def instance(self, value: object) -> list[str]:
        """Any other object, as pickle takes it apart."""
        if isinstance(value, torch.Generator):
            raise Unknowable("a torch.Generator goes on from run to run; use a seed")
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:
            raise Unknowable(f"a {type(value).__name__} has no content to name ({error})") from None
        if isinstance(reduced, str):
            return [*_library(type(value).__module__), reduced]
        # An iterator among the parts goes through the object's own items; reading it uses up nothing.
        return [self.read(list(part) if hasattr(part, "__next__") else part) for part in reduced]


def _file(module: types.ModuleType) -> bytes:
    try:
        return Path(module.__file__ or "").read_bytes()
    except (AttributeError, OSError):
        raise Unknowable(f"the module {module.__name__} has no file") from None


def _loaded(code: types.CodeType, *instructions: str) -> set[str]:
    """The names that a piece of code gets with these instructions, in nested functions too."""
    names = {str(item.argval) for item in dis.get_instructions(code) if item.opname in instructions}
    for item in code.co_consts:
        if isinstance(item, types.CodeType):
            names |= _loaded(item, *instructions)
    return names


def _library(module: str | None) -> tuple[str, ...]:
    """Name and version of a module that is installed or ours, which is description enough; else ()."""
    name = module or "builtins"
    root = name.partition(".")[0]
    found = sys.modules.get(name)
    file = getattr(found, "__file__", None)
    if root == PACKAGE.name:
        room = name.split(".")[1] if "." in name else ""
        return () if {room, f"{room}.py"} & WITHOUT else (name,)
    if name == "__main__" or found is None:
        return ()
    if file is not None:
        installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
        if not installed and not Path(file).is_relative_to(sysconfig.get_paths()["stdlib"]):
            return ()
    return name, str(getattr(sys.modules.get(root), "__version__", ""))


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()
