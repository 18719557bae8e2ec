"""Runs a restored submission in a sandboxed kernel and forms its verdicts outside it.

Takes the place of nbgrader's `Execute`, for `nbgrader autograde`, the formgrader and `cnnlab grade` alike.
Answers and the student's own cells run in the kernel. A graded cell that calls `check("assignment.part", …)`
is never run there: it is a request. This process draws the cases, sends them to the student's functions as
bytes, gets bytes back, compares, and writes the result into the cell. Whatever the kernel prints, patches,
raises or displays is not looked at. Right values of a function whose own code could hide where they come
from earn nothing by themselves: the notebook's metadata name the cell (`held back`), and a person decides.
Where other code of the notebook is more than plain (`plain`) and so might have changed the kernel, a right
answer is judged again in a kernel in which nothing else ran; what is right there alone counts.

A graded cell of another kind, such as plain asserts, has to run in the kernel and can be forged from there;
the log says so (`UNPROTECTED`).

When a kernel ends or does not come back, the cell at fault gets the error, the earlier cells run again in a
fresh kernel, and the rest goes on. What came after a question to that kernel is tried once more in the fresh
one, which has not been asked it, before it counts as at fault.
"""

import ast
import contextlib
import functools
import hashlib
import hmac
import io
import itertools
import logging
import secrets
import tempfile
import time
import tokenize
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import zmq
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import run_sync
from nbformat.v4 import new_code_cell, new_output
from nbformat.validator import ValidationError
from nbgrader.preprocessors import Execute
from traitlets import Dict, Enum, Int, Unicode

from cnnlab.check.api import find, judge_part
from cnnlab.check.report import Report, Result
from cnnlab.check.watch import Ban
from cnnlab.check.wire import Remote
from cnnlab.errors import InputError
from cnnlab.grading import sandbox
from cnnlab.grading.kernels import SandboxedKernelManager
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.plain import beyond, beyond_in
from cnnlab.grading.regrade import is_another
from cnnlab.grading.sandbox import MODES
from cnnlab.grading.student_kernel import ANSWER, CALL
from cnnlab.grading.submission import other_files
from cnnlab.grading.syntax import Reach, parsed_as_python, reach, suspicious, unreadable

NOT_RUN = ("NotRun", "this cell was never run")
DIED = (
    "KernelDied",
    "this cell ended the kernel (an exit, a crash in compiled code, or no memory left); "
    "the other cells went on in a fresh one",
)
TIMED_OUT = "CellTimeout"
UNPROTECTED = "unprotected: "  # begins the lines of the log about verdicts that the kernel forms itself
SUSPICIOUS = "suspicious: "  # begins those about code that a person should look at
SETUP_SECONDS = 120
POLL_SECONDS = 0.25
MOST_CODE = 200_000  # characters of a student's, cells and modules together
MOST_OUTPUT = 4 << 20  # characters of what one cell prints; nbgrader shortens it further
MOST_OUTPUT_IN_ALL = 16 * MOST_OUTPUT  # of what all of them print
_SILENT = logging.Logger("alone", logging.CRITICAL)  # what there is to tell has been told
_SILENT.addHandler(logging.NullHandler())
CPU = [torch.device("cpu")]


class ExecuteCells(Execute):  # type: ignore[misc]
    """Configured by the settings of nbgrader's `Execute` and by its own."""

    sandbox = Enum(MODES, default_value="require", help="bubblewrap around the kernels").tag(config=True)
    notebook_seconds = Int(600, help="how long one notebook may run in all").tag(config=True)
    limits = Dict(help="what a kernel may use, by the names of `sandbox.Limits`").tag(config=True)
    secret = Unicode("", help="makes the seeds of the checks repeatable, and unknown to students").tag(
        config=True
    )
    others_count = True  # whether there is a rest of the notebook that could matter to a question
    question = Unicode("", help="the one check to do; all when empty").tag(config=True)
    seed = Int(-1, help="the seed of the checks; from the secret when negative").tag(config=True)

    def preprocess(self, nb: Any, resources: Any = None, km: Any = None) -> tuple[Any, Any]:
        NotebookClient.__init__(self, nb, km)  # as nbconvert does: a new run with this object's settings
        self.reset_execution_trackers()
        self._check_assign_resources(resources)
        self.interrupt_on_timeout = False  # a kernel that does not come back is not asked, it is ended
        self.timeout_func = self._seconds
        self.lost: set[int] = set()  # cells that ended a kernel or did not finish: never run a second time
        self.printed: dict[int, int] = {}
        self.printed_in_all = 0
        self.asked = 0  # questions to this kernel
        self.odd: str | None = None  # what in all the code is more than plain, once that was looked at
        began = time.monotonic()
        self.notebook_ends = began + self.notebook_seconds
        self.check_seed = self.seed if self.seed >= 0 else _seed(nb, self.secret)
        if sum(map(len, self._sources(None).values())) > MOST_CODE:
            raise InputError(
                f"it holds more than {MOST_CODE:,} characters of code, too much for anybody to look through; "
                "ask the student for the answers alone."
            )
        for cell in nb.cells:
            if why := _unreadable(cell):
                cell.outputs, cell.execution_count = [_error("NotRun", f"{why}, so it was not run")], None
            elif cell.cell_type == "code" and not self._is_skipped(cell):
                # Whatever goes wrong from here on: a graded cell that did not run has an error, so no points.
                cell.outputs = [_error(*NOT_RUN)] if nbgrader(cell).get("grade") else []
                cell.execution_count = None
        walled = sandbox.choose(self.sandbox)
        # For the instructor's report; the released notebook's metadata, so nothing of a student's is in it.
        wall = "bubblewrap" if walled else "none"
        nb.metadata["cnnlab"] = {"sandbox": wall, "held back": {}, "misconceptions": {}, "suspicious": []}
        self.record = nb.metadata["cnnlab"]
        self._look()
        with self.setup_kernel():  # raises when no kernel starts, which is no fault of the submission
            for index in range(len(nb.cells)):
                self._run(index)
        self.record["seconds"] = round(time.monotonic() - began, 1)
        return nb, self.resources

    def create_kernel_manager(self) -> Any:
        self.km = SandboxedKernelManager(sandbox_mode=self.sandbox, limits=dict(self.limits))
        return self.km

    def on_cell_executed(self, **kwargs: Any) -> None:
        """After every reply: an error is recorded even when nothing displayed it, and an exit is noticed."""
        super().on_cell_executed(**kwargs)
        content = kwargs["execute_reply"]["content"]
        if content.get("status") not in ("ok", "error"):
            kwargs["cell"].outputs.append(_error("NotRun", f"the kernel answered {content.get('status')!r}"))
        # quit() lets the cell finish and ends the kernel a moment later: the next cell must not pay.
        if any(payload.get("source") == "ask_exit" for payload in content.get("payload", [])):
            raise DeadKernelError("the cell asked the kernel to exit")

    async def _async_poll_for_reply(
        self, msg_id: str, cell: Any, timeout: Any, printed: Any, alive: Any
    ) -> dict[str, Any]:
        """Nobody waits for the words or the end of a cell that is given up; nbclient leaves that running."""
        try:
            reply: dict[str, Any] = await super()._async_poll_for_reply(msg_id, cell, timeout, printed, alive)
            return reply
        except BaseException:
            printed.cancel()
            alive.cancel()
            raise

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Leave aside what is sent as an output, or in the place of one, and is none; or is too much."""
        if msg["msg_type"] not in ("status", "clear_output") and self._is_too_much(msg, cell_index):
            return None
        with contextlib.suppress(ValidationError):
            return super().process_message(msg, cell, cell_index)

    def _update_display_id(self, display_id: str, msg: Any) -> None:
        """Replace what shows data; a cell that was lost, or run again, has other outputs in those places."""
        for index, places in self._display_id_map.get(display_id, {}).items():
            outputs = self.nb.cells[index].outputs
            places[:] = [place for place in places if place < len(outputs) and "data" in outputs[place]]
        super()._update_display_id(display_id, msg)

    def _is_too_much(self, msg: Any, cell_index: int) -> bool:
        """Whether the cell, or all of them, would have printed more than anybody reads."""
        shown = self._display_id_map.get((msg["content"].get("transient") or {}).get("display_id"), {})
        places = sum(map(len, shown.values()))  # an output that is sent again replaces all that it was
        size = len(str(msg["content"])) * (1 + places)
        self.printed[cell_index] = self.printed.get(cell_index, 0) + size
        if self.printed[cell_index] >= MOST_OUTPUT or self.printed_in_all >= MOST_OUTPUT_IN_ALL:
            return True
        self.printed_in_all += size
        return False

    def handle_comm_msg(self, outs: Any, msg: Any, cell_index: int) -> None:
        """Widgets' messages are nobody's business here; nbclient would keep, and trust, their state."""

    def _look(self) -> None:
        """Tell the log which lines a person should look at."""
        for cell in self.nb.cells:
            if cell.cell_type == "code" and not nbgrader(cell).get("locked"):
                for line, why in () if self._is_skipped(cell) else suspicious(cell.source):
                    where = nbgrader(cell).get("grade_id") or "a cell of the student's own"
                    self.log.warning("%s%s, line %d: %s", SUSPICIOUS, where, line, why)
                    self.record["suspicious"].append(f"{where}, line {line}: {why}")

    def _is_skipped(self, cell: Any) -> bool:
        """What is not run: an experiment, never a graded cell or an answer; or what nobody could read.

        `RestoreCells` made the tags our own.
        """
        metadata = nbgrader(cell)
        ours = metadata.get("grade") or metadata.get("solution")
        tagged = not ours and self.skip_cells_with_tag in cell.metadata.get("tags", [])
        return tagged or bool(_unreadable(cell))

    def _seconds(self, cell: Any) -> float:
        """How long the cell may still take, now that it begins."""
        return float(max(0.01, min(self._allowed(cell), self.notebook_ends - time.monotonic())))

    def _allowed(self, cell: Any) -> int:
        """The cell's time limit; the set-up is our own code, and importing torch can be slow.

        What is given further down may call an answer, which need not come to an end.
        """
        answered = any(nbgrader(above).get("solution") for above in self._above(cell))
        setting_up = _is_given(cell) and not answered
        return max(self.timeout, SETUP_SECONDS) if setting_up else int(self.timeout)

    def _has_time(self) -> bool:
        return bool(time.monotonic() < self.notebook_ends)

    def _used_up(self) -> str:
        return f"the notebook used up its time of {self.notebook_seconds} s"

    def _run(self, index: int) -> None:
        """Run or judge one cell; where that costs the kernel, say so and bring a fresh one to that point."""
        cell = self.nb.cells[index]
        if cell.cell_type != "code" or self._is_skipped(cell) or is_another(cell, self.question):
            return
        if not self._has_time():
            cell.outputs = [_error("NotRun", f"{self._used_up()} before this cell")]
            return
        asked = self.asked
        lost, error = index, self._try(index)
        if error is not None and asked and self._has_time():
            # An earlier question may have left threads or timers in this kernel; this cell must
            # not pay for them.
            lost, error = self._replay(index)
            if error is None:
                lost, error = index, self._try(index)
        while error is not None:
            printed = [out for out in self.nb.cells[lost].outputs if out.output_type != "error"]
            self.nb.cells[lost].outputs = [*printed, _error(*error)]
            self.lost.add(lost)
            lost, error = self._replay(index) if self._has_time() else (index, None)

    def _replay(self, end: int) -> tuple[int, tuple[str, str] | None]:
        """Run the cells above `end` again in a fresh kernel and keep the outputs they have.

        Checks define nothing and have their verdict already; experiments were not run.

        Returns:
            The cell that ended this kernel too, and its error; or `end` and None.
        """
        self._fresh_kernel()
        for index in range(end):
            cell = self.nb.cells[index]
            again = cell.cell_type == "code" and index not in self.lost and not self._is_skipped(cell)
            if not again or nbgrader(cell).get("grade"):
                continue
            self.nb.cells[index] = deepcopy(cell)
            error = self._try(index)
            self.nb.cells[index] = cell
            if error is not None:
                return index, error
        return end, None

    def _try(self, index: int) -> tuple[str, str] | None:
        """Do the cell; None, or the error for it when the kernel is not to be used any more."""
        cell = self.nb.cells[index]
        manager = self.km
        requested = request(cell)
        self.asked += bool(nbgrader(cell).get("grade") and not nbgrader(cell).get("solution"))
        try:
            if requested:
                self._judge(cell, *requested)
            else:
                self._execute(cell, index)
        except DeadKernelError:
            reason = manager.ended_because
            return (DIED[0], f"the sandbox ended this cell: {reason}") if reason else DIED
        except CellTimeoutError:
            if not self._has_time():
                return TIMED_OUT, f"this cell was stopped because {self._used_up()}"
            return _timeout_error(self._allowed(cell))
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
            if requested:
                raise  # our own mistake: what a function sends is checked where it is read
            return (
                DIED[0],
                f"what the kernel sent while this cell ran cannot be read ({type(error).__name__})",
            )
        return None

    def _execute(self, cell: Any, index: int) -> None:
        """Run a cell in the kernel."""
        if nbgrader(cell).get("grade") and not nbgrader(cell).get("solution"):
            grade_id = nbgrader(cell)["grade_id"]
            self.log.warning("%s%s is no check(…); the kernel decides on it", UNPROTECTED, grade_id)
        # Tags mean nothing to the client from here on, whoever set them.
        tags, cell.metadata["tags"] = cell.metadata.get("tags"), []
        try:
            self.execute_cell(cell, index, store_history=True)
        finally:
            if type(cell.execution_count) is not int:  # any message may bring one
                cell.execution_count = None
            if tags is None:
                del cell.metadata["tags"]
            else:
                cell.metadata["tags"] = tags

    def _judge(self, cell: Any, name: str, functions: list[str]) -> None:
        """Form the verdict on one part and write it into its cell."""
        try:
            assignment, part = find(name)
        except InputError as error:  # the source of the assignment is wrong, not the student
            cell.outputs = [_error("InputError", str(error))]
            return
        self.question_ends = time.monotonic() + self._seconds(cell)
        result = judge_part(assignment, part, Remote(self._line(), part.ban), self.check_seed, CPU)
        given = [one.source for one in self._above(cell) if _is_given(one)]
        sources = self._sources(cell)
        made_of, surely = reach(sources, functions, given), reach(sources, functions, given, filled=False)
        if result.passed and (called := surely.library_calls(part.ban)):
            where, line, call = called[0]
            text = (
                f"{' and '.join(functions)} gave right values, but line {line} of {where} calls {call}; "
                "write it from basic tensor operations instead."
            )
            result = Result(result.name, 0, result.max_points, False, text, None)
        report = Report(assignment.name, [result], self.check_seed)
        cell.outputs = [new_output("display_data", data=report._repr_mimebundle_())]
        if result.misconception:
            self.record["misconceptions"][nbgrader(cell)["grade_id"]] = result.misconception
        if not result.passed:
            cell.outputs.append(_error("CheckFailed", str(report)))
        elif doubt := self._doubt(cell, made_of) or _handed_on(made_of, part.ban):
            reason = f"right values, but {doubt}; look at it and give the points by hand"
            self.record["held back"][nbgrader(cell)["grade_id"]] = reason
            cell.outputs = [new_output("stream", name="stdout", text=f"For a person to decide: {reason}.")]

    def _doubt(self, check: Any, made_of: Reach) -> str:
        """Why right values may be owed to something else than what computes them; empty when they are not."""
        if hidden := made_of.suspicious:
            where, line, why = hidden[0]
            return f"line {line} of {where} {why}"
        if not self.others_count:
            return ""
        given = [cell for cell in self._above(check) if _is_given(cell)]
        # What it is made of goes with it wherever it is judged.
        statements = tuple(node for _, node in made_of.statements)
        if strange := beyond_in(statements, tuple(cell.source for cell in given), made_of.modules):
            return f"what computes them {strange}"
        if self.odd is None:
            self.odd = self._odd(None)
        odd = self.odd and self._odd(check)  # most notebooks have nothing odd, which is then seen but once
        if not odd:
            return ""
        # The question alone: what else the notebook does, to the kernel for instance, is not done there.
        alone = deepcopy(self.nb)
        try:
            alone.cells = deepcopy([*given, *map(new_code_cell, made_of.cells()), check])
        except RecursionError:
            return "what computes them is nested too deeply to be judged alone"
        executor = ExecuteCells(config=self.config, seed=self.check_seed, log=_SILENT)
        executor.notebook_seconds = max(1, int(self.notebook_ends - time.monotonic()))
        executor.others_count = False
        with self._folder_alone(made_of) as folder:
            executor.preprocess(alone, {"metadata": {"path": folder}})
        said = [out.evalue for out in alone.cells[-1].outputs if out.output_type == "error"]
        if not said:
            return ""
        line = said[0].splitlines()[:2][-1].strip()  # of a report, the one below its heading
        return f"judged alone, without the rest of the notebook, which {odd}: {line}"

    @contextlib.contextmanager
    def _folder_alone(self, made_of: Reach) -> Iterator[str]:
        """The notebook's folder without modules that are not in the answer: libraries might import them."""
        with tempfile.TemporaryDirectory(prefix="alone-") as folder:
            read = {where for where, _ in made_of.statements}
            for name, content in self._files().items():
                if name in read or not name.endswith(".py"):
                    path = Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            yield folder

    def _odd(self, check: Any) -> str:
        """What is more than plain in the code above a check, or in all of it where that is None."""
        sources = self._sources(check)
        if any(where.endswith(".py") for where in sources):
            return "has modules beside it"
        return beyond(sources.values(), [cell.source for cell in self._above(check) if _is_given(cell)])

    def _above(self, check: Any) -> list[Any]:
        return list(itertools.takewhile(lambda cell: cell is not check, self.nb.cells))

    def _sources(self, check: Any) -> dict[str, str]:
        """The code of a student's that has run before a check: cells, and modules beside the notebook."""
        cells = [
            cell for cell in self._above(check) if cell.cell_type == "code" and not self._is_skipped(cell)
        ]
        sources = {}
        for number, cell in enumerate(cells):
            if not nbgrader(cell).get("locked"):
                name = nbgrader(cell).get("grade_id") or f"the student's own code cell number {number + 1}"
                sources[name] = cell.source
        python = {name: text for name, text in self._files().items() if name.endswith(".py")}
        texts = {name: _as_python_reads(text) for name, text in python.items()}
        # An answer that imports what nobody could read is not right without it, so it waits for a person.
        return sources | {name: "" if unreadable(text) else text for name, text in texts.items()}

    def _files(self) -> dict[str, bytes]:
        """What lies beside the notebook, by name."""
        folder = self.resources.get("metadata", {}).get("path")
        return other_files(Path(folder), "") if folder else {}

    def _line(self) -> Callable[[bytes], bytes]:
        """A function that sends one call and waits for the answer, the kernel's end, or that of the time."""
        # The client's sockets, waited for without an event loop, which would cost more than the call.
        socket: zmq.Socket[bytes] = zmq.Socket.shadow(self.kc.shell_channel.socket)
        printed: zmq.Socket[bytes] = zmq.Socket.shadow(self.kc.iopub_channel.socket)
        poller = zmq.Poller()
        poller.register(socket, zmq.POLLIN)
        poller.register(printed, zmq.POLLIN)
        return functools.partial(self._exchange, socket, printed, poller)

    def _exchange(
        self, socket: "zmq.Socket[bytes]", printed: "zmq.Socket[bytes]", poller: zmq.Poller, data: bytes
    ) -> bytes:
        number = secrets.token_bytes(8)
        socket.send_multipart([CALL, number, data])
        while (left := self.question_ends - time.monotonic()) > 0:
            ready = dict(poller.poll(int(1000 * min(left, POLL_SECONDS)) + 1))
            if printed in ready:  # nobody reads what is printed meanwhile, and it must not pile up here
                printed.recv_multipart(copy=False)
            if socket not in ready:
                if not ready and not run_sync(self.km.is_alive)():
                    raise DeadKernelError("the kernel ended during a call")
                continue
            match socket.recv_multipart():
                case [kind, answered, answer] if kind == ANSWER and answered == number:
                    return answer
        raise CellTimeoutError("the check ran out of time")

    def _fresh_kernel(self) -> None:
        self._cleanup_kernel()
        self.asked = 0
        self.km = self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()


def request(cell: Any) -> tuple[str, list[str]] | None:
    """The part and the functions that a graded cell asks to have checked; None for another kind of cell."""
    if not nbgrader(cell).get("grade") or nbgrader(cell).get("solution"):
        return None
    try:
        body = parsed_as_python(cell.source).body
    except SyntaxError:
        return None
    match body:
        case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(str(name)), *functions], []))] if (
            "." in name
        ):
            names = [function.id for function in functions if isinstance(function, ast.Name)]
            return (name, names) if len(names) == len(functions) else None
    return None


def _handed_on(made_of: Reach, ban: Ban) -> str:
    """Where a banned operation is named among right values, not surely called by them; mostly empty."""
    if named := made_of.library_values(ban):
        where, line, name = named[0]
        return f"line {line} of {where} names {name} without calling it"
    if called := made_of.library_calls(ban):
        where, line, name = called[0]
        return f"line {line} of {where} calls {name} beside something that the answer uses"
    return ""


def _as_python_reads(module: bytes) -> str:
    """The text of a module; empty where a line in it tells Python to read the rest as something else."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(module).readline)
        return module.decode(encoding) if encoding in ("utf-8", "utf-8-sig") else ""
    except (SyntaxError, UnicodeDecodeError):
        return ""


def _unreadable(cell: Any) -> str:
    """Why a cell of a student's is not run, if nobody could read what it does."""
    theirs = cell.cell_type == "code" and not nbgrader(cell).get("locked")
    return unreadable(cell.source) if theirs else ""


def _is_given(cell: Any) -> bool:
    """Whether the cell is code of ours that students build on."""
    metadata = nbgrader(cell)
    ours = metadata.get("locked") and not metadata.get("grade") and not metadata.get("solution")
    return bool(ours) and cell.cell_type == "code"


def _seed(notebook: Any, secret: str) -> int:
    """The same for the same submission, and nobody can tell beforehand."""
    if not secret:
        return secrets.randbelow(2**31)
    text = "\0".join(cell.source for cell in notebook.cells).encode(errors="replace")
    return int.from_bytes(hmac.digest(secret.encode(), text, hashlib.sha256)[:4], "big") >> 1


def _error(name: str, text: str, shown: str | None = None) -> Any:
    return new_output(
        "error", ename=name, evalue=text, traceback=[f"\x1b[0;31m{name}\x1b[0m: {shown or text}"]
    )


def _timeout_error(seconds: int) -> tuple[str, str]:
    return TIMED_OUT, f"this cell was stopped because it ran longer than the timeout of {seconds} s"
