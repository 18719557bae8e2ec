"""The instructor's page: what it counts, whom it finds alike, and that nothing in it acts."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook

from cnnlab.grading.classroom import Outcome
from cnnlab.grading.overview import MOST_PAIRS, Overview, _code, page
from cnnlab.grading.report import line
from cnnlab.grading.similarity import Pair, similar

REPOSITORY = Path(__file__).resolve().parents[2]
CORRECT = REPOSITORY / "tests/sample_class/correct"


def disguised(source: str) -> str:
    """The same program with other names, comments and blank lines."""
    source = re.sub(r"#.*", "", source)
    source = re.sub(r"\bx\b", "activations", source)
    source = re.sub(r"\bmean\b(?!\()", "centre", source)
    return "# all my own work\n\n" + source.replace("\n", "\n\n")


@pytest.mark.parametrize("assignment", sorted(path.name for path in CORRECT.iterdir()))
def test_a_copy_in_disguise_is_found_and_independent_solutions_are_not(assignment: str) -> None:
    class_ = {path.stem: path.read_text() for path in (CORRECT / assignment).glob("*.py")}
    assert len(class_) >= 3
    assert similar(class_, "") == []

    victim = sorted(class_)[0]
    pairs = similar(class_ | {"copy": disguised(class_[victim])}, "")
    assert [{pair.first, pair.second} for pair in pairs] == [{victim, "copy"}]
    assert pairs[0].share > 0.9


def test_what_everybody_was_handed_or_wrote_counts_for_nobody() -> None:
    own = {path.stem: path.read_text() for path in (CORRECT / "batch_norm").glob("*.py")}
    handed = (CORRECT / "preprocessing" / "loops.py").read_text()
    together = {student: handed + source for student, source in own.items()}
    assert similar(together, handed) == []
    assert similar(together, "") == []  # the whole class has it
    two = dict(list(together.items())[:2])
    assert similar(two, "")  # but two who share as much are shown when nobody was handed it


@pytest.mark.parametrize("source", ["", "x = 1", "def broken(:\n  '''", "\0\x07", "é = 'ü'" * 50])
def test_code_of_any_kind_can_be_compared(source: str) -> None:
    assert similar({"ada": source, "bob": "pass"}, source) == []


@pytest.mark.parametrize("possible", [0, 0.5, 7, 12, 100, 101.5])
def test_the_histogram_holds_every_student_once(possible: float) -> None:
    settled = {str(n): possible * n / 10 for n in range(11)} | {"below": -1.0, "above": possible + 1}
    bars = Overview("a", possible, [], [], settled, [], [], [], [], []).histogram
    assert sum(count for *_, count in bars) == 13
    assert len(bars) <= 13
    assert bars[-1][1] >= possible
    assert all(low < high for low, high, _ in bars)


def test_a_class_of_copies_does_not_drown_the_page() -> None:
    pairs = [Pair(f"s{n}", "master", 1.0) for n in range(1000)]
    text = page([Overview("a", 5, ["s0"], [], {"s0": 5.0}, [], [], [], [], [], pairs)])
    assert text.count("100 %") == MOST_PAIRS
    assert f"and {1000 - MOST_PAIRS} more" in text


def test_what_is_to_be_told_of_a_submission_is_told_also_when_it_needs_attention() -> None:
    outcome = Outcome(
        "tiny", "ada", "needs attention", "check: look at it.", ["the 2 points no longer count"]
    )
    assert line(outcome).endswith("check: look at it.\n    the 2 points no longer count")


def test_the_page_of_a_class(run: Any, root: Path, submit: Any, answered: Any) -> None:
    evil = "<script>alert(1)</script>"
    long = (
        "def square(x):\n    total = 0\n    for _ in range(abs(x)):\n"
        "        total += abs(x)\n    return total"
    )
    submit("ada", answered(square=long))
    submit("bob", answered(square=long.replace("total", "sum_of_all")))
    submit(evil.replace("/", "∕"), answered(square="def square(x):\n    return 0", written="Because."))
    submit("cut", answered()).write_bytes(b"{")
    submit("l\udce9a", answered())  # a name in Latin-1
    evil_page = root / "course/submitted/ada/tiny/evil.html"
    evil_page.write_text(evil)
    assert run("cnnlab", "report", "tiny", cwd=root).returncode == 2
    run("cnnlab", "grade", "tiny", cwd=root)

    result = run("cnnlab", "report", "tiny", cwd=root)
    assert result.returncode == 0, result.stderr
    text = (root / "course/report.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    assert not page.find_all(["script", "link", "iframe", "img"])
    assert "default-src 'none'" in page.find("meta", attrs={"http-equiv": True})["content"]
    assert "Handed in, without a grade: cut, l\\udce9a" in page.text
    assert [path.name for path in (root / "course/feedback/ada/tiny").iterdir()] == ["tiny.html"]
    rows = {
        row.th.text: [cell.text for cell in row.find_all("td")] for row in page.select("tbody tr") if row.th
    }
    assert rows["check_square"] == ["3", "2.00", "2", "0", "1", "0"]
    assert rows["written"][-1] == "1"
    alike = [[cell.text for cell in row.find_all("td")] for row in page.select("tbody tr") if not row.th]
    assert ["ada", "bob", "100 %"] in alike
    assert not any("alert" in pair[0] and "%" in pair[-1] for pair in alike)

    result = run("cnnlab", "report", "tiny", "--to", "no/such/folder.html", cwd=root)
    assert result.returncode == 2
    assert "cannot be written" in result.stderr
    result = run("cnnlab", "report", "tony", cwd=root)
    assert (result.returncode, "Known: tiny" in result.stderr) == (2, True)


def test_what_nobody_could_read_is_not_compared() -> None:
    """An experiment does not run, however long it is; to compare it would take minutes."""
    assert (
        _code(new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("a + " * 20_000 + "a")])) == "a = 1"
    )


def test_the_page_names_misconceptions_and_flags(run: Any, root: Path, tmp_path: Path) -> None:
    """Of the real class, a few: one wrong in a known way, one that ends its kernel, two alike."""
    shutil.rmtree(root / "solutions")
    (root / "solutions").mkdir()
    shutil.copy(REPOSITORY / "solutions/inverted_dropout.md", root / "solutions")
    (root / "tests").symlink_to(REPOSITORY / "tests")
    assert run("cnnlab", "release", cwd=root).returncode == 0
    result = run("cnnlab", "sample-class", "inverted_dropout", cwd=root)
    assert result.returncode == 0, result.stderr
    chosen = ("scale_by_p", "crash", "broadcasting")
    students = [word for name in chosen for word in ("--student", name)]
    assert run("cnnlab", "grade", "inverted_dropout", *students, cwd=root).returncode == 0

    assert run("cnnlab", "report", "inverted_dropout", cwd=root).returncode == 0
    page = BeautifulSoup((root / "course/report.html").read_text(), "html.parser")
    tables = {table.caption.text: table.tbody.text for table in page.find_all("table")}
    assert "the kept elements were divided by p" in tables["Commonest misconceptions"]
    assert "scale_by_p" in tables["Commonest misconceptions"]
    assert "broadcasting" not in tables["Commonest misconceptions"]
    assert "os._exit" in tables["To look at"]
    assert len(re.findall(r"\d\.\d", tables["Slowest"])) == len(chosen)
