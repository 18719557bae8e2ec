"""Links, archives, time stamps and pages: what comes around the notebook, and whole exports for `collect`."""

import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from corpus.making import LATE, Work, attack, made_in, sample
from sample_class import build

LINK = "symlink out of the submission"
ARCHIVE = "archive with `../` or a zip bomb"
PAGE = "`<script>` or SVG in an output (score kept, feedback page inert)"
STAMP = "own timestamp file"

BOMB_BYTES = 1 << 29  # what the bomb unpacks to; half a megabyte packed
OUTSIDE = "cnnlab-corpus-was-here.txt"  # what a path with `../` would write
SCRIPT_MARK = "corpus-script-ran"  # what a page's title becomes if any of its scripts runs


@sample(LINK, "A", cause=r"link")
def notebook_is_a_link(work: Work) -> None:
    """The notebook is a link to a file elsewhere on the instructor's machine."""
    nbformat.write(work.notebook, work.folder / "elsewhere.ipynb")
    elsewhere = (work.folder / "elsewhere.ipynb").rename(work.folder.parent / "elsewhere.ipynb")
    work.path.symlink_to(f"../{elsewhere.name}")
    work.notebook = None


@attack(LINK)
def link_to_the_sources(work: Work) -> None:
    """A link beside the notebook to the course's sources, from where the answer is read."""
    (work.folder / "library").symlink_to("../../../source")
    work.cell(
        """
        import json
        from pathlib import Path

        path = Path("library/label_smoothing/label_smoothing.ipynb")
        for cell in json.loads(path.read_text())["cells"] if path.is_file() else ():
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == "smooth_labels":
                exec("".join(cell["source"]))
        """,
        before="check_targets",
    )


@sample(LINK, "K")
def link_to_a_secret(work: Work) -> None:
    """A link to a file outside, which nobody may copy into what is graded or shown."""
    (work.folder / "notes.txt").symlink_to("/etc/passwd")
    (work.folder / "everything").symlink_to("/")


@sample(LINK, "K")
def links_in_a_circle(work: Work) -> None:
    """A folder that links to itself and a link to nothing."""
    (work.folder / "again").symlink_to(".")
    (work.folder / "nothing").symlink_to("nowhere")


@sample(ARCHIVE, "K")
def archives_beside_the_notebook(work: Work) -> None:
    """A zip bomb and an archive with `../` lie beside the notebook: nobody unpacks them."""
    zip_bomb(work.folder / "data.zip")
    _zip(work.folder / "more.zip", {f"../../../../{OUTSIDE}": b"x"})


@sample(ARCHIVE, "A", cause=r"there is no label_smoothing\.ipynb")
def archive_in_place_of_the_notebook(work: Work) -> None:
    """Nothing but an archive was handed in."""
    _zip(work.folder / "label_smoothing.zip", {"label_smoothing.ipynb": work.text().encode()})


@sample(STAMP, "K", received=LATE)
def own_timestamp_file(work: Work) -> None:
    """A late submission that brings its own record of having come in time."""
    work.file("timestamp.txt", "2026-01-01 12:00:00 UTC")


@sample(STAMP, "K")
def timestamp_that_is_none(work: Work) -> None:
    """A file of that name holds something else."""
    work.file("timestamp.txt", "this is not a date")


PAYLOADS = {
    "text/html": f"<script>document.title='{SCRIPT_MARK}'</script>"
    f'<img src=x onerror="document.title=\'{SCRIPT_MARK}\'"><iframe srcdoc="<script>parent.document.title'
    f"='{SCRIPT_MARK}'</script>\"></iframe><a href=\"javascript:document.title='{SCRIPT_MARK}'\">see</a>"
    "<form action='https://example.invalid/'><input name=q></form>"
    "<meta http-equiv=refresh content='0;url=/'>",
    "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='{SCRIPT_MARK}'\">"
    f"<script>document.title='{SCRIPT_MARK}'</script></svg>",
    "text/markdown": f"<script>document.title='{SCRIPT_MARK}'</script>",
    "text/latex": f"</script><script>document.title='{SCRIPT_MARK}'</script>",
    "application/javascript": f"document.title='{SCRIPT_MARK}'",
    "application/vnd.jupyter.widget-view+json": {"model_id": "x", "version_major": 2, "version_minor": 0},
    "text/plain": "</pre></div><script>document.title='" + SCRIPT_MARK + "'</script>",
}


@sample(PAGE, "K")
def script_in_a_stored_output(work: Work) -> None:
    """Scripts of every kind in the stored outputs of an experiment, which are kept and shown."""
    experiment = next(c for c in work.notebook.cells if "experiment" in c.metadata.get("tags", []))
    experiment.outputs = [
        nbformat.v4.new_output("display_data", data={kind: payload}) for kind, payload in PAYLOADS.items()
    ]
    experiment.outputs.append(
        nbformat.v4.new_output("stream", text=f"\x1b]8;;javascript:x\x07<script>{SCRIPT_MARK}</script>")
    )


@sample(PAGE, "K")
def script_in_a_fresh_output(work: Work) -> None:
    """The same, displayed while the notebook runs."""
    work.cell(f"""
        from IPython.display import display

        for kind, payload in {PAYLOADS!r}.items():
            display({{kind: payload}}, raw=True)
    """)


@sample(PAGE, "K")
def script_in_the_text(work: Work) -> None:
    """Scripts in the written answer, in a text cell, in an attachment's name and in the metadata."""
    page = f"{PAYLOADS['text/html']}\n\n[see](javascript:document.title='{SCRIPT_MARK}')"
    work.graded("written").source += f"\n\n{page}"
    note = nbformat.v4.new_markdown_cell(page, id="mine-note")
    note.metadata["name"] = note.metadata["class"] = PAYLOADS["text/html"]
    work.notebook.cells.append(note)
    work.notebook.metadata["title"] = PAYLOADS["text/html"]


@sample(PAGE, zero="pytorch_epsilon", cause=r"pytorch_epsilon raised ValueError")
def script_in_an_error(work: Work) -> None:
    """A script in the text of an exception, which the message about it quotes."""
    work.body("pytorch_epsilon", f'raise ValueError("""{PAYLOADS["text/html"]}""")')


CONTAINERS = made_in(globals())


# What an instructor downloads; `cnnlab collect` unpacks it.


@dataclass(frozen=True)
class Export:
    """A download from an LMS: what is in it, and what must be said about it."""

    name: str
    write: Callable[[Path, Path], None]  # (path of the zip, released notebook)
    why: str
    refused: str  # a regular expression for the refusal by name
    good: tuple[str, ...] = ("ada",)  # students whose submissions in the same export must come through


def zip_bomb(path: Path) -> None:
    """An archive of half a megabyte that unpacks to a thousand times as much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.bin", "w") as file:
        for _ in range(BOMB_BYTES >> 24):
            file.write(bytes(1 << 24))


def _zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _honest(released: Path) -> bytes:
    template = nbformat.read(released, as_version=4)
    right = build.answers(build.CORRECT / released.stem / "broadcasting.py", released.stem)
    return str(nbformat.writes(build.filled(template, right))).encode()


def _climbs(path: Path, released: Path) -> None:
    """Names that lead out of the folder, in every spelling."""
    names = (f"../../{OUTSIDE}", f"/tmp/{OUTSIDE}", f"eve\\..\\..\\{OUTSIDE}", f"eve/../../{OUTSIDE}")
    _zip(path, {f"ada/{released.name}": _honest(released)} | dict.fromkeys(names, b"x"))


def _links(path: Path, released: Path) -> None:
    """An entry that is a symbolic link to a file outside, and a file that is written through a link."""
    _zip(path, {f"ada/{released.name}": _honest(released)})
    with zipfile.ZipFile(path, "a") as archive:
        for name, target in (("eve/passwd", "/etc/passwd"), ("eve/up", "../..")):
            link = zipfile.ZipInfo(name)
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
        archive.writestr(f"eve/up/{OUTSIDE}", b"x")


def _bomb(path: Path, released: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte."""
    zip_bomb(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"ada/{released.name}", _honest(released))


def _many(path: Path, released: Path) -> None:
    """A hundred thousand empty files."""
    files = {f"eve/{number}": b"" for number in range(100_000)}
    _zip(path, {f"ada/{released.name}": _honest(released)} | files)


def _cut(path: Path, released: Path) -> None:
    """An archive of which the second half is missing."""
    _zip(path, {f"ada/{released.name}": _honest(released)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


EXPORTS = (
    Export("climbs", _climbs, str(_climbs.__doc__), r"cnnlab-corpus-was-here\.txt"),
    Export("links", _links, str(_links.__doc__), r"link"),
    Export("bomb", _bomb, str(_bomb.__doc__), r"zeros\.bin"),
    Export("many", _many, str(_many.__doc__), r"100,?\d{3}|too many|files"),
    Export("cut", _cut, str(_cut.__doc__), r"not a (complete )?zip|damaged|incomplete", good=()),
)
