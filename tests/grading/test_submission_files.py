"""What of a submission's files reaches its kernel, and what of its text can be written down again."""

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat

from cnnlab.check.wire import whole
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
