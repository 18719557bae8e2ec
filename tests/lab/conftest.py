"""A real JupyterLab with a real browser: one server and one page for each file of tests.

The folder that it shows is the test's `root`; beside it lie the server's home, settings and run-time files.
What was seen last is kept under build/pictures, one picture per step.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from playwright.sync_api import Browser, Page, expect

REPOSITORY = Path(__file__).resolve().parents[2]
expect.set_options(timeout=20_000)  # a busy machine; what is right is there at once
# The formgrader's page of a submission asks for it, whatever is configured; nothing else may be foreign.
MATHJAX = re.compile(r"https://cdnjs\.cloudflare\.com/ajax/libs/mathjax/")
TOKEN = "of-the-test"
# JupyterLab asks on its first start whether it may fetch news; the tests have no net and no time for it.
# And every cell shall be in the page, seen or not, so that a test can read it.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


@pytest.fixture(scope="module")
def lab(root: Path) -> Iterator[str]:
    """The address of a JupyterLab in the folder `root`, token included; ended with whatever it started."""
    home = root.parent / "home"
    for name, text in SETTINGS.items():
        file = home / f"config/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    own = {"HOME": home, "JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_DATA_DIR": home / "data"}
    own |= {"JUPYTER_RUNTIME_DIR": home / "runtime", "IPYTHONDIR": home / "ipython"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "jupyter-lab"), "--no-browser", "--ip=127.0.0.1"]
    options = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    if os.geteuid() == 0:
        options.append("--allow-root")
    environment = os.environ | {name: str(path) for name, path in own.items()} | {"OMP_NUM_THREADS": "1"}
    log = root.parent / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen([*command, *options], cwd=root, env=environment, stdout=file, stderr=file)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
        else:
            pytest.fail(log.read_text())
        yield f"http://127.0.0.1:{port}/lab?token={TOKEN}"
    finally:
        server.terminate()  # the server ends its kernels
        try:
            server.wait(timeout=30)
        finally:
            server.kill()


@pytest.fixture(scope="module")
def page(browser: Browser, lab: str) -> Iterator[Page]:
    """A page of JupyterLab, ready; an address that is not the server's is refused and fails the tests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    foreign: list[str] = []
    here = lab.partition("/lab")[0]

    def guard(route: Any) -> None:
        foreign.append(route.request.url)
        route.abort()

    context.route(re.compile(rf"^https?://(?!{re.escape(here.removeprefix('http://'))})"), guard)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(lab)
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    yield page
    context.close()
    assert [url for url in foreign if not MATHJAX.match(url)] == []


@pytest.fixture
def desk(page: Page, root: Path) -> Desk:
    return Desk(page, root)


@pytest.fixture(autouse=True)
def picture(request: pytest.FixtureRequest, page: Page, pictures: Path) -> Iterator[Callable[[str], None]]:
    """Keeps what is on the screen: `picture("wrong answer")`, and by itself at the end of a test."""

    def take(name: str) -> None:
        page.screenshot(path=pictures / f"lab-{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png")

    yield take
    take(request.node.name.removeprefix("test_"))
