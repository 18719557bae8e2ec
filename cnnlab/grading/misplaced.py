"""What lies in `submitted/` where no submission is looked for: one level wrong, or under a misspelt name."""

from collections.abc import Collection
from pathlib import Path

WORK = (".ipynb", ".zip")


def misplaced(submitted: Path, assignments: Collection[str], students: Collection[str] = ()) -> list[Path]:
    """Notebooks and archives that are in no folder STUDENT/ASSIGNMENT, or the folder with them.

    Args:
        submitted: the folder of what was handed in.
        assignments: the known ones.
        students: only these; everybody when empty.
    """
    tops = [path for path in sorted(submitted.glob("[!.]*")) if not students or path.name in students]
    inner = [path for top in tops if top.is_dir() for path in sorted(top.glob("[!.]*"))]
    loose = [path for path in tops if not path.is_dir()]
    strange = [path for path in inner if not (path.is_dir() and path.name in assignments)]
    return [path for path in (*loose, *strange) if _holds_work(path)]


def _holds_work(path: Path) -> bool:
    inside = path.rglob("*") if path.is_dir() else [path]
    return any(
        one.suffix.lower() in WORK and not any(part.startswith(".") for part in one.relative_to(path).parts)
        for one in inside
    )
