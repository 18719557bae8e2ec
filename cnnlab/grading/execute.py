"""Runs a restored submission so that one cell's damage stays its own.

nbgrader's `Execute` gives a notebook up when its kernel dies. Here the cell that ended the kernel gets the
error, the earlier cells run again in a fresh kernel, and the rest goes on. The same for a cell that cannot be
interrupted.

Stops: endless loops, dead kernels, tags that skip a graded cell, a check that never ran counting as passed.
Does not stop: anything a student's code does on purpose inside the kernel; see the grader's promises.
"""

from copy import deepcopy
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute

from cnnlab.grading.markers import nbgrader

NOT_RUN = ("NotRun", "this cell was never run")
DIED = (
    "KernelDied",
    "this cell ended the kernel (an exit, a crash in compiled code, or no memory left); "
    "the other cells went on in a fresh one",
)
TIMED_OUT = "CellTimeout"
SETUP_SECONDS = 120


class ExecuteCells(Execute):  # type: ignore[misc]
    """nbgrader's `Execute` that survives its kernel; configured by the same `c.Execute.…` settings."""

    def preprocess(self, nb: Any, resources: Any = None, km: Any = None) -> tuple[Any, Any]:
        NotebookClient.__init__(self, nb, km)  # as nbconvert does: a new run with this object's settings
        self.reset_execution_trackers()
        self._check_assign_resources(resources)
        self.error_on_timeout = _timeout_reply(self.timeout)
        self.timeout_func = self._seconds
        self.lost: set[int] = set()  # cells that ended a kernel or did not finish: never run a second time
        for cell in nb.cells:
            if cell.cell_type == "code" and not self._is_skipped(cell):
                # Whatever goes wrong from here on: a graded cell that did not run has an error, so no points.
                cell.outputs = [_error(*NOT_RUN)] if nbgrader(cell).get("grade") else []
                cell.execution_count = None
        with self.setup_kernel():
            for index in range(len(nb.cells)):
                self._run(index)
        return nb, self.resources

    def on_cell_executed(self, **kwargs: Any) -> None:
        """After every reply: an error is recorded even when nothing displayed it, and an exit is noticed."""
        super().on_cell_executed(**kwargs)
        content = kwargs["execute_reply"]["content"]
        if content.get("ename") == TIMED_OUT:
            self.lost.add(kwargs["cell_index"])
        elif content.get("status") not in ("ok", "error"):
            kwargs["cell"].outputs.append(_error("NotRun", f"the kernel answered {content.get('status')!r}"))
        # quit() lets the cell finish and ends the kernel a moment later: the next cell must not pay.
        if any(payload.get("source") == "ask_exit" for payload in content.get("payload", [])):
            raise DeadKernelError("the cell asked the kernel to exit")

    def _is_skipped(self, cell: Any) -> bool:
        """An experiment, never a graded cell or an answer; `RestoreCells` made the tags our own."""
        metadata = nbgrader(cell)
        ours = metadata.get("grade") or metadata.get("solution")
        return not ours and self.skip_cells_with_tag in cell.metadata.get("tags", [])

    def _seconds(self, cell: Any) -> int:
        """How long the cell may take; the locked set-up is our own code, and importing torch can be slow."""
        metadata = nbgrader(cell)
        ours = metadata.get("locked") and not metadata.get("grade") and not metadata.get("solution")
        return max(self.timeout, SETUP_SECONDS) if ours else int(self.timeout)

    def _run(self, index: int) -> None:
        """Run one cell; when that costs the kernel, say so there and bring a fresh one to that point."""
        cell = self.nb.cells[index]
        if cell.cell_type != "code" or self._is_skipped(cell):
            return
        lost, error = index, self._try(index)
        while error is not None:
            printed = [out for out in self.nb.cells[lost].outputs if out.output_type != "error"]
            self.nb.cells[lost].outputs = [*printed, _error(*error)]
            self.lost.add(lost)
            lost, error = self._replay(index)

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
        """Execute the cell; None, or the error for it when the kernel is not to be used any more."""
        cell = self.nb.cells[index]
        # Tags mean nothing to the client from here on, whoever set them.
        tags, cell.metadata["tags"] = cell.metadata.get("tags"), []
        try:
            self.execute_cell(cell, index, store_history=True)
        except DeadKernelError:
            return DIED
        except CellTimeoutError:  # interrupting did not help
            return _timeout_error(self.timeout)
        finally:
            if tags is None:
                del cell.metadata["tags"]
            else:
                cell.metadata["tags"] = tags
        return None

    def _fresh_kernel(self) -> None:
        self._cleanup_kernel()
        self.km = self.create_kernel_manager()
        self.start_new_kernel()
        self.start_new_kernel_client()


def _error(name: str, text: str) -> Any:
    return new_output("error", ename=name, evalue=text, traceback=[f"\x1b[0;31m{name}\x1b[0m: {text}"])


def _timeout_error(seconds: int) -> tuple[str, str]:
    return TIMED_OUT, f"this cell was stopped because it ran longer than the timeout of {seconds} s"


def _timeout_reply(seconds: int) -> dict[str, Any]:
    """What nbclient puts in place of the kernel's answer when it interrupts a cell."""
    error = _error(*_timeout_error(seconds))
    return {"ename": error.ename, "evalue": error.evalue, "traceback": error.traceback}
