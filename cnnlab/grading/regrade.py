"""One question graded again for a class, everything else as it was.

The answers have to run again, the other checks do not: their verdicts and points are those of before.
"""

from copy import deepcopy
from typing import Any

from cnnlab.errors import InputError, unknown
from cnnlab.grading.markers import nbgrader


def find_question(released: Any, name: str) -> None:
    """Raise an `InputError` unless a check of the released notebook has this grade_id."""
    known = [nbgrader(cell)["grade_id"] for cell in released.cells if _is_check(cell)]
    if name in known:
        return
    if any(nbgrader(cell).get("grade_id") == name and nbgrader(cell).get("grade") for cell in released.cells):
        raise InputError(
            f"the question {name!r} is graded by hand, in the formgrader; --question takes a check: "
            f"{', '.join(sorted(known))}."
        )
    raise unknown("question", name, known)


def same_answers(before: Any, now: Any) -> bool:
    """Whether two notebooks in the released frame hold the same work of the student's."""
    return _work(before) == _work(now)


def with_one_question(before: Any, now: Any, question: str) -> Any:
    """The graded notebook `before` in the frame of `now`, with the verdict on one question from `now`."""
    merged = deepcopy(now)
    verdicts = {nbgrader(cell)["grade_id"]: cell for cell in before.cells if _is_check(cell)}
    for cell in merged.cells:
        name = nbgrader(cell).get("grade_id")
        if _is_check(cell) and name != question and name in verdicts:
            cell.outputs = deepcopy(verdicts[name].outputs)
            cell.execution_count = verdicts[name].execution_count
    record, old = merged.metadata["cnnlab"], before.metadata.get("cnnlab", {})
    for kind in ("held back", "misconceptions"):
        others = {name: what for name, what in old.get(kind, {}).items() if name != question}
        record[kind] = others | {name: what for name, what in record[kind].items() if name == question}
    return merged


def is_another(cell: Any, question: str) -> bool:
    """Whether the cell is a check and not the one that is asked for; no question asks for all."""
    return bool(question) and _is_check(cell) and nbgrader(cell)["grade_id"] != question


def _is_check(cell: Any) -> bool:
    metadata = nbgrader(cell)
    return bool(cell.cell_type == "code" and metadata.get("grade") and not metadata.get("solution"))


def _work(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if not nbgrader(cell).get("locked")]
