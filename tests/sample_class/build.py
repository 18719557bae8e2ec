"""Builds the sample class: submissions named after what is in them, from the released notebooks.

Answers come from small Python files: `correct/NAME/STYLE.py` and `wrong/NAME/MISTAKE.py`. A wrong file may
hold only the functions that are wrong; the others come from a correct style. What else can happen to
a submission is done to the notebook by the functions below, with a correct style as the answer.
"""

import ast
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

CORRECT, WRONG = (Path(__file__).parent / folder for folder in ("correct", "wrong"))
ASSIGNMENTS = {
    "inverted_dropout": ("dropout_forward", "dropout_backward"),
    "batch_norm": ("batch_norm_forward", "batch_norm_backward"),
    "local_response_norm": ("lrn_across_channels", "lrn_within_channel"),
    "label_smoothing": ("smooth_labels", "label_smoothing_loss", "label_smoothing_grad", "pytorch_epsilon"),
    "preprocessing": (
        "fit_standardization",
        "standardize",
        "draw_crops",
        "crop",
        "draw_flips",
        "flip",
        "draw_rectangles",
        "erase",
        "mixup",
    ),
    "tuning": (
        "penalized_loss",
        "cosine_schedule",
        "step_schedule",
        "log_uniform",
        "early_stopping",
        "next_range",
    ),
}
WRITTEN = "It helped in my runs, but the interval over the three seeds includes zero, so I cannot say."
STYLES = ("broadcasting", "einsum", "loops")  # the checks' own tests run every style
HELPERS = ""
Answers = dict[str, str]  # source code by function name


def build(name: str, released: Path, submitted: Path) -> list[str]:
    """Write every sample submission to `submitted/STUDENT/NAME/NAME.ipynb`; returns the students."""
    students = []
    for student, notebook in submissions(name, released):
        folder = submitted / student / name
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        students.append(student)
    return students


def submissions(name: str, released: Path) -> Iterator[tuple[str, Any]]:
    """(student, notebook) for each sample submission of the assignment."""
    template = nbformat.read(released, as_version=4)
    base = answers(CORRECT / name / f"{STYLES[0]}.py", name)
    for style in STYLES:
        yield style, filled(template, answers(CORRECT / name / f"{style}.py", name))
    for path in sorted((WRONG / name).glob("*.py")):
        wrong = answers(path, name)
        yield path.stem, filled(template, base | wrong | {HELPERS: base[HELPERS] + wrong[HELPERS]})
    for happened in ACCIDENTS[name]:
        notebook = deepcopy(template) if happened is untouched else filled(template, base)
        happened(notebook, ASSIGNMENTS[name])
        yield happened.__name__, notebook


def answers(path: Path, name: str) -> Answers:
    """The contract's functions in a Python file by name, and everything else in it under `HELPERS`."""
    text = path.read_text(encoding="utf-8")
    lines, found, start = text.splitlines(), {HELPERS: ""}, 0
    for node in ast.parse(text).body:
        source = "\n".join(lines[start : node.end_lineno]).strip("\n") + "\n"
        start = node.end_lineno or start
        if isinstance(node, ast.FunctionDef) and node.name in ASSIGNMENTS[name]:
            found[node.name] = source
        else:
            found[HELPERS] += source
    return found


def filled(template: Any, code: Answers) -> Any:
    """The released notebook with answers in its solution cells, helpers first, and a written answer."""
    notebook = deepcopy(template)
    functions = [name for name in code if name != HELPERS]
    for number, function in enumerate(functions):
        cell(notebook, function).source = (code[HELPERS] if number == 0 else "") + code[function]
    cell(notebook, "written").source = WRITTEN
    return notebook


def cell(notebook: Any, grade_id: str) -> Any:
    """The cell with this grade_id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


# What can happen to a submission; where a function suffers, it is the assignment's last one.


def untouched(notebook: Any, functions: tuple[str, ...]) -> None:
    """Handed in as it was handed out."""


def half_done(notebook: Any, functions: tuple[str, ...]) -> None:
    """The last function and the written question are still to be done."""
    function = cell(notebook, functions[-1])
    function.source = _with_body(function.source, functions[-1], "raise NotImplementedError()")
    cell(notebook, "written").source = "YOUR ANSWER HERE"


def crash(notebook: Any, functions: tuple[str, ...]) -> None:
    """The last function ends the process."""
    function = cell(notebook, functions[-1])
    function.source = _with_body(function.source, functions[-1], "import os\nos._exit(1)")


def endless_loop(notebook: Any, functions: tuple[str, ...]) -> None:
    """The last function never returns."""
    function = cell(notebook, functions[-1])
    function.source = _with_body(function.source, functions[-1], "while True:\n    pass")


def exception_at_top(notebook: Any, functions: tuple[str, ...]) -> None:
    """A cell of the student's own, above everything, fails."""
    notebook.cells.insert(0, nbformat.v4.new_code_cell("print(undefined_name)", id="mine-0"))


def exits(notebook: Any, functions: tuple[str, ...]) -> None:
    """A cell of the student's own, in the middle, ends the kernel politely."""
    index = notebook.cells.index(cell(notebook, functions[-1]))
    notebook.cells.insert(index, nbformat.v4.new_code_cell("exit()", id="mine-1"))


def deleted_test_cell(notebook: Any, functions: tuple[str, ...]) -> None:
    """Every check cell is gone, and so is the set-up."""
    gone = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("locked")]
    notebook.cells = [c for c in notebook.cells if c not in gone]


def edited_test_cell(notebook: Any, functions: tuple[str, ...]) -> None:
    """Checks replaced, points raised, tags that skip added, over a wrong answer."""
    function = cell(notebook, functions[-1])
    function.source = _with_body(function.source, functions[-1], "return None")
    for check in [c for c in notebook.cells if c.source.startswith("check(")]:
        check.source = "10"
        check.metadata["tags"] = ["skip-execution", "experiment", "raises-exception"]
        check.metadata["nbgrader"]["points"] = 100


def warning_on_stderr(notebook: Any, functions: tuple[str, ...]) -> None:
    """Right answers that warn."""
    for name in functions:
        function = cell(notebook, name)
        warning = f"import sys; print('{name} is slow', file=sys.stderr)"
        function.source = _with_first_line(function.source, name, warning)


def duplicated_cell(notebook: Any, functions: tuple[str, ...]) -> None:
    """The last answer and its checks are there twice, the older answer, a wrong one, first."""
    index = notebook.cells.index(cell(notebook, functions[-1]))
    copies = deepcopy(notebook.cells[index:])
    for number, copy in enumerate(copies):
        copy.id = f"copy-{number}"
    copies[0].source = _with_body(copies[0].source, functions[-1], "return None")
    notebook.cells[index:index] = copies


def retyped_and_moved(notebook: Any, functions: tuple[str, ...]) -> None:
    """The last answer has become a text cell and stands at the very end."""
    answer = cell(notebook, functions[-1])
    notebook.cells.remove(answer)
    notebook.cells.append(
        nbformat.v4.new_markdown_cell(answer.source, metadata=answer.metadata, id=answer.id)
    )


EVERYWHERE = (
    untouched,
    half_done,
    crash,
    exception_at_top,
    deleted_test_cell,
    warning_on_stderr,
    duplicated_cell,
)
# Slow, or the same whatever the assignment is about: once or twice is enough.
ACCIDENTS = {
    "inverted_dropout": (*EVERYWHERE, endless_loop, exits, edited_test_cell, retyped_and_moved),
    "batch_norm": (*EVERYWHERE, endless_loop),
    "local_response_norm": EVERYWHERE,
    "label_smoothing": EVERYWHERE,
    "preprocessing": EVERYWHERE,
    "tuning": EVERYWHERE,
}


def _with_first_line(source: str, function: str, line: str) -> str:
    """The source with one more line at the start of a function's body."""
    lines = source.splitlines()
    lines.insert(_first_line(source, function), f"    {line}")
    return "\n".join(lines)


def _with_body(source: str, function: str, body: str) -> str:
    """The source up to a function's body, and another body."""
    head = source.splitlines()[: _first_line(source, function)]
    return "\n".join([*head, *(f"    {line}" for line in body.splitlines())])


def _first_line(source: str, function: str) -> int:
    """The index of the line at which the function's body starts."""
    definitions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return next(node.body[0].lineno for node in definitions if node.name == function) - 1
