"""Runs a student's functions for the judge and reports what came back, as plain data.

This is the transport for practice: the functions run in the judge's own process. At grading another one
runs them in a sandboxed kernel and offers the same methods (`cnnlab.check.wire`).
"""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from cnnlab.check.values import Argument, Handle, lay_out, plain, show
from cnnlab.check.watch import GENERATOR, Ban, banned_calls, global_state

_CHECK = str(Path(__file__).parent)


@dataclass(frozen=True)
class Gradient:
    """Ask for the gradient of the result with respect to one argument, by autograd, instead of the result.

    Of an argument that is a list of tensors, for the gradient with respect to each.
    """

    argument: int  # position of the argument
    grad_y: torch.Tensor


@dataclass
class Answer:
    """What one call came to."""

    value: Any = None
    error: str | None = None
    unimplemented: bool = False
    changed: list[str] = field(default_factory=list)  # arguments and global state that the call changed
    banned: list[str] = field(default_factory=list)  # library operations it was to do without


class Local:
    """The student's functions in this process.

    Args:
        functions: where the student's functions are found by name, among other things.
        ban: what they must do without.
        kept: values that have a handle already.
    """

    def __init__(self, functions: Mapping[str, Any], ban: Ban, kept: list[Any] | None = None) -> None:
        self.functions, self.ban = functions, ban
        self._kept: list[Any] = [] if kept is None else kept

    def lacking(self, function: str) -> str | None:
        """What is the matter with the function; None when there is one."""
        if callable(self.functions.get(function)):
            return None
        return "is missing" if self.functions.get(function) is None else "is not a function"

    def generator(self, seed: int, device: torch.device) -> Handle:
        """A new generator on the student's side."""
        return self._keep(torch.Generator(device).manual_seed(seed))

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        opaque: Sequence[int] = (),
        gradient: Gradient | None = None,
        again: bool = False,
    ) -> Answer:
        """Call a function; results at the positions `opaque` stay here and are answered by a handle.

        With `again` it is called with other numbers as well, before, and after it before the result is read:
        a network uses a layer more than once before it goes back through it.
        """
        given = [self._receive(value) for value in args]
        named = {name: self._receive(value) for name, value in kwargs.items()}
        if gradient is not None:
            for leaf in _leaves(given[gradient.argument]):
                leaf.requires_grad_()
        generators = [value for value in (*given, *named.values()) if isinstance(value, torch.Generator)]
        states = [generator.get_state() for generator in generators]
        answer = Answer()
        try:
            with (
                full_precision(),
                torch.enable_grad(),
                global_state() as changed,
                banned_calls(self.ban) as banned,
            ):
                # All of it watched: to read a result or an error, or to let it go, may run code of theirs.
                try:
                    if again:
                        self.functions[function](*_others(given), **named)
                    result = self.functions[function](*given, **named)
                    if again:
                        self.functions[function](*_others(given), **named)
                    if gradient is not None:
                        result = _differentiate(result, given[gradient.argument], gradient.grad_y)
                    answer.value = self._send(result, opaque)
                    answer.changed = _changed_arguments(args, given)
                    del result
                except NotImplementedError as error:
                    answer.unimplemented, answer.error = not str(error), _describe(error)
                except (Exception, SystemExit) as error:
                    answer.error = _describe(error)
                finally:
                    for value in (*given, *named.values()):
                        if isinstance(value, torch.Tensor):
                            value.grad = None  # which may hold anything that made it
                    given.clear()
                    named.clear()
        except (Exception, SystemExit) as error:  # what the error says of itself raised one
            answer.error = type(error).__name__
        if any(
            not torch.equal(state, one.get_state()) for one, state in zip(generators, states, strict=True)
        ):
            changed.append(GENERATOR)
        answer.changed = answer.changed + changed
        answer.banned = sorted(banned)
        return answer

    def _keep(self, value: Any) -> Handle:
        self._kept.append(value)
        return Handle(len(self._kept) - 1)

    def _receive(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._receive(part) for part in value]
        if isinstance(value, Argument):
            return lay_out(value)
        return self._kept[value.key] if isinstance(value, Handle) else value

    def _send(self, result: Any, opaque: Sequence[int]) -> Any:
        if not isinstance(result, tuple | list):
            return plain(result)
        # A subclass may have an __iter__ of its own, which is no part of the result.
        parts = tuple.__iter__(result) if isinstance(result, tuple) else list.__iter__(result)
        return tuple(self._keep(v) if i in opaque else plain(v) for i, v in enumerate(parts))


def full_precision() -> Any:
    """float32 means float32 on a GPU too: cuDNN would round a convolution's factors to ten bits (TF32)."""
    cudnn = torch.backends.cudnn
    return cudnn.flags(cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False)


def _others(given: Sequence[Any]) -> list[Any]:
    """The same arguments with other numbers in the tensors, integers in another order."""

    def other(value: Any) -> Any:
        if isinstance(value, list):
            return [other(part) for part in value]
        if not isinstance(value, torch.Tensor):
            return value
        if value.is_floating_point():
            return value.detach() * 0.5 + 0.25
        return value.flip(0) if value.dim() else value

    return [other(value) for value in given]


def _leaves(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _differentiate(y: Any, x: Any, grad_y: torch.Tensor) -> Any:
    """The gradient by autograd; None where y does not depend on x as far as autograd can see.

    With respect to a list: a tuple, with zeros for those of its tensors that y does not depend on.
    """
    if type(y) is not torch.Tensor or y.shape != grad_y.shape:
        raise ValueError(f"the result is {show(plain(y))}, so its gradient cannot be taken")
    if not y.requires_grad:
        return None
    # In a network a second layer may get the same gradient as this one, from a sum.
    other = torch.zeros_like(y, requires_grad=True)
    # Of a scalar: given grad_outputs, torch.autograd.grad would import a computer algebra system first.
    # Turned, so that the gradient comes in another layout than y has, as it may in a network.
    total = (_turned(y + other) * _turned(grad_y).contiguous()).sum()
    *gradients, beside = torch.autograd.grad(total, [*_leaves(x), other], allow_unused=True)
    if not torch.equal(beside, grad_y.to(y.dtype)):
        raise ValueError("the backward pass changed the gradient that it was given, an in-place operation")
    if not isinstance(x, list):
        return gradients[0]
    return tuple(torch.zeros_like(v) if g is None else g for v, g in zip(x, gradients, strict=True))


def _turned(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(-1, -2) if x.dim() > 1 else x


def _changed_arguments(asked: Sequence[Any], given: Sequence[Any]) -> list[str]:
    changed = []
    for position, (before, after) in enumerate(zip(asked, given, strict=True)):
        if not _unchanged(before, after):
            changed.append(f"argument {position}")
    return changed


def _unchanged(before: Any, after: Any) -> bool:
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, Handle):
        return True
    if not isinstance(before, Argument):
        return after is before or (type(after) is type(before) and bool(after == before))
    if not isinstance(after, torch.Tensor):
        return False
    now = torch.Tensor.detach(after)
    same = now.shape == before.tensor.shape and now.dtype == before.tensor.dtype
    return same and torch.equal(now, before.tensor)


def _describe(error: BaseException) -> str:
    """The error in one line, with the line of the student's code that raised it."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    where = f" (line {own[-1].lineno} of {own[-1].name}: {own[-1].line})" if own else ""
    return text[:500] + where


def _is_library(filename: str) -> bool:
    return "site-packages" in filename or filename.startswith(_CHECK)
