"""Which work the points given by hand are for, so that they never count for other work.

nbgrader keeps a score that a person has given, whatever is handed in later. Here a table of our own, in the
gradebook and so in the same transaction as the grades, holds a digest of the work that was last scored: what
the person saw. The same work keeps its points; for other work they are taken back.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, MetaData, String, Table, delete, insert, select
from sqlalchemy.schema import CreateTable

from cnnlab.grading.markers import nbgrader

_SCORED = Table(
    "cnnlab_scored_work",
    MetaData(),
    Column("grade_id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False),
)


def work(cell: Any, notebook: Any, files: Mapping[str, bytes]) -> str:
    """A digest of what the points of a graded cell are for.

    A written answer is its own text. A check's points are for all of the student's code: an answer may use
    anything above it, and modules beside the notebook.
    """
    if nbgrader(cell).get("solution"):
        parts = [cell.source.encode()]
    else:
        cells = [one for one in notebook.cells if one.cell_type == "code" and not nbgrader(one).get("locked")]
        parts = [one.source.encode() for one in cells]
        for name, content in sorted(files.items()):
            parts += [name.encode(errors="surrogateescape"), content]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def make_room(gradebook: Any) -> None:
    """Make the table where there is none yet."""
    gradebook.db.execute(CreateTable(_SCORED, if_not_exists=True))


def take_back(gradebook: Any, grade: Any, digest: str) -> float | None:
    """Keep the points by hand, or take them back when the work is not what they were given for.

    Points from before there was this table are for nobody knows what: they stay, and a person is asked, as
    nbgrader does.

    Returns:
        The points that were taken back.
    """
    was = gradebook.db.execute(select(_SCORED.c.digest).where(_SCORED.c.grade_id == grade.id)).scalar()
    given = grade.manual_score is not None or grade.extra_credit is not None
    taken = None
    if given and was is None:
        grade.needs_manual_grade = True
        return None
    if given and was != digest:
        taken = (grade.manual_score or 0.0) + (grade.extra_credit or 0.0)
        grade.manual_score = grade.extra_credit = None
    grade.needs_manual_grade = grade.auto_score is None and grade.manual_score is None
    if was != digest:
        gradebook.db.execute(delete(_SCORED).where(_SCORED.c.grade_id == grade.id))
        gradebook.db.execute(insert(_SCORED).values(grade_id=grade.id, digest=digest))
    return taken
