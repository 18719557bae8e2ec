"""The two ways in: `check` one part in a notebook, `grade` a whole assignment."""

import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.check.catalogue import Assignment, Part
from cnnlab.check.judge import Transport, judge
from cnnlab.check.report import Progress, Report, Result
from cnnlab.check.transport import Local
from cnnlab.check.values import Malformed
from cnnlab.check.watch import repeatable
from cnnlab.errors import InputError, unknown


class CheckFailed(AssertionError):
    """A check did not pass; the text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback through our own frames."""
        return [f"{type(self).__name__}: {self.text}"]


def check(
    name: str, *functions: Callable[..., Any], seed: int | None = None, devices: Iterable[str] | None = None
) -> None:
    """Check one part of an assignment and show the verdict.

    Args:
        name: "assignment.part", for example "batch_norm.forward".
        functions: the student's functions that the part asks for, in its order.
        seed: repeats the cases of an earlier check; fresh ones when not given.
        devices: where to check, for example ["cpu"]; the CPU, and CUDA where there is one, when not given.

    Raises:
        CheckFailed: the part did not pass.
        InputError: an unknown name, or not the functions that the part takes.
    """
    __tracebackhide__ = True  # pytest then shows the test, not our frames
    assignment, part = find(name)
    if len(functions) != len(part.functions):
        raise InputError(
            f"check({name!r}, …) takes {len(part.functions)} function(s), {', '.join(part.functions)}, "
            f"in this order; got {len(functions)}."
        )
    seed, where = _seed(seed), _devices(devices)
    given = dict(zip(part.functions, functions, strict=True))
    result = judge_part(assignment, part, Local(given, part.ban), seed, where)
    report = Report(assignment.name, [result], seed, _noted(assignment, part, result))
    if not report.passed:
        failure = CheckFailed(str(report))
        if not _display(report):
            raise failure
        # The table says it all; what IPython prints below it stays one line.
        failure.text = str(report).partition("\n")[0]
        raise failure
    if not _display(report):
        print(report)


def grade(
    assignment: str,
    functions: Mapping[str, Callable[..., Any]],
    seed: int | None = None,
    devices: Iterable[str] | None = None,
) -> Report:
    """Check every part of an assignment.

    A function that is missing, unimplemented or broken scores zero for its own checks and no more.

    Args:
        assignment: its name, for example "batch_norm".
        functions: the student's functions by the names of the contract; others are ignored.
        seed: repeats the cases of an earlier report; fresh ones when not given.
        devices: where to check; the CPU, and CUDA where there is one, when not given.

    Raises:
        InputError: an unknown assignment or device.
    """
    found = _assignment(assignment)
    seed, where = _seed(seed), _devices(devices)
    results = [judge_part(found, part, Local(functions, part.ban), seed, where) for part in found.parts]
    return Report(found.name, results, seed)


def judge_part(
    assignment: Assignment, part: Part, transport: Transport, seed: int, devices: Sequence[torch.device]
) -> Result:
    """Check one part, wherever its functions run; the first device on which it fails decides."""
    name = f"{assignment.name}.{part.name}"
    try:
        for function in part.functions:
            if what := transport.lacking(function):
                return Result(name, 0, part.points, False, f"{function} {what}.", None)
        with repeatable(seed):
            for device in devices:
                result = judge(assignment, part, transport, seed, device)
                if not result.passed:
                    break
    except Malformed as error:  # it costs the question and not the other ones
        what = f"what came back when asked for {' and '.join(part.functions)} cannot be read ({error})."
        return Result(name, 0, part.points, False, what, None)
    return result


_passed: dict[str, bool] = {}  # what each check said last in this session


def _noted(assignment: Assignment, part: Part, result: Result) -> Progress:
    _passed[f"{assignment.name}.{part.name}"] = result.passed
    checks = [
        (one.name, one.points, _passed.get(f"{assignment.name}.{one.name}")) for one in assignment.parts
    ]
    return Progress(assignment.name, checks)


def _assignment(name: str) -> Assignment:
    if name not in ASSIGNMENTS:
        raise unknown("assignment", name, ASSIGNMENTS)
    return ASSIGNMENTS[name]


def find(name: str) -> tuple[Assignment, Part]:
    """The assignment and its part of a name such as "batch_norm.forward"."""
    assignment_name, _, part_name = str(name).partition(".")
    assignment = _assignment(assignment_name)
    for part in assignment.parts:
        if part.name == part_name:
            return assignment, part
    raise unknown(f"part of {assignment.name}", part_name, (part.name for part in assignment.parts))


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbelow(2**31)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r}; it must be a non-negative int, or None for fresh cases.")
    return seed


def _devices(names: Iterable[str] | None) -> list[torch.device]:
    usable = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if names is None:
        return [torch.device(name) for name in usable]
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if str(name).partition(":")[0] not in usable:
            raise unknown("device", name, usable)
    if not wanted:
        raise InputError(f"devices is empty; give at least one of {', '.join(usable)}.")
    return [torch.device(name) for name in wanted]


def _display(report: Report) -> bool:
    """Show the report as HTML if this is a notebook; whether it is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        return False
    from IPython.display import display

    display(report)
    return True
