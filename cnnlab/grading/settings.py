"""How nbgrader is set up for this course: the one place, used by `nbgrader_config.py` and by `cnnlab`."""

import contextlib
import os
import secrets
import sysconfig
from pathlib import Path

from traitlets.config import Config

from cnnlab.cells import CELL_SECONDS, EXPERIMENT
from cnnlab.grading.gradebook import address
from cnnlab.grading.preferences import preferences


def _find_neighbours() -> None:
    """Put this Python's own commands on the path: nbgrader starts `alembic` by name, activated or not."""
    here = sysconfig.get_path("scripts")
    known = os.environ.get("PATH", "").split(os.pathsep)
    if here not in known:
        os.environ["PATH"] = os.pathsep.join([here, *known])


def course_secret(root: Path) -> str:
    """What the seeds of the checks are made from: drawn once for a course, never handed out."""
    file = root / "secret.txt"
    if root.is_dir() and not file.exists():
        with contextlib.suppress(FileExistsError), file.open("x") as new:
            file.chmod(0o600)
            new.write(secrets.token_hex(16))
    return file.read_text() if file.exists() else ""


def course_config(root: Path | str, timeout: int = CELL_SECONDS, db: str | None = None) -> Config:
    """nbgrader's configuration for the course in the folder `root`.

    Args:
        root: the course folder, which holds source, release, submitted … and `gradebook.db`.
        timeout: seconds that one cell may run.
        db: URL of the gradebook's database; else what CNNLAB_DB says, else `gradebook.db` in the folder.
    """
    _find_neighbours()
    root = Path(root).resolve()
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = address(root, db)
    if not config.CourseDirectory.db_url.startswith("sqlite"):
        # nbgrader's own default, "", is no course that it would enter; SQLite does not look.
        config.CourseDirectory.course_id = "default_course"
    # Submitted files that would only be copied about; "feedback" is nbgrader's own default.
    config.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"]

    # `Execute` is nbgrader's class: its settings reach `nbgrader validate` and our subclass alike.
    config.Execute.timeout = timeout
    config.Execute.iopub_timeout = 10
    config.Execute.skip_cells_with_tag = EXPERIMENT
    config.Execute.shutdown_kernel = "immediate"
    config.ExecuteCells.secret = course_secret(root)

    config.Exporter.optimistic_validation = True  # once after all steps, not after each

    # Other users of the machine can reach a kernel's ports; a kernel that is not encrypted says so on stderr.
    config.KernelManager.transport_encryption = "auto"

    config.Autograde.sanitize_preprocessors = [
        "cnnlab.grading.restore.RestoreCells",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.Autograde.autograde_preprocessors = [
        "cnnlab.grading.execute.ExecuteCells",
        "nbgrader.preprocessors.LimitOutput",
        "cnnlab.grading.scores.SaveScores",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.ExportApp.plugin_class = "cnnlab.grading.export.QuotedCsvExport"

    # Students' pages hold nothing that acts, neither here nor in the formgrader.
    chosen = preferences(root)
    config.GenerateFeedback.preprocessors = [
        "cnnlab.grading.feedback.PageAlone",
        "cnnlab.grading.told.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    config.GenerateFeedback.exporter_class = "cnnlab.grading.feedback.InertExporter"
    config.InertExporter.book = chosen["book"]
    config.HTMLExporter.sanitize_html = True  # the formgrader's
    config.HTMLExporter.preprocessors = ["cnnlab.grading.feedback.InertOutputs"]
    config.HTMLExporter.filters = {
        "clean_html": "cnnlab.grading.feedback.clean_output",
        "strip_files_prefix": "cnnlab.grading.feedback.clean_formgrader_text",
    }
    config.InertExporter.preprocessors, config.InertExporter.filters = [], {}
    config.InertExporter.sanitize_html = False  # it cleans by itself and keeps the checks' tables
    config.AssignLatePenalties.plugin_class = "cnnlab.grading.late.LatePenalty"
    config.LatePenalty.policy = chosen["late"]
    return config
