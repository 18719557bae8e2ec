"""Tampering with the notebook's frame: tags, points, ids, locked cells."""

from corpus.making import Work, attack, made_in

TAG = "tag that skips a cell"
EDITED = "edited points, grade ids, locked cells"


def _tag(work: Work, tag: str) -> None:
    for check in work.checks():
        check.metadata["tags"] = [tag]


@attack(TAG)
def tag_skip_execution(work: Work) -> None:
    """A tag that nbclient skips a cell for, on every check."""
    _tag(work, "skip-execution")


@attack(TAG)
def tag_experiment(work: Work) -> None:
    """The course's own tag for cells that are not run, on every check."""
    _tag(work, "experiment")


@attack(TAG)
def tag_raises_exception(work: Work) -> None:
    """A tag that makes an error welcome, on every check."""
    _tag(work, "raises-exception")


@attack(EDITED)
def edited_points(work: Work) -> None:
    """A hundred points for the questions that are right, none to lose on the wrong one."""
    for check in work.checks():
        check.metadata["nbgrader"]["points"] = 100
    work.graded("check_targets").metadata["nbgrader"]["points"] = 0


@attack(EDITED)
def edited_grade_ids(work: Work) -> None:
    """The wrong question's check goes by another name, and a cell that cannot fail goes by its name."""
    check = work.graded("check_targets")
    spare = work.cell("pass", before="check_targets")
    spare.metadata["nbgrader"] = dict(check.metadata["nbgrader"])
    check.metadata["nbgrader"]["grade_id"] = check.id = "check_something"


@attack(EDITED)
def swapped_grade_ids(work: Work) -> None:
    """The checks of a wrong and a right question change their names."""
    one, other = work.graded("check_targets"), work.graded("check_pytorch_epsilon")
    for key in ("source", "id"):
        one[key], other[key] = other[key], one[key]
    for key in ("grade_id", "points"):
        mine, theirs = one.metadata["nbgrader"], other.metadata["nbgrader"]
        mine[key], theirs[key] = theirs[key], mine[key]


@attack(EDITED)
def edited_locked_cells(work: Work) -> None:
    """Every check is replaced by a number, and the set-up hands out a check that says yes."""
    for check in work.checks():
        check.source = "10"
    work.graded("setup").source += "\n\n\ndef check(*asked):\n    return 10\n"


@attack(EDITED)
def unlocked_cells(work: Work) -> None:
    """The checks pretend to be answers that a person reads."""
    for check in work.checks():
        check.source = "pass"
        check.metadata["nbgrader"] |= {"locked": False, "solution": True, "grade": False}


FRAME = made_in(globals())
