"""Tells whether this machine is ready for the course, and what to type where it is not.

Works with the light core alone: nothing is imported that might be missing.
"""

import importlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from cnnlab.desk.kernel import fresh_kernel

State = Literal["ready", "note", "fault"]
CONSTRAINTS = Path("constraints.txt")  # of the course, where the command runs in its folder
LEAST_DISK, GOOD_DISK = 1, 5  # GB: to work at all, and with the larger data sets
KERNEL_SECONDS = 60
ASKED = "import sys, cnnlab; print(sys.executable)"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `todo` is what to type or do when it is a fault or worth a note."""

    name: str
    state: State
    found: str
    todo: str = ""


def examine(folder: Path) -> Iterator[Finding]:
    """Look at everything that a student needs.

    Args:
        folder: where the student works.
    """
    yield python_version()
    missing = list(packages())
    yield from missing or [Finding("packages", "ready", "all there, in versions that the course allows")]
    yield from tested_versions()
    yield pytorch()
    yield disk(folder)
    yield writing(folder)
    yield jupyter()
    yield kernel()


def python_version(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Python itself."""
    found = ".".join(map(str, version))
    if version < (3, 11):
        todo = "Install Python 3.11 or newer, or type: conda env create -f environment.yml"
        return Finding("Python", "fault", f"{found}, too old", todo)
    return Finding("Python", "ready", f"{found}, {sys.executable}")


def packages() -> Iterator[Finding]:
    """A fault for each package of the core that is missing or too old."""
    for text in metadata.requires("cnnlab") or []:
        needed = Requirement(text)
        if needed.marker is not None:  # of an extra
            continue
        wanted = f"{needed.name}{needed.specifier}"
        todo = f'pip install "{wanted}"'
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            yield Finding(needed.name, "fault", "not installed", todo)
            continue
        if not needed.specifier.contains(version, prereleases=True):
            yield Finding(needed.name, "fault", f"{version}; the course needs {needed.specifier}", todo)


def tested_versions() -> Iterator[Finding]:
    """A note when packages have other versions than the course is tested with; nothing without its list."""
    if not CONSTRAINTS.is_file():
        return
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE))
    core = {Requirement(text).name for text in metadata.requires("cnnlab") or [] if "extra ==" not in text}
    others = []
    for name in sorted(core & pins.keys()):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # said above
        if version.partition("+")[0] != pins[name]:  # 2.9.0+cpu is 2.9.0
            others.append(f"{name} {version} (tested: {pins[name]})")
    if others:
        todo = f"Nothing, unless something fails; then: pip install -c {CONSTRAINTS} -e ."
        yield Finding("tested versions", "note", ", ".join(others), todo)
    else:
        yield Finding("tested versions", "ready", f"those of {CONSTRAINTS}")


def pytorch() -> Finding:
    """Whether PyTorch computes, and on what."""
    again = "pip install --force-reinstall torch torchvision"
    try:
        torch: Any = importlib.import_module("torch")
        devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
        for device in devices:
            ones = torch.ones(64, 64, device=device)
            if not bool(((ones @ ones) == 64).all()):
                return Finding("PyTorch", "fault", f"computes wrongly on {device}", again)
    except Exception as error:  # whatever a broken installation raises
        return Finding("PyTorch", "fault", f"does not work: {_first_line(error)}", again)
    if "cuda" in devices:
        return Finding("PyTorch", "ready", f"{torch.__version__}, on the GPU {torch.cuda.get_device_name()}")
    return Finding("PyTorch", "ready", f"{torch.__version__}, on the CPU; no GPU is needed")


def disk(folder: Path) -> Finding:
    """Free space where the student works."""
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{free:.1f} GB free"
    if free < LEAST_DISK:
        return Finding("disk", "fault", found, f"Make room: at least {LEAST_DISK} GB, better {GOOD_DISK}.")
    if free < GOOD_DISK:
        todo = "Enough for the assignments; CIFAR-10 and its checkpoints need more."
        return Finding("disk", "note", found, todo)
    return Finding("disk", "ready", found)


def writing(folder: Path) -> Finding:
    """Whether notebooks can be saved."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".cnnlab-"):
            pass
    except OSError as error:
        todo = "Work in a folder of your own, for example: mkdir ~/course && cd ~/course"
        return Finding("saving", "fault", f"{folder} cannot be written ({error.strerror})", todo)
    return Finding("saving", "ready", f"{folder} can be written")


def jupyter() -> Finding:
    """JupyterLab."""
    try:
        return Finding("JupyterLab", "ready", metadata.version("jupyterlab"))
    except metadata.PackageNotFoundError:
        return Finding("JupyterLab", "fault", "not installed", 'pip install "jupyterlab>=4.2"')


def kernel(name: str = "python3") -> Finding:
    """Whether a notebook's kernel starts and finds the course.

    Args:
        name: the kernel that the assignments ask for.
    """
    todo = f"{sys.executable} -m ipykernel install --sys-prefix"
    heard: list[str] = []
    try:
        with fresh_kernel(Path(), name) as client:
            reply = client.execute_interactive(
                ASKED,
                allow_stdin=False,
                timeout=KERNEL_SECONDS,
                output_hook=lambda message: heard.append(message["content"].get("text", "")),
            )
    except Exception as error:  # no such kernel, one that ends at once, a port that is closed
        return Finding("kernel", "fault", f"{name!r} does not start: {_first_line(error)}", todo)
    if reply["content"]["status"] != "ok":
        found = f"{name!r} cannot import the course: {reply['content']['evalue']}"
        return Finding("kernel", "fault", found, todo)
    found = "".join(heard).strip()
    if Path(found).parent != Path(sys.executable).parent:
        return Finding("kernel", "note", f"{name!r} runs {found}, another Python than this", todo)
    return Finding("kernel", "ready", f"{name!r} starts and finds the course")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
