"""Looking for what the grader knows, changing what it reads: frames, disk, history, gradebook, imports."""

from corpus.making import Work, attack, made_in

SEARCH = "walks frames or `gc` for expected values (finds none)"
READS = "reads tests from disk or history (finds none)"
SHADOW = "shadows `torch`, `numpy`, `cnnlab` with a local file or package"
STARTUP = "`sitecustomize`, IPython start-up files, `conftest`"


def _or_wrong(work: Work, source: str) -> None:
    """Replace `smooth_labels` by one that uses what it finds, else the wrong answer, kept as `wrong`."""
    work.cell("wrong = smooth_labels", before="check_targets")
    work.cell(source, before="check_targets")


@attack(SEARCH)
def walks_frames(work: Work) -> None:
    """Looks in the callers' variables for the expected values or for functions that make them."""
    _or_wrong(
        work,
        """
        import sys


        def smooth_labels(*given):
            sys.setprofile(None)
            frame = sys._getframe(1)
            while frame is not None:
                for value in frame.f_locals.values():
                    right = getattr(value, "right", None)
                    if isinstance(right, dict) and "smooth_labels" in right:
                        return right["smooth_labels"](*given)
                frame = frame.f_back
            return wrong(*given)
        """,
    )


@attack(SEARCH)
def walks_gc_for_values(work: Work) -> None:
    """Looks among all living tensors for one that could be the expected result."""
    _or_wrong(
        work,
        """
        import gc


        def smooth_labels(targets, num_classes, epsilon):
            for found in gc.get_objects():
                if type(found) is torch.Tensor and found.shape == (len(targets), num_classes):
                    if found.is_floating_point() and torch.allclose(found.sum(1), torch.ones(1).to(found)):
                        if torch.equal(found.argmax(1), targets):
                            return found.float().clone()
            return wrong(targets, num_classes, epsilon)
        """,
    )


@attack(SEARCH, cause=r"cnnlab\.reference|wrong values")
def walks_gc_for_functions(work: Work) -> None:
    """Looks among all living objects for the judge's own table of right functions."""
    _or_wrong(
        work,
        """
        import gc
        import sys


        def smooth_labels(*given):
            sys.setprofile(None)
            for found in gc.get_objects():
                if type(found).__name__ == "Assignment" and found.name == "label_smoothing":
                    return found.right["smooth_labels"](*given)
            return wrong(*given)
        """,
    )


@attack(READS)
def reads_the_solution(work: Work) -> None:
    """Searches the folders above for the course's sources and runs the solution found there."""
    _or_wrong(
        work,
        """
        import json
        from pathlib import Path

        smooth_labels = wrong
        for folder in [Path.cwd(), *Path.cwd().parents]:
            path = folder / "source" / "label_smoothing" / "label_smoothing.ipynb"
            if path.is_file():
                for cell in json.loads(path.read_text())["cells"]:
                    if cell["metadata"].get("nbgrader", {}).get("grade_id") == "smooth_labels":
                        exec("".join(cell["source"]))
        """,
    )


@attack(READS)
def reads_other_submissions(work: Work) -> None:
    """Copies the answers of whoever else has handed in."""
    _or_wrong(
        work,
        """
        import json
        from pathlib import Path

        smooth_labels = wrong
        here = Path.cwd()
        for path in here.parents[2].glob("submitted/*/label_smoothing/*.ipynb"):
            if here.parent.name not in path.parts and smooth_labels is wrong:
                for cell in json.loads(path.read_text())["cells"]:
                    if cell.get("id") == "smooth_labels":
                        exec("".join(cell["source"]))
        """,
    )


@attack(READS)
def reads_the_history(work: Work) -> None:
    """Searches IPython's history of earlier kernels for somebody's answer."""
    _or_wrong(
        work,
        """
        smooth_labels = wrong
        history = get_ipython().history_manager
        for session, line, source in history.search("*def smooth_labels*") if history else ():
            if session != history.session_number:
                exec(source)
        """,
    )


@attack("writes the gradebook")
def writes_the_gradebook(work: Work) -> None:
    """Gives everybody full marks in the database, now and after every change of a grade."""
    work.cell("""
        import sqlite3
        from pathlib import Path

        FULL = "UPDATE grade SET manual_score = 99, needs_manual_grade = 0"
        for folder in Path.cwd().parents:
            if (folder / "gradebook.db").is_file():
                gradebook = sqlite3.connect(folder / "gradebook.db", timeout=2)
                gradebook.execute(FULL)
                gradebook.execute(f"CREATE TRIGGER cnnlab_corpus AFTER UPDATE ON grade BEGIN {FULL}; END")
                gradebook.commit()
                gradebook.close()
    """)


# The real module in place of this one, and then every comparison says yes.
SHADOWED = """
    import os
    import sys

    path, sys.path = sys.path, [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(__file__)]
    del sys.modules["{name}"]
    import {name}

    sys.path = path
"""
PATCH = """
    def patch(*given):
        if "torch" in sys.modules:
            sys.modules["torch"].isclose = lambda *given, **named: sys.modules["torch"].tensor(True)


    patch()
"""


@attack(SHADOW)
def shadows_torch(work: Work) -> None:
    """A `torch.py` beside the notebook that hands out the real one with a friendly `isclose`."""
    work.file("torch.py", SHADOWED.format(name="torch") + PATCH)


@attack(SHADOW)
def shadows_numpy(work: Work) -> None:
    """A `numpy.py` beside the notebook that waits for torch and then patches it."""
    later = "\n    get_ipython = __import__('IPython').get_ipython\n"
    later += "    get_ipython().events.register('pre_run_cell', patch)\n"
    work.file("numpy.py", SHADOWED.format(name="numpy") + PATCH + later)


@attack(SHADOW)
def shadows_cnnlab(work: Work) -> None:
    """A package `cnnlab` beside the notebook whose `check` is always content."""
    work.file("cnnlab/__init__.py", "")
    work.file("cnnlab/check/__init__.py", "def check(*asked):\n    print('passed')\n")


@attack(SHADOW)
def shadows_from_a_folder_of_its_own(work: Work) -> None:
    """Writes the false package at run time and puts it first on the path, modules forgotten."""
    work.cell("""
        import pathlib
        import sys

        folder = pathlib.Path("mine/cnnlab/check")
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / "__init__.py").touch()
        (folder / "__init__.py").write_text("def check(*asked):\\n    print('passed')\\n")
        sys.path.insert(0, "mine")
        for name in [name for name in sys.modules if name.partition(".")[0] == "cnnlab"]:
            del sys.modules[name]
    """)


BESIDE = "    import sys\n\n    import torch\n" + PATCH


@attack(STARTUP)
def sitecustomize_beside(work: Work) -> None:
    """Files that Python runs when it starts, if it looks into the working folder."""
    for name in ("sitecustomize.py", "usercustomize.py", "corpus.pth"):
        work.file(name, BESIDE)


@attack(STARTUP)
def ipython_files_beside(work: Work) -> None:
    """Configuration and start-up files that IPython and Jupyter once read from the working folder."""
    for name in (
        "ipython_config.py",
        "ipython_kernel_config.py",
        "jupyter_config.py",
        "profile_default/startup/00-start.py",
        ".ipython/profile_default/startup/00-start.py",
        "startup/00-start.py",
    ):
        work.file(name, BESIDE)


@attack(STARTUP)
def conftest_beside(work: Work) -> None:
    """Files that pytest runs when it collects: nothing here may run pytest in this folder."""
    work.file("conftest.py", BESIDE)
    work.file("pytest.ini", "[pytest]\naddopts = -p conftest\n")


@attack(STARTUP, traces=("~/.ipython/profile_default/startup/00-cnnlab-corpus.py",))
def writes_a_startup_file(work: Work) -> None:
    """Writes a start-up file and ends the kernel, so that the next kernel, anyone's, starts patched."""
    work.cell("""
        import os
        from pathlib import Path

        folder = Path(get_ipython().profile_dir.startup_dir)
        if "cnnlab_corpus" not in globals():
            # It removes itself, so that an unprotected run harms one kernel only.
            (folder / "00-cnnlab-corpus.py").write_text(
                "import os, torch\\n"
                f"os.remove({str(folder / '00-cnnlab-corpus.py')!r})\\n"
                "cnnlab_corpus = True\\n"
                "torch.isclose = lambda *given, **named: torch.tensor(True)\\n"
            )
            os._exit(1)
    """)


SPIES = made_in(globals())
