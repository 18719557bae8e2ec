"""The same verdicts over bytes as in one process; bytes that are no answer cost points and end no run."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from solved import Functions

from cnnlab.check.api import judge_part
from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.check.transport import Local
from cnnlab.check.values import Argument, Foreign, Handle, Malformed
from cnnlab.check.watch import settled
from cnnlab.check.wire import LARGEST_ANSWER, Packer, Remote, Unpacker, serve

CPU = [torch.device("cpu")]
WRONG = [(name, entry) for name, a in ASSIGNMENTS.items() for entry in a.misconceptions[::4]]


def served(functions: Functions) -> Callable[[bytes], bytes]:
    """The other side of the wire, in this process."""
    kept: list[Any] = []
    settle = settled()
    return lambda data: serve(data, functions, kept, lambda ban: settle())


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_right_answer_gets_the_same_verdict(assignment: str, solution: Callable[[str], Functions]) -> None:
    functions = solution(assignment)
    for part in ASSIGNMENTS[assignment].parts:
        remote = Remote(served(functions), part.ban)
        result = judge_part(ASSIGNMENTS[assignment], part, remote, 5, CPU)
        assert result.passed, str(result)


@pytest.mark.parametrize(("assignment", "entry"), WRONG, ids=[f"{a}-{e.name}" for a, e in WRONG])
def test_a_wrong_answer_gets_the_same_verdict(assignment: str, entry: Any) -> None:
    functions = {**ASSIGNMENTS[assignment].right, **entry.functions}
    for part in ASSIGNMENTS[assignment].parts:
        here, there = (
            judge_part(ASSIGNMENTS[assignment], part, transport, 5, CPU)
            for transport in (Local(functions, part.ban), Remote(served(functions), part.ban))
        )
        assert (here.passed, here.misconception) == (there.passed, there.misconception)
        assert here.message.partition("\n")[0] == there.message.partition("\n")[0]


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.5, -math.inf, Handle(4), Foreign("Liar"), (1, (torch.ones(2), None)), [0.5, [2]]],
    ids=repr,
)
def test_values_come_back_as_they_went(value: Any) -> None:
    packer = Packer()
    reply = Unpacker(packer.message({"value": packer.pack(value)}))
    assert repr(reply.unpack(reply.content["value"])) == repr(value)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.bool, torch.int64])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_tensors_keep_shape_dtype_and_bits(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    packer, tensor = Packer(), torch.arange(math.prod(shape)).reshape(shape).to(dtype)
    packed = packer.pack(Argument(tensor, "strided"))
    reply = Unpacker(packer.message({"value": packed}))
    back = reply.unpack(reply.content["value"])
    assert (back.layout, back.tensor.dtype) == ("strided", dtype)
    assert torch.equal(back.tensor, tensor)


def message(content: Any) -> bytes:
    return Packer().message(content)


HONEST = {"value": None, "error": None, "unimplemented": False, "changed": [], "banned": []}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 100,
        b"\xff" * 8 + b"{}",
        message(HONEST)[:-3],
        message([]),
        message({}),
        message(HONEST | {"value": {"tensor": "7"}}),
        message(HONEST | {"value": {"code": "print(1)"}}),
        message(HONEST | {"value": "text"}),
        message(HONEST | {"value": [None] * 5000}),
        message(HONEST | {"error": 5}),
        message(HONEST | {"error": "x" * 10**6}),
        message(HONEST | {"changed": "argument 0"}),
        message(HONEST | {"banned": [1]}),
        b"\x10\x27\0\0\0\0\0\0" + b"[" * 10000,
        bytes(LARGEST_ANSWER + 1),
    ],
)
def test_bytes_that_are_no_answer_are_an_error_of_the_function(data: bytes) -> None:
    part = ASSIGNMENTS["label_smoothing"].parts[0]
    answer = Remote(lambda sent: data, part.ban).call("smooth_labels", (), {})
    assert answer.error is not None
    assert "cannot be read" in answer.error


def test_nothing_but_plain_values_can_be_sent() -> None:
    with pytest.raises(TypeError, match="set cannot be sent"):
        Packer().pack({1})


def test_no_verdict_can_be_sent() -> None:
    """Whatever else a kernel puts into its answer is not looked at."""
    data = message(HONEST | {"points": 10, "passed": True, "verdict": "passed"})
    part = ASSIGNMENTS["label_smoothing"].parts[0]
    lacking = Packer().message({"lacking": None})

    def lie(sent: bytes) -> bytes:
        return lacking if Unpacker(sent).content["ask"] == "lacking" else data

    result = judge_part(ASSIGNMENTS["label_smoothing"], part, Remote(lie, part.ban), 0, CPU)
    assert result.points == 0


def replying(asked: str, data: bytes, part: Any) -> Remote:
    """The right functions, but to one kind of question always the same answer."""
    honest = served(ASSIGNMENTS["inverted_dropout"].right)
    return Remote(lambda sent: data if Unpacker(sent).content["ask"] == asked else honest(sent), part.ban)


@pytest.mark.parametrize(
    ("asked", "data", "said"),
    [
        ("lacking", b"", "cannot be read"),
        ("lacking", message({"lacking": 5}), "cannot be read"),
        ("generator", b"", "cannot be read"),
        ("generator", message({"value": 5}), "cannot be read"),
        ("call", message(HONEST | {"value": [10**4000, 1]}), "cannot be read"),
        ("call", message(HONEST | {"value": {"handle": 10**4000}}), "cannot be read"),
        ("call", message(HONEST | {"value": eval("[" * 90 + "]" * 90)}), "cannot be read"),
        ("call", message(HONEST | {"value": None, "more": "x" * 2**20}), "cannot be read"),
    ],
)
def test_a_malformed_answer_to_any_question_costs_that_question(asked: str, data: bytes, said: str) -> None:
    assignment = ASSIGNMENTS["inverted_dropout"]
    part = next(part for part in assignment.parts if part.name == "evaluation")  # it asks all three
    result = judge_part(assignment, part, replying(asked, data, part), 0, CPU)
    assert result.points == 0
    assert said in result.message


@pytest.mark.parametrize("changed", ["argument", "argument ", "argument x", "argument ٣", "argument 9999"])
def test_only_a_number_is_an_argument(changed: str) -> None:
    assignment = ASSIGNMENTS["label_smoothing"]
    part, honest = assignment.parts[0], served(assignment.right)

    def lie(sent: bytes) -> bytes:
        reply = Unpacker(honest(sent))
        return Packer(reply.tensors).message(reply.content | {"changed": [changed]})

    result = judge_part(assignment, part, Remote(lie, part.ban), 0, CPU)
    assert f"changed {changed}." in result.message


def test_a_name_of_a_type_can_be_written_down() -> None:
    reply = Unpacker(message({"value": {"foreign": "half \ud83d"}}))
    assert reply.unpack(reply.content["value"]) == Foreign("half ?")


def test_one_tensor_is_not_many_values() -> None:
    """An answer may become an argument; a thousand times the largest tensor would fill the judge's memory."""
    packer = Packer()
    once = packer.pack(torch.ones(2))
    unpacker = Unpacker(packer.message({"value": [once, once]}))
    with pytest.raises(Malformed, match="a tensor is missing"):
        unpacker.unpack(unpacker.content["value"])
