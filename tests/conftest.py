"""What all tests share: this machine's devices, the built book, a browser, and the rule on skipped tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
RUN = "from jupyter_book.cli.main import main; main()"
BUILD = [sys.executable, "-c", RUN, "build", "book", "-W", "-n", "--keep-going"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Chromium asks its makers for nothing, and runs as root and in containers without a graphics card.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pytest_report_header() -> str:
    if "cuda" in DEVICES:
        return f"devices: cpu and cuda ({torch.cuda.get_device_name()})"
    return "devices: cpu only; this machine has no CUDA device, so nothing was tried on one"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `device` runs on every device there is."""
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", DEVICES)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"CI: {len(skipped)} skipped test(s) count as failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(661)


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder with the book's pages, up to date; chapters that have not changed are not run again."""
    folder = ROOT / "book" / "_build" / "html"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "test.lock"):  # one build at a time, also under pytest-xdist
        result = subprocess.run(BUILD, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
    assert result.returncode == 0, (
        f"the book does not build:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    )
    assert "build succeeded" in result.stdout
    return folder


@pytest.fixture(scope="module")  # Playwright's event loop must be gone before other files' tests
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("needs a Chromium browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where a run leaves its screenshots; git ignores it."""
    folder = ROOT / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
