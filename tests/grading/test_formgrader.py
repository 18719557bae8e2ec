"""nbgrader's formgrader on our gradebook: lists, autogrades in our sandbox, takes points, writes feedback."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from corpus.containers import PAYLOADS, SCRIPT_MARK

TOKEN = "of-the-test"


@pytest.fixture
def ask(root: Path) -> Iterator[Callable[..., Any]]:
    """Talks to a Jupyter server in the course's root: `ask("GET", "api/assignments")`; JSON, or the page."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "jupyter-server"), "--no-browser", "--ip=127.0.0.1"]
    options = [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    if os.geteuid() == 0:
        options.append("--allow-root")
    with (root / "server.log").open("w") as log:
        server = subprocess.Popen([*command, *options], cwd=root, stdout=log, stderr=log)

    def request(method: str, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/formgrader/{path}", data, method=method)
        asked.add_header("Authorization", f"token {TOKEN}")
        asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked, timeout=120) as answer:
            text = answer.read().decode()
        return json.loads(text) if path.startswith("api/") else text

    try:
        for _ in range(300):
            try:
                request("GET", "api/status")
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (root / "server.log").read_text()
                time.sleep(0.2)
        else:
            pytest.fail((root / "server.log").read_text())
        yield request
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_an_instructors_evening(root: Path, ask: Any, submit: Any, answered: Any) -> None:
    submit("ada", answered(written="Because."))
    submit("eve", answered(square="def square(x):\n    return 0"))

    (assignment,) = ask("GET", "api/assignments")
    assert (assignment["name"], assignment["num_submissions"]) == ("tiny", 2)
    for student in ("ada", "eve"):
        done = ask("POST", f"api/submission/tiny/{student}/autograde")
        assert done["success"], done
    scores = {one["student"]: one for one in ask("GET", "api/submissions/tiny")}
    assert scores["ada"]["autograded"]
    assert scores["ada"]["score"] == 5
    assert scores["eve"]["score"] == 2
    assert scores["ada"]["needs_manual_grade"]

    notebooks = {one["student"]: one["id"] for one in ask("GET", "api/submitted_notebooks/tiny/tiny")}
    assert "Because." in ask("GET", f"submissions/{notebooks['ada']}/?index=0")
    grades = ask("GET", f"api/grades?submission_id={notebooks['ada']}")
    (written,) = [grade for grade in grades if grade["name"] == "written"]
    ask("PUT", f"api/grade/{written['id']}", {"manual_score": 2, "extra_credit": None})
    scores = {one["student"]: one for one in ask("GET", "api/submissions/tiny")}
    assert scores["ada"]["score"] == 7
    assert not scores["ada"]["needs_manual_grade"]

    for beside in ("page.html", "notes/more.html"):
        file = root / "course/autograded/ada/tiny" / beside
        file.parent.mkdir(exist_ok=True)
        file.write_text("<script>act()</script>")
    done = ask("POST", "api/assignment/tiny/ada/generate_feedback")
    assert done["success"], done
    assert [path.name for path in (root / "course/feedback/ada/tiny").iterdir()] == ["tiny.html"]
    page = (root / "course/feedback/ada/tiny/tiny.html").read_text()
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    graded = json.loads((root / "course/autograded/ada/tiny/tiny.ipynb").read_text())
    assert graded["metadata"]["cnnlab"]["sandbox"] == "bubblewrap"


def test_a_submission_that_is_no_notebook_is_said_there_too(
    root: Path, ask: Any, submit: Any, answered: Any
) -> None:
    submit("cut", answered()).write_bytes(b"{")
    done = ask("POST", "api/submission/tiny/cut/autograde")
    assert not done["success"]


def test_nothing_of_a_students_acts_where_it_is_read(
    root: Path, ask: Any, submit: Any, answered: Any
) -> None:
    hostile = f"{PAYLOADS['text/html']}<img src=x onerror=alert(1)>"
    table = "<table><caption>points</caption><tbody><tr><th scope='row'>a</th><td>1</td></tr></tbody></table>"
    notebook = answered(written=f"Because $a<b$.\n\n{hostile}\n\n[see](javascript:alert(1))")
    experiment = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    for data in ({"text/html": hostile}, {"text/markdown": hostile}, {"text/html": table}):
        experiment.outputs.append(nbformat.v4.new_output("display_data", data=data))
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})
    picture.metadata = {"image/png": {"width": "1 onload=alert(1)"}}
    experiment.outputs.append(picture)
    submit("eve", notebook)
    assert ask("POST", "api/submission/tiny/eve/autograde")["success"]

    (read,) = ask("GET", "api/submitted_notebooks/tiny/tiny")
    page = BeautifulSoup(ask("GET", f"submissions/{read['id']}/?index=0"), "html.parser")
    handlers = [
        f"{value}" for tag in page.find_all(True) for name, value in tag.attrs.items() if name[:2] == "on"
    ]
    scripts = [tag.text for tag in page.find_all("script")]
    assert not [text for text in handlers + scripts if SCRIPT_MARK in text or "alert" in text]
    assert not page.find_all("a", href=lambda address: address and "javascript:" in address)
    assert not page.find_all(["iframe", "meta"], attrs={"srcdoc": True}) + page.select("[http-equiv=refresh]")
    assert page.find("caption").text == "points"  # a check's verdict is such a table
    assert "Because $a<b$." in page.text
