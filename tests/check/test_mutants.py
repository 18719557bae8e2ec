"""Small changes to the solutions: each must lose a point, unless it is known to mean the same.

The catalogue holds the mistakes that we thought of; this finds those that we did not.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from solved import functions_of, solution_source

from cnnlab.check import grade
from cnnlab.check.assignments import ASSIGNMENTS

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Lt: ast.LtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Or: ast.And,
    ast.And: ast.Or,
    ast.BitAnd: ast.BitOr,
}
METHODS = {
    "sum": "mean",
    "mean": "sum",
    "square": "abs",
    "rsqrt": "sqrt",
    "sqrt": "square",
    "exp": "expm1",
    "log": "log1p",
    "min": "max",
    "max": "min",
}
# Changes that mean the same: (line that changes, in the original). Why, in a comment each.
SAME_MEANING = {
    "inverted_dropout": [
        ">= p",  # the uniform draw equals p with probability 2**-24; the device matters on CUDA only
        "if p == 1:",  # torch.where has dropped everything already
    ],
    "batch_norm": ["if m < 2:"],  # a batch without a variance is outside the contract
    "local_response_norm": [],
    "label_smoothing": [
        "dtype=torch.float32, device=targets.device",  # the default dtype; the device matters on CUDA only
        ".squeeze(1)",  # (N, 1) broadcasts against (N,) to a matrix with the same mean
    ],
    "preprocessing": [
        "device=",  # matters on CUDA only
        "images.new_zeros(n, c, h + 2 * padding, w + 2 * padding)",  # a wider border: no window reaches it
        ", device=where) < p",  # the uniform draw equals p with probability 2**-24
    ],
    "tuning": [
        "dtype=torch.float64",  # float32 is exact enough
        "if place < margin or place > 1 - margin",  # what lies exactly at the margin is not asked
    ],
}


def mutants(source: str) -> Iterator[str]:
    """The source with one small change each."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[index])
            text = ast.unparse(changed)
            if text not in seen:
                seen.add(text)
                yield text


def _changes(node: ast.AST) -> Iterator[Callable[[Any], object]]:
    match node:
        case ast.BinOp() | ast.BoolOp() if type(node.op) in OPERATORS:
            yield lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
        case ast.Compare() if type(node.ops[0]) in OPERATORS:
            yield lambda n: setattr(n, "ops", [OPERATORS[type(n.ops[0])]()])
        case ast.Constant(value=bool()):
            yield lambda n: setattr(n, "value", not n.value)
        case ast.Constant(value=int()):
            yield lambda n: setattr(n, "value", n.value + 1)
            yield lambda n: setattr(n, "value", n.value - 1)
        case ast.Constant(value=float()):
            yield lambda n: setattr(n, "value", 1.5 * n.value + 0.1)
        case ast.UnaryOp(op=ast.USub()):
            yield lambda n: setattr(n, "op", ast.UAdd())
        case ast.Attribute() if node.attr in METHODS:
            yield lambda n: setattr(n, "attr", METHODS[n.attr])
        case ast.Call(keywords=[_, *_]):
            for position in range(len(node.keywords)):
                yield lambda n, position=position: n.keywords.pop(position)
        case ast.If() | ast.IfExp():
            yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
        case ast.Return(value=ast.Tuple(elts=[_, _, *_])):
            yield lambda n: n.value.elts.reverse()


def changed_line(source: str, mutant: str) -> str:
    pairs = zip(ast.unparse(ast.parse(source)).splitlines(), mutant.splitlines(), strict=False)
    return next(line for line, other in pairs if line != other)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_mutants_of_the_solution_lose_points(assignment: str) -> None:
    source = solution_source(assignment)
    survivors, count = [], 0
    for count, mutant in enumerate(mutants(source), start=1):
        try:
            functions = functions_of(mutant, "mutant")
        except Exception:
            continue
        if grade(assignment, functions, seed=count).passed:
            survivors.append(changed_line(source, mutant))
    assert count > 25
    unexplained = [s for s in survivors if not any(known in s for known in SAME_MEANING[assignment])]
    assert not unexplained
