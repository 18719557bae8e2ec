"""One cell's damage stays its own: dead kernels, endless loops, tags and outputs that pretend."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError
from sample_class import build

from cnnlab.grading import launch, sandbox
from cnnlab.grading.execute import ExecuteCells
from cnnlab.grading.scores import deciding
from cnnlab.grading.settings import course_config

# Longer than any honest cell of the tiny assignment, even on a busy machine; a loop has to wait for it.
SECONDS = 4
RIGHT = "def square(x):\n    return x * x\n\n\ndef double(x):\n    return 2 * x\n"
EXERCISES = Path(__file__).resolve().parents[2] / "exercises"


@pytest.fixture
def execute(tmp_path: Any) -> Callable[[Any], dict[str, Any]]:
    """Runs a notebook; its cells by id."""

    def run(notebook: Any) -> dict[str, Any]:
        config = course_config(tmp_path, timeout=SECONDS)
        config.Execute.iopub_timeout = 2  # how long a kernel that was interrupted may take to become idle
        executor = ExecuteCells(config=config)
        executor.preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
        return {cell.id: cell for cell in notebook.cells}

    return run


def errors(cell: Any) -> list[str]:
    """The names of the errors that decide the cell's score."""
    return [output.ename for output in deciding(cell).outputs]


def text(cell: Any) -> str:
    return " ".join(output.get("evalue", "") for output in cell.outputs)


def test_right_answers_leave_no_error(answered: Any, execute: Any) -> None:
    cells = execute(answered())
    assert not errors(cells["check_square"])
    assert not errors(cells["check_double"])


def test_a_wrong_answer_costs_its_own_check_only(answered: Any, execute: Any) -> None:
    cells = execute(answered(square="def square(x):\n    return 2 * x"))
    assert errors(cells["check_square"]) == ["AssertionError"]
    assert not errors(cells["check_double"])


@pytest.mark.parametrize(
    "ending",
    ["import os; os._exit(1)", "import ctypes; ctypes.string_at(0)"],
    ids=["exit", "segfault"],
)
def test_a_kernel_that_dies_in_a_function_costs_its_check_only(
    answered: Any, execute: Any, ending: str
) -> None:
    cells = execute(answered(square=f"def square(x):\n    {ending}"))
    assert errors(cells["check_square"]) == ["KernelDied"]
    assert "ended the kernel" in text(cells["check_square"])
    assert not errors(cells["check_double"])


def test_a_kernel_that_dies_late_keeps_what_came_before(answered: Any, execute: Any) -> None:
    notebook = answered(double="import os\nos._exit(1)")
    notebook.cells[0].cell_type, notebook.cells[0].outputs = "code", []
    notebook.cells[0].source = "print('once')"
    cells = execute(notebook)
    assert not errors(cells["check_square"])
    assert errors(cells["double"]) == ["KernelDied"]
    assert errors(cells["check_double"]) == ["NameError"]
    assert [output.text for output in notebook.cells[0].outputs] == ["once\n"]  # run twice, shown once


def test_what_a_question_leaves_behind_does_not_cost_the_next_answer(answered: Any, execute: Any) -> None:
    """The timer of the first function goes off while the cell with the second one runs."""
    late = (
        "import os\nimport threading\n\n\ndef square(x):\n    threading.Timer(0.5, os._exit, (0,)).start()\n"
    )
    slow = "import time\n\ntime.sleep(1.5)\n\n\ndef double(x):\n    return 2 * x"
    cells = execute(answered(square=f"{late}    return x * x", double=slow))
    assert [errors(cells[name]) for name in ("check_square", "double", "check_double")] == [[], [], []]


@pytest.mark.parametrize("word", ["exit()", "quit()"])
def test_a_polite_exit_does_not_cost_the_next_question(answered: Any, execute: Any, word: str) -> None:
    cells = execute(answered(square=f"def square(x):\n    return x * x\n\n\n{word}"))
    assert errors(cells["square"]) == ["KernelDied"]
    assert not errors(cells["check_double"])


def test_sys_exit_is_an_error_in_its_cell(answered: Any, execute: Any) -> None:
    cells = execute(answered(square="import sys\n\n\ndef square(x):\n    sys.exit(0)"))
    assert errors(cells["check_square"]) == ["SystemExit"]
    assert not errors(cells["check_double"])


def test_an_endless_loop_is_stopped_and_named(answered: Any, execute: Any) -> None:
    cells = execute(answered(square="def square(x):\n    while True:\n        pass"))
    assert "CellTimeout" in errors(cells["check_square"])
    assert f"timeout of {SECONDS} s" in text(cells["check_square"])
    assert not errors(cells["check_double"])


@pytest.mark.parametrize("error", [CellTimeoutError, ValueError])
def test_nobody_waits_for_a_cell_that_is_given_up(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """What still waited would fail unseen, and Python say so on an instructor's screen."""

    async def fail(*args: Any) -> None:
        raise error("too long, or no message")

    async def give_up() -> list[bool]:
        printed, alive = (asyncio.ensure_future(asyncio.sleep(60)) for _ in range(2))
        with pytest.raises(error):
            await ExecuteCells()._async_poll_for_reply("", None, 1, printed, alive)
        await asyncio.wait([printed, alive])
        return [printed.cancelled(), alive.cancelled()]

    monkeypatch.setattr(NotebookClient, "_async_poll_for_reply", fail)
    assert asyncio.run(give_up()) == [True, True]


def test_a_given_cell_waits_for_an_answer_no_longer_than_any_other(answered: Any, execute: Any) -> None:
    """The patience is for what is set up before; an example that calls the loop is not that."""
    notebook = answered(square="def square(x):\n    while True:\n        pass")
    checked = next(number for number, cell in enumerate(notebook.cells) if cell.id == "check_square")
    example = nbformat.v4.new_code_cell("square(2)", id="example")
    example.metadata["nbgrader"] = {"locked": True, "grade": False, "solution": False, "grade_id": "example"}
    notebook.cells.insert(checked, example)
    cells = execute(notebook)
    assert [output.ename for output in cells["example"].outputs] == ["CellTimeout"]
    assert f"timeout of {SECONDS} s" in text(cells["example"])
    assert not errors(cells["check_double"])


def test_the_set_up_may_take_longer_than_an_answer(answered: Any, execute: Any) -> None:
    notebook = answered()
    slow = nbformat.v4.new_code_cell(f"import time\n\ntime.sleep({SECONDS + 1})", id="slow")
    slow.metadata["nbgrader"] = {"locked": True, "grade": False, "solution": False, "grade_id": "slow"}
    notebook.cells.insert(0, slow)
    assert not execute(notebook)["slow"].outputs


def test_a_loop_that_ignores_the_interrupt_is_stopped_too(answered: Any, execute: Any) -> None:
    stubborn = (
        "def square(x):\n    while True:\n        try:\n            while True:\n                pass\n"
    )
    cells = execute(answered(square=stubborn + "        except KeyboardInterrupt:\n            pass"))
    assert errors(cells["check_square"]) == ["CellTimeout"]
    assert not errors(cells["check_double"])


def test_a_warning_on_stderr_is_no_error(answered: Any, execute: Any) -> None:
    noisy = "import warnings\n\n\ndef square(x):\n    warnings.warn('slow')\n    return x * x"
    check = execute(answered(square=noisy))["check_square"]
    assert [output.name for output in check.outputs] == ["stderr"]
    assert not errors(check)


def test_a_displayed_number_is_no_score(answered: Any, execute: Any) -> None:
    """nbgrader would take it for a partial score, and would not look at the error after it."""
    fake = (
        "import IPython\n"
        "def square(x):\n"
        "    IPython.get_ipython().displayhook(3)\n"
        "    IPython.display.display(3)\n"
        "    return 0"
    )
    check = execute(answered(square=fake))["check_square"]
    assert "execute_result" in [output.output_type for output in check.outputs]
    assert errors(check) == ["AssertionError"]


@pytest.mark.parametrize("tag", ["skip-execution", "experiment", "raises-exception"])
def test_a_tag_on_a_graded_cell_has_no_effect(answered: Any, execute: Any, tag: str) -> None:
    notebook = answered(square="def square(x):\n    return 0")
    check = next(cell for cell in notebook.cells if cell.id == "check_square")
    check.metadata["tags"] = [tag]
    assert errors(execute(notebook)["check_square"]) == ["AssertionError"]


def test_an_experiment_keeps_its_submitted_output(answered: Any, execute: Any) -> None:
    notebook = answered()
    experiment = next(cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", []))
    experiment.outputs = [{"output_type": "stream", "name": "stdout", "text": "took me an hour"}]
    execute(notebook)
    assert experiment.outputs[0]["text"] == "took me an hour"


def test_stored_outputs_are_removed_before_running(answered: Any, execute: Any) -> None:
    notebook = answered(square="def square(x):\n    return 0")
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.metadata.get("tags"):
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "all is well"}]
    cells = execute(notebook)
    assert "all is well" not in str([cells["square"], cells["check_square"]])


def test_a_check_that_never_runs_has_an_error(answered: Any, execute: Any) -> None:
    notebook = answered()
    check = next(cell for cell in notebook.cells if cell.id == "check_square")
    check.source = ""
    assert errors(execute(notebook)["check_square"]) == ["NotRun"]


SENDING = """
import json
kernel = get_ipython().kernel


def send(kind, content):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent("shell"))


def pack(content):
    return content["raw"].encode() if "raw" in content else json.dumps(content, default=str).encode()


kernel.session.pack = pack
shown = {"data": {"text/plain": "s"}, "metadata": {}, "transient": {"display_id": "x"}}
"""


@pytest.mark.parametrize(
    "data",
    ["'[' * 100_000 + ']' * 100_000", "'[' * 400 + ']' * 400", "'[' + '[],' * (2 << 20) + '1]'"],
    ids=["deep", "not so deep", "wide"],
)
def test_a_message_that_is_a_bomb_costs_its_cell_only(answered: Any, execute: Any, data: str) -> None:
    bomb = f"send('display_data', {{'raw': '{{\"metadata\":{{}},\"data\":{{\"a\":' + {data} + '}}}}'}})\n"
    cells = execute(answered(square=f"{SENDING}{bomb}{RIGHT}"))
    assert errors(cells["square"]) == ["KernelDied"]
    assert "cannot be read" in text(cells["square"])
    assert not errors(cells["check_double"])


def test_what_replaces_an_output_counts_as_often_as_it_is_shown(answered: Any, execute: Any) -> None:
    """A million characters in two hundred places, none of which would be too long by itself."""
    flood = (
        "for _ in range(200): send('display_data', shown)\n"
        "send('update_display_data', shown | {'data': {'text/plain': 'y' * (1 << 20)}})\n"
    )
    square = execute(answered(square=f"{SENDING}{flood}{RIGHT}"))["square"]
    assert len(square.outputs) == 200
    assert len(str(square.outputs)) < 1 << 20


def test_what_is_too_long_costs_no_other_cell_its_outputs(answered: Any, execute: Any) -> None:
    flood = "send('stream', {'name': 'stdout', 'text': 'y' * (65 << 20)})\n"
    cells = execute(answered(square=f"{SENDING}{flood}{RIGHT}", double=f"print('here')\n{RIGHT}"))
    assert [output.text for output in cells["double"].outputs] == ["here\n"]


def test_an_error_is_not_replaced_by_what_is_shown_later(answered: Any, execute: Any) -> None:
    """The grader's error takes the place of an output after one that pretended to be an error."""
    ends = (
        "send('error', {'ename': 'a', 'evalue': 'b', 'traceback': []})\nsend('display_data', shown)\n"
        "import os, time; time.sleep(0.5); os._exit(0)"
    )
    notebook = answered(
        square=f"{SENDING}{ends}", double=f"{SENDING}send('update_display_data', shown)\n{RIGHT}"
    )
    cells = execute(notebook)
    assert errors(cells["square"]) == ["KernelDied"]
    assert not [
        output for output in cells["square"].outputs if output.output_type == "error" and "data" in output
    ]


def test_what_is_printed_during_a_question_does_not_pile_up(tmp_path: Any) -> None:
    """400 MB of it, in a process that keeps the verdicts of a whole class."""
    notebook = build.filled(
        nbformat.read(EXERCISES / "label_smoothing/label_smoothing.ipynb", as_version=4),
        build.answers(build.CORRECT / f"label_smoothing/{build.STYLES[0]}.py", "label_smoothing"),
    )
    answer = build.cell(notebook, "smooth_labels")
    flood = '[print("x" * (1 << 24), flush=True) for _ in range(4)]'
    answer.source = build._with_first_line(answer.source, "smooth_labels", flood)
    this, most, over = psutil.Process(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.01):
            most = max(most, this.memory_info().rss)

    watching = threading.Thread(target=watch)
    launch.zygote(sandbox.obstacle() is None)  # what is loaded once is no part of it
    before = this.memory_info().rss
    watching.start()
    ExecuteCells(config=course_config(tmp_path, timeout=60)).preprocess(
        notebook, {"metadata": {"path": str(tmp_path)}}
    )
    over.set()
    watching.join()
    assert not errors(build.cell(notebook, "check_targets"))
    assert most - before < 320 << 20  # all that is printed in the six calls would be more
