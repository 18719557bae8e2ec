"""A grade is written whole or not at all, in SQLite and in PostgreSQL; a bad database is a sentence."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cnnlab.errors import InputError
from cnnlab.grading.gradebook import Books, address

# Executes a submission once, then writes its grade again and again, killed before the n-th commit of
# nbgrader's; after each, the gradebook must hold what it held before, and in the end the grade.
KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import create_engine, text
from cnnlab.grading import gradebook
from cnnlab.grading.classroom import Classroom
from cnnlab.grading.worker import execute

url = gradebook.address(Path("course"))
TABLES = ("student", "submitted_assignment", "submitted_notebook", "grade", "comment")

def held():
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [sorted(map(str, connection.execute(text(f"SELECT * FROM {name}")))) for name in TABLES]
    engine.dispose()
    return rows

classroom = Classroom(Path("course"))
executed, fingerprint = execute(classroom._job("tiny", "ada")), classroom._fingerprint("tiny", "ada")
classroom.books.close()
before, moments = held(), 0
while True:
    moments += 1
    child = os.fork()
    if child == 0:
        left = [moments]
        def later(connection, left=left):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        gradebook._later = later
        try:
            Classroom(Path("course"))._grade_one("tiny", "ada", executed, fingerprint, "")
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(3)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    assert held() == before, moments
    assert not Path("course/graded/ada/tiny.txt").exists(), moments
assert held() != before
print("moments", moments)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_grade_is_written_whole_or_not_at_all(
    root: Path, run: Any, submit: Any, answered: Any, kind: str, request: pytest.FixtureRequest
) -> None:
    submit("ada", answered())
    environment = os.environ.copy()
    if kind == "postgresql":
        environment["CNNLAB_DB"] = request.getfixturevalue("database")
        shutil.rmtree(root / "course/release")
        command = [str(Path(sys.executable).parent / "cnnlab"), "release"]
        subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-1]) > 5  # nbgrader commits more often than that

    options = ["--db", environment["CNNLAB_DB"]] if kind == "postgresql" else []
    result = run("cnnlab", "grade", "tiny", *options, cwd=root)
    assert result.returncode == 0, result.stderr
    assert "(unchanged)" in result.stdout
    assert "ada" in (root / "course/grades.csv").read_text()


def test_without_the_transaction_a_killed_process_leaves_a_part(tmp_path: Path) -> None:
    """What the test above would find if nbgrader's commits were not held back, and what it must not."""
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom contextlib import nullcontext\n"
        "from cnnlab.grading.gradebook import Books, address\n"
        "for name in ('open', 'held'):\n"
        "    books = Books(address(Path(name)))\n"
        "    with books.open(): pass\n"
        "    if os.fork() == 0:\n"
        "        books.close()\n"
        "        books = Books(address(Path(name)))\n"
        "        with books.transaction() if name == 'held' else nullcontext(), books.open() as gradebook:\n"
        "            gradebook.add_student('ada')\n"
        "            os._exit(9)\n"
        "    os.wait()\n"
    )
    for name in ("open", "held"):
        (tmp_path / name).mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)
    found = {}
    for name in ("open", "held"):
        with closing(sqlite3.connect(tmp_path / name / "gradebook.db")) as database:
            found[name] = database.execute("SELECT id FROM student").fetchall()
    assert found == {"open": [("ada",)], "held": []}


def gradebook(path: Path, revision: str) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
        database.commit()
    return path


def test_a_gradebook_of_another_version_is_named(tmp_path: Path) -> None:
    gradebook(tmp_path / "gradebook.db", "50a4d84c131a")
    with pytest.raises(InputError, match=r"another version of nbgrader.*50a4d84c131a") as raised:
        Books(address(tmp_path))
    assert f"run `nbgrader db upgrade --db=sqlite:///{tmp_path}/gradebook.db`" in str(raised.value)


def test_every_command_looks_at_the_version(root: Path, run: Any) -> None:
    with closing(sqlite3.connect(root / "course/gradebook.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '50a4d84c131a'")
        database.commit()
    for command in (("due", "tiny"), ("report", "tiny"), ("export", "canvas", "tiny"), ("grade", "tiny")):
        result = run("cnnlab", *command, cwd=root)
        assert result.returncode == 2
        assert "another version of nbgrader" in result.stderr


def test_every_command_takes_the_database(root: Path, run: Any, submit: Any, answered: Any) -> None:
    submit("ada", answered())
    (root / "course/gradebook.db").unlink()
    other = ("--db", f"sqlite:///{root}/elsewhere.db")
    commands = (("grade", "tiny"), ("due", "tiny"), ("feedback", "tiny"), ("report", "tiny"))
    for command in (*commands, ("export", "canvas", "tiny")):
        result = run("cnnlab", *command, *other, cwd=root)
        if command != ("feedback", "tiny"):  # which looks first whether anything was graded
            said = f"there is no gradebook {root}/elsewhere.db; run `cnnlab release` with the same --db"
            assert (result.returncode, said in result.stderr) == (2, True)
    (root / "elsewhere.db").touch()
    for command in (("grade", "tiny"), ("report", "tiny")):
        result = run("cnnlab", *command, *other, cwd=root)
        assert (result.returncode, "has no assignments yet; run `cnnlab release tiny`" in result.stderr) == (
            2,
            True,
        )
    assert run("cnnlab", "release", *other, cwd=root).returncode == 0
    for command in (*commands, ("export", "canvas", "tiny")):
        result = run("cnnlab", *command, *other, cwd=root)
        assert result.returncode == 0, result.stderr
    assert not (root / "course/gradebook.db").exists()


def test_a_locked_gradebook_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnlab.grading.gradebook.WAIT_SECONDS", 0)
    path = gradebook(tmp_path / "gradebook.db", "167914646830")
    monkeypatch.setattr("cnnlab.grading.gradebook.newest_revision", lambda: "167914646830")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match="Another program is writing to it"):
            Books(address(tmp_path))


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("my shopping list" * 100)
    with pytest.raises(InputError, match=r"file is not a database\. Put a copy of the gradebook back"):
        Books(address(tmp_path))


def test_a_server_that_does_not_answer_is_named_without_the_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"cannot be used: .*Check that it is there and running") as raised:
        Books(address(tmp_path, f"postgresql://me:secret@127.0.0.1:{port}/marks"))
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("given", ["gradebook.db", "oracle-ish://x/y", "://"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(InputError, match="is no database that can be used here"):
        address(tmp_path, given)


def test_a_database_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot lie in mysql; SQLite and PostgreSQL are supported"):
        address(tmp_path, "mysql://me:secret@host/marks")


def test_a_database_that_goes_away_in_the_middle_loses_nobody(
    root: Path, submit: Any, answered: Any, run: Any
) -> None:
    """The file turns into something else between two grades, and then comes back."""
    submit("ada", answered())
    submit("bob", answered())
    program = (
        "import shutil\nfrom pathlib import Path\nfrom cnnlab.grading.classroom import Classroom\n"
        "from cnnlab.grading.worker import execute\n"
        "room = Classroom(Path('course'), workers=1, sandbox='none')\n"
        "for outcome in room.grade('tiny', ['ada', 'bob']):\n"
        "    print(outcome.student, outcome.state, outcome.reason, flush=True)\n"
        "    if outcome.state == 'graded':\n"
        "        shutil.copy('course/gradebook.db', 'kept.db')\n"
        "        Path('course/gradebook.db').write_bytes(b'x' * 100_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["graded", "needs"], done.stdout + done.stderr
    assert "cannot be used" in lines[1]

    shutil.copy(root / "kept.db", root / "course/gradebook.db")
    result = run("cnnlab", "grade", "tiny", cwd=root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("(unchanged)") == 1


def test_a_name_that_postgresql_cannot_hold_is_told(
    root: Path, run: Any, submit: Any, answered: Any, database: str
) -> None:
    """Nobody else is held up; SQLite takes it, and grades all whom its gradebook does not know yet."""
    submit("ada", answered())
    submit("x" * 150, answered())
    shutil.rmtree(root / "course/release")
    assert run("cnnlab", "release", "--db", database, cwd=root).returncode == 0
    result = run("cnnlab", "grade", "tiny", "--db", database, cwd=root)
    said = " ".join(result.stdout.split())
    assert result.returncode == 1, said
    assert "ada 5/7" in said
    assert "the id has 150 characters, and the gradebook" in said
    assert "takes 128; give the student's folder a shorter name" in said
    assert "withdrawn" not in said
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 0


def test_postgresql_without_its_driver_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r'pip install "cnnlab\[cluster\]"'):
        Books(address(tmp_path, "postgresql://me@127.0.0.1/marks"))


def test_a_table_that_is_there_is_asked_for_once(root: Path) -> None:
    books, asked = Books(address(root / "course")), list[str]()
    connection: Any = books.engine.pool.connect().dbapi_connection
    connection.set_trace_callback(lambda statement: "table_info" in statement and asked.append(statement))
    for expected in (True, False):
        asked.clear()
        with books.open() as gradebook:
            assert [assignment.name for assignment in gradebook.assignments] == ["tiny"]
        assert bool(asked) is expected
    books.close()
