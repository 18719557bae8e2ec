"""What of a submission's files reaches its kernel, and what of its text can be written down again."""

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat

from cnnlab.check.wire import whole
from cnnlab.grading.classroom import Outcome
from cnnlab.grading.collect import Collected
from cnnlab.grading.commands import _collected
from cnnlab.grading.report import line
from cnnlab.grading.submission import other_files, read_notebook


def test_code_that_is_no_text_stays_behind(tmp_path: Path) -> None:
    """Nobody could read in it what an answer is made of."""
    for name in ("work.ipynb", "helper.py", "data.csv", "helper.pyc", "__pycache__/helper.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    shutil.make_archive(str(tmp_path / "code"), "zip", tmp_path, "helper.py")
    assert sorted(other_files(tmp_path, "work.ipynb")) == ["data.csv", "helper.py"]


def test_half_a_character_becomes_a_question_mark(tmp_path: Path, tiny: Any) -> None:
    notebook = json.loads(nbformat.writes(tiny))
    notebook["cells"][-1]["source"] = "# \ud83d, \U0001f600 and é"
    path = tmp_path / "tiny.ipynb"
    path.write_text(json.dumps(notebook))
    assert "\\ud83d," in path.read_text()
    read = read_notebook(path).cells[-1].source
    assert read == "# ?, \U0001f600 and é"
    path.write_text(nbformat.writes(read_notebook(path)), encoding="utf-8")


def test_a_text_is_whole() -> None:
    assert whole("caf\udce9 \U0001f600") == "caf? \U0001f600"


HOSTILE_NAME = "a\x1b]0;owned\x07\x1b[2J\nall is well\u202e.txt"


def test_no_name_of_a_file_reaches_the_terminal_as_it_is() -> None:
    """Neither in a line of a class nor in one of an export; a sentence has an end."""
    graded = Outcome("tiny", "ada", "graded", notes=[f"other files: {HOSTILE_NAME}"], scores={})
    refused = Outcome("tiny", f"bob{HOSTILE_NAME}", "needs attention", f"{HOSTILE_NAME} is {'x' * 10**6}")
    collected = Collected(HOSTILE_NAME, HOSTILE_NAME, "refused", [HOSTILE_NAME, "x" * 10**6])
    for text in (line(graded).replace("\n    ", ""), line(refused), _collected(collected)):
        assert "owned" in text
        assert text.isprintable()
        assert len(text) < 10_000
