"""The judge: asks a student's functions, computes the truth in float64, compares, names misconceptions.

It knows a transport only by its three methods, so the same judge and the same cases serve the notebook and
the grading desk.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from cnnlab.check.catalogue import Assignment, Case, Functions, Misconception, Part
from cnnlab.check.compare import STAGES, Wrong, compare
from cnnlab.check.draw import Draw
from cnnlab.check.report import Result
from cnnlab.check.transport import Answer, Gradient
from cnnlab.check.values import Argument, Foreign, Handle, show, show_call
from cnnlab.check.watch import GENERATOR, GLOBAL_SEED, RANDOM_STATES

TWICE = (
    "it is right when the function is called only once; another call, with other numbers, must not change "
    "what this one returns or has kept"
)
_ARGUMENT = re.compile(r"argument ([0-9]{1,3})")
NUDGE = 2.0**-24  # about what rounding to float32 does to a number


class Transport(Protocol):
    """Runs a student's functions, here or elsewhere; see `cnnlab.check.transport.Local`."""

    def lacking(self, function: str) -> str | None: ...

    def generator(self, seed: int, device: torch.device) -> Handle: ...

    def call(
        self,
        function: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        opaque: Sequence[int] = (),
        gradient: Gradient | None = None,
        again: bool = False,
    ) -> Answer: ...


class Unimplemented(Exception):
    """The function is still the stub."""


class Asked:
    """Calls the student's functions through a transport, keeping what they did (`catalogue.Call`).

    Args:
        transport: to the functions.
        again: whether functions of tensors are called with other numbers as well, before and after.
    """

    def __init__(self, transport: Transport, again: bool) -> None:
        self.transport, self.again, self.called_again = transport, again, False
        self.calls: list[str] = []
        self.answers: list[Answer] = []
        self.returned: list[dict[str, Any]] = []

    def __call__(
        self,
        function: str,
        *args: Any,
        returns: tuple[str, ...],
        opaque: tuple[str, ...] = (),
        replay: str | None = None,
        **kwargs: Any,
    ) -> Any:
        positions = [returns.index(name) for name in opaque]
        answer = self._ask(function, args, kwargs, opaque=positions)
        values = answer.value if len(returns) > 1 else (answer.value,)
        if not isinstance(values, tuple) or len(values) != len(returns):
            found = f"{len(values)} values" if isinstance(values, tuple) else show(values)
            wanted = f"{len(returns)} values ({', '.join(returns)})" if len(returns) > 1 else returns[0]
            raise Wrong("structure", f"{function} returned {found}; expected {wanted}.")
        self.returned.append(dict(zip(returns, values, strict=True)))
        return values if len(returns) > 1 else values[0]

    def gradient(self, function: str, *args: Any, of: int, grad_y: torch.Tensor, **kwargs: Any) -> Any:
        answer = self._ask(function, args, kwargs, gradient=Gradient(of, grad_y))
        if answer.value is None:
            raise Wrong(
                "gradient",
                f"no gradient flows through {function}: its result is cut off from its input.",
                suspect="cut_off",
            )
        if isinstance(args[of], list):
            got = answer.value
            if not isinstance(got, tuple) or len(got) != len(args[of]):
                raise Wrong("structure", f"the gradient of {function} came back as {show(got)}.")
        self.returned.append({"gradient": answer.value})
        return answer.value

    def generator(self, seed: int, device: torch.device) -> Handle:
        return self.transport.generator(seed, device)

    def _ask(self, function: str, args: Sequence[Any], kwargs: dict[str, Any], **how: Any) -> Answer:
        self.calls.append(show_call(function, args, kwargs))
        for value in args:
            if isinstance(value, Foreign):
                raise Wrong("type", f"{function} cannot go on: it was to receive {show(value)}.")
        again = self.again and _can_vary(args, kwargs)
        self.called_again |= again
        answer = self.transport.call(function, args, kwargs, again=again, **how)
        self.answers.append(answer)
        if answer.unimplemented:
            raise Unimplemented(f"{function} is not implemented yet")
        if answer.error is not None:
            in_place = re.search("in-?place operation", answer.error)
            raise Wrong(
                "error", f"{function} raised {answer.error}.", suspect="in_place" if in_place else None
            )
        return answer


def _can_vary(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether there are tensors, and no generator, which goes on with each call and always has a name."""
    generator = any(isinstance(value, Handle) for value in kwargs.values())
    parts = [part for value in args for part in (value if isinstance(value, list) else [value])]
    return not generator and any(isinstance(part, Argument) for part in parts)


class Trusted:
    """Calls trusted functions on the same arguments in float64 (`catalogue.Call`).

    Args:
        functions: by name.
        returned: what the student's functions returned in the same calls, to replay random results.
        nudges: draws a small change for every number in a tensor.
    """

    def __init__(
        self, functions: Functions, returned: Sequence[dict[str, Any]], nudges: torch.Generator | None = None
    ) -> None:
        self.functions, self.returned, self.nudges = functions, returned, nudges
        self._call = 0

    def __call__(
        self,
        function: str,
        *args: Any,
        returns: tuple[str, ...],
        opaque: tuple[str, ...] = (),
        replay: str | None = None,
        **kwargs: Any,
    ) -> Any:
        if replay is not None:
            kwargs[replay] = self.returned[self._call][replay]
        self._call += 1
        return self.functions[function](*map(self._widen, args), **kwargs)

    def gradient(self, function: str, *args: Any, of: int, grad_y: torch.Tensor, **kwargs: Any) -> Any:
        self._call += 1
        wide = list(map(self._widen, args))
        leaves = [leaf.requires_grad_() for leaf in (wide[of] if isinstance(wide[of], list) else [wide[of]])]
        with torch.enable_grad():
            y = self.functions[function](*wide, **kwargs)
            gradients = torch.autograd.grad((y * grad_y).sum(), leaves, materialize_grads=True)
            return gradients if isinstance(wide[of], list) else gradients[0]

    def generator(self, seed: int, device: torch.device) -> torch.Generator:
        return torch.Generator(device).manual_seed(seed)

    def _widen(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._widen(part) for part in value]
        if isinstance(value, Argument):
            value = value.tensor.clone()
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            value = value.double()
            if self.nudges is not None:
                change = torch.randn(value.shape, generator=self.nudges, dtype=torch.float64)
                value = value * (1 + NUDGE * change.to(value.device))
        return value


def judge(
    assignment: Assignment, part: Part, transport: Transport, seed: int, device: torch.device
) -> Result:
    """The result of one part on one device: full points if every case is right, else none."""
    name = f"{assignment.name}.{part.name}"
    draw = Draw(seed, name)
    failure: Wrong | None = None
    candidates: list[Misconception] | None = None
    banned: dict[str, None] = {}
    right: list[tuple[Case, Asked, dict[str, Any]]] = []  # the cases before, with what was answered
    for number, case in enumerate(part.cases(draw, device)):
        asked = Asked(transport, again=number == 0)
        outputs: dict[str, Any] = {}
        wrong = _ask_case(assignment, case, asked, outputs)
        banned |= dict.fromkeys(name for answer in asked.answers for name in answer.banned)
        if isinstance(wrong, Unimplemented):
            return Result(name, 0, part.points, False, f"{wrong}.", None)
        if failure is None and wrong is not None:
            failure = wrong
            failure.details = (("asked", asked.calls[-1]), ("case", case.title), *wrong.details)
            # Of random results, others may be right by chance.
            once = (
                Asked(transport, again=False) if asked.called_again and wrong.stage != "randomness" else None
            )
            if once is not None and _ask_case(assignment, case, once, {}) is None:
                failure.details += (("but", TWICE),)
            known = (m for m in assignment.misconceptions if part.name in m.parts)
            # Right numbers in a wrong dtype are no known mistake that happens to give the same here.
            named = wrong.stage in STAGES and bool(outputs)
            named &= not (wrong.stage == "dtype" and _agrees(assignment, {}, case, asked, outputs))
            candidates = [
                m for m in known if named and all(_agrees(assignment, m.functions, *one) for one in right)
            ]
        if failure is not None and candidates and outputs:
            candidates = [m for m in candidates if _agrees(assignment, m.functions, case, asked, outputs)]
        right.append((case, asked, outputs))
        if failure is not None and (not outputs or not candidates or len(candidates) == 1):
            break
    if failure is None and banned:
        failure, candidates = _library_call(part, list(banned)), []
    if failure is None:
        return Result(name, part.points, part.points, True, "", None)
    return _failed(assignment, part, name, failure, candidates or [])


def _ask_case(
    assignment: Assignment, case: Case, asked: Asked, outputs: dict[str, Any]
) -> Wrong | Unimplemented | None:
    """What is wrong in this case; `outputs` is filled with what the student's functions gave."""
    try:
        outputs.update(case.run(asked))
        expected = case.run(Trusted(assignment.right, asked.returned))
        sensitivities = functools.cache(lambda: _sensitivities(assignment, case, asked, expected))
        for stage in STAGES:
            for key, truth in expected.items():
                compare(
                    key,
                    outputs[key],
                    truth,
                    stage,
                    dtype=case.dtype,
                    magnify=case.magnify,
                    sensitivity=lambda key=key: sensitivities()[key],  # type: ignore[misc]
                )
        if case.inspect is not None:
            case.inspect(outputs)
        _side_effects(case, asked)
    except Wrong as wrong:
        if wrong.suspect is None and wrong.stage in ("finite", "values", "error"):
            wrong.suspect = case.suspect
        return wrong
    except Unimplemented as unimplemented:
        return unimplemented
    return None


def _sensitivities(
    assignment: Assignment, case: Case, asked: Asked, expected: dict[str, Any]
) -> dict[str, torch.Tensor]:
    """How far each element of the true results moves, per relative change of the arguments; a few draws."""
    furthest = {
        key: torch.zeros_like(truth, dtype=torch.float64)
        for key, truth in expected.items()
        if isinstance(truth, torch.Tensor) and truth.is_floating_point()
    }
    for seed in range(8):
        nudges = torch.Generator().manual_seed(seed)
        moved = case.run(Trusted(assignment.right, asked.returned, nudges))
        for key, found in furthest.items():
            change = (moved[key] - expected[key]).double().abs().nan_to_num(0.0, 0.0)
            furthest[key] = torch.maximum(found, change / NUDGE)
    return furthest


def _side_effects(case: Case, asked: Asked) -> None:
    for call, answer in zip(asked.calls, asked.answers, strict=True):
        if case.draws and GENERATOR not in answer.changed:
            raise Wrong(
                "randomness",
                f"{call.partition('(')[0]} left its generator as it was: its numbers come from elsewhere.",
                suspect="generator_ignored",
            )
        for changed in answer.changed:
            if position := _ARGUMENT.fullmatch(changed):
                number = int(position[1]) + 1
                raise Wrong(
                    "side effects",
                    f"{call.partition('(')[0]} changed its argument number {number} in place; "
                    "arguments must stay as they were.",
                    suspect="in_place",
                )
            if changed not in case.may_change:
                suspect = "reseeds_globally" if changed in RANDOM_STATES | {GLOBAL_SEED} else None
                raise Wrong("side effects", f"{call.partition('(')[0]} changed {changed}.", suspect=suspect)


def _library_call(part: Part, banned: list[str]) -> Wrong:
    """The last thing to be said: the values are right, but they are the library's."""
    public = [name for name in banned if " _" not in name] or banned
    return Wrong(
        "library call",
        f"{' and '.join(part.functions)} gave right values, but called {' and '.join(public)}; "
        "write it from basic tensor operations instead.",
    )


def _agrees(
    assignment: Assignment, wrong: Functions, case: Case, asked: Asked, outputs: dict[str, Any]
) -> bool:
    """Whether the wrong implementation gives the student's numbers in this case."""
    functions = {**assignment.right, **wrong}
    try:
        alternative = case.run(Trusted(functions, asked.returned))
        for stage in STAGES:
            for key, value in alternative.items():
                compare(key, outputs[key], value, stage, dtype=case.dtype, magnify=case.magnify, strict=False)
    except Exception:  # a wrong implementation may fail in any way; then it is not this one
        return False
    return True


def _failed(
    assignment: Assignment, part: Part, name: str, failure: Wrong, candidates: list[Misconception]
) -> Result:
    if not candidates:
        candidates = [m for m in assignment.misconceptions if m.name == failure.suspect]
    lines = [failure.headline, *(f"  {label:<8} {text}" for label, text in failure.details)]
    if candidates:
        found = candidates[0]
        lines.append(f"  {'likely':<8} {found.title}")
        lines.append(f"  {'why':<8} {found.why}")
    if len(part.functions) > 1:
        first, last = part.functions[0], part.functions[-1]
        lines.append(f"  {'note':<8} {last} works on what your {first} kept; its check comes first")
    lines.append(f"  {'read':<8} {(candidates and candidates[0].read) or part.read or assignment.read}")
    return Result(
        name,
        0,
        part.points,
        False,
        "\n".join(lines),
        candidates[0].name if candidates else None,
        failure.heat,
    )
