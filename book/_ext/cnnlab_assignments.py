"""What a student downloads: {assignment}`name` links to the notebook, and to all that it needs in one zip."""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

ROOT = Path(__file__).parents[2]
# What installing the course's package takes, besides its own folder.
PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-book.md", "environment.yml", "constraints.txt")
START = """\
# How to start

In this folder, once:

    conda env create -f environment.yml && conda activate cnnlab

or, without conda (Python 3.11 or newer; on Windows .venv\\Scripts\\activate in place of the second command):

    python3 -m venv .venv
    . .venv/bin/activate
    pip install -c constraints.txt -e ".[lab]"

Is everything there?

    cnnlab doctor

Then, each time:

    jupyter lab {name}.ipynb

Write a function, run the check below it, read what it says. Before you hand in:

    cnnlab submission {name}.ipynb

It runs what you have saved, says what is missing, and makes the file.
"""


def pack(archive: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip with all files in one folder; the same content makes the same file, whenever that is."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(f"{archive.stem}/{name}")  # of the year 1980
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, content, zipfile.ZIP_DEFLATED)


def handout(notebook: Path) -> list[tuple[str, bytes]]:
    """The notebook, the package that it imports, and how to start."""
    code = [path for path in (ROOT / "cnnlab").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    package = [ROOT / name for name in PACKAGE]
    files = [(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in (*package, *code)]
    start = START.format(name=notebook.stem).encode()
    return [*files, (notebook.name, notebook.read_bytes()), ("START.md", start)]


def make_handouts(app: Sphinx) -> None:
    for notebook in sorted(ROOT.glob("exercises/*/*.ipynb")):
        pack(Path(app.outdir).parent / "handouts" / f"{notebook.stem}.zip", handout(notebook))


class Assignment(SphinxRole):
    """An assignment's notebook and zip: downloads when they exist, its path in the course folder when not."""

    def run(self) -> tuple[Sequence[nodes.Node], Sequence[nodes.system_message]]:
        path = f"exercises/{self.text}/{self.text}.ipynb"
        if not (ROOT / path).exists():
            return [nodes.literal(path, path)], []
        archive = f"/_build/handouts/{self.text}.zip"
        links = self.link(f"/../{path}", f"{self.text}.ipynb"), self.link(archive, "everything in one zip")
        return [links[0], nodes.Text(" ("), links[1], nodes.Text(")")], []

    def link(self, target: str, text: str) -> nodes.Node:
        link = addnodes.download_reference(target, "", reftarget=target, refdoc=self.env.docname)
        link += nodes.literal(text, text) if text.endswith(".ipynb") else nodes.Text(text)
        return link


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", make_handouts)
    app.add_role("assignment", Assignment())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
