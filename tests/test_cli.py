"""The command line: what a person types wrong is answered in one sentence, with exit code 2."""

import builtins
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cnnlab import __version__, cli
from cnnlab.cells import CELL_SECONDS
from cnnlab.errors import unknown

REPOSITORY = Path(__file__).resolve().parents[1]
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cnnlab(tmp_path: Path) -> Cli:
    """Runs `cnnlab …` in an empty folder; exit code, stdout, stderr without colours."""

    def run(*arguments: str, cwd: Path = tmp_path) -> tuple[int, str, str]:
        result = subprocess.run(
            [str(Path(sys.executable).parent / "cnnlab"), *arguments],
            cwd=cwd,
            env=os.environ | {"COLUMNS": "150", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        clean = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in (result.stdout, result.stderr)]
        return result.returncode, *clean

    return run


def refused(cnnlab: Cli, *arguments: str, cwd: Path | None = None) -> str:
    """The one sentence that a wrong command is answered with."""
    code, out, err = cnnlab(*arguments, **({"cwd": cwd} if cwd else {}))
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("cnnlab: ")
    return err


def test_version(cnnlab: Cli) -> None:
    assert cnnlab("--version") == (0, f"cnnlab {__version__}\n", "")


def test_help_names_every_command(cnnlab: Cli) -> None:
    code, out, _ = cnnlab("--help")
    assert code == 0
    assert all(command in out for command in ("release", "grade", "sample-class"))


def test_an_option_that_does_not_exist(cnnlab: Cli) -> None:
    code, _, err = cnnlab("grade", "batch_norm", "--fast")
    assert code == 2
    assert "No such option: --fast" in err
    assert "Traceback" not in err


def test_grading_without_a_course(cnnlab: Cli) -> None:
    assert "there is no course folder course; run `cnnlab release`" in refused(cnnlab, "grade", "batch_norm")


def test_grading_without_a_gradebook(cnnlab: Cli, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    assert "there is no gradebook.db in course" in refused(cnnlab, "grade", "batch_norm")


def test_releasing_without_sources(cnnlab: Cli) -> None:
    assert "there is no folder solutions" in refused(cnnlab, "release")


def test_the_sample_class_outside_the_repository(cnnlab: Cli) -> None:
    assert "run this from the repository's root" in refused(cnnlab, "sample-class")


def test_unknown_assignments_list_the_known_ones(cnnlab: Cli, tmp_path: Path) -> None:
    known = (
        "Known: batch_norm, inverted_dropout, label_smoothing, local_response_norm, preprocessing, tuning."
    )
    root = ("--root", str(tmp_path / "course"))
    for command in (("release", "batchnorm"), ("sample-class", "batchnorm")):
        sentence = refused(cnnlab, *command, *root, cwd=REPOSITORY)
        assert sentence == f"cnnlab: unknown assignment 'batchnorm'. Did you mean 'batch_norm'? {known}\n"
    assert not (tmp_path / "course").exists()


def test_a_release_into_a_folder_of_the_users_own(cnnlab: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "mine/batch_norm/batch_norm.ipynb"
    mine.parent.mkdir(parents=True)
    mine.write_text("my work")
    options = ("--to", str(tmp_path / "mine"), "--root", str(tmp_path / "course"))
    assert "not as it was generated" in refused(cnnlab, "release", "batch_norm", *options, cwd=REPOSITORY)
    assert mine.read_text() == "my work"
    assert cnnlab("release", "batch_norm", "--force", *options, cwd=REPOSITORY)[0] == 0

    sentence = refused(cnnlab, "grade", "batch_nrom", *options[2:])
    assert (
        sentence == "cnnlab: unknown assignment 'batch_nrom'. Did you mean 'batch_norm'? Known: batch_norm.\n"
    )
    for command in ("grade", "due"):
        assert refused(cnnlab, command, "tuning", *options[2:], cwd=REPOSITORY) == (
            "cnnlab: tuning has not been released; run `cnnlab release tuning` first. Released: batch_norm.\n"
        )
    assert "nobody has submitted batch_norm" in refused(cnnlab, "grade", "batch_norm", *options[2:])
    (tmp_path / "course/submitted/ada/batch_norm").mkdir(parents=True)
    sentence = refused(cnnlab, "grade", "batch_norm", "--student", "adam", *options[2:])
    assert sentence == "cnnlab: unknown student 'adam'. Did you mean 'ada'? Known: ada.\n"


def test_a_sentence_does_not_name_a_whole_class() -> None:
    said = str(unknown("student", "s199x", [f"s{number:03d}" for number in range(300)]))
    assert "Did you mean 's199'? Known: s000, s001" in said
    assert said.endswith("s019 and 280 more.")


def test_a_students_installation_has_no_grading(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def without_nbgrader(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "nbgrader":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return found(name, *rest)

    found = builtins.__import__
    for name in [name for name in sys.modules if name.startswith(("cnnlab.grading", "nbgrader"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_nbgrader)
    monkeypatch.setattr(sys, "argv", ["cnnlab", "grade", "batch_norm"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    sentence = 'cnnlab: nbgrader is not installed; run pip install "cnnlab[grading]" first.\n'
    assert capsys.readouterr().err == sentence


def test_help_needs_neither_torch_nor_nbgrader() -> None:
    code = "import sys, cnnlab.cli; print({'torch', 'nbgrader', 'jupytext', 'nbformat'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_a_grammar_that_nobody_needs_is_not_made() -> None:
    """It took a quarter of the start of `cnnlab grade`; whoever asks for it afterwards gets it."""
    program = (
        "import sys\nfrom cnnlab.grading.commands import SLOW, grading_packages\n"
        "with grading_packages():\n    import nbformat\n"
        "assert SLOW not in sys.modules\n__import__(SLOW)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_instructors_page_says_how_long_a_cell_may_run() -> None:
    page = (REPOSITORY / "book/for-instructors.md").read_text()
    assert f"each cell in at most {CELL_SECONDS} seconds unless `--timeout`" in page


def test_a_name_that_is_far_from_all_is_taken_for_none() -> None:
    assert "Did you mean" not in str(unknown("student", "nobody", ["untouched", "ada"]))
    assert "Did you mean 'untouched'" in str(unknown("student", "untuched", ["untouched", "ada"]))
