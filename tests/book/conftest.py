"""The book as published."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
RUN = "from jupyter_book.cli.main import main; main()"
BUILD = [sys.executable, "-c", RUN, "build", "book", "-W", "-n", "--keep-going"]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def html(root: Path) -> Path:
    """The folder with the pages, up to date; chapters that have not changed are not executed again."""
    folder = root / "book" / "_build" / "html"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "test.lock"):  # one build at a time, also under pytest-xdist
        result = subprocess.run(BUILD, cwd=root, capture_output=True, text=True, timeout=1800, check=False)
    assert result.returncode == 0, (
        f"the book does not build:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    )
    assert "build succeeded" in result.stdout
    return folder
