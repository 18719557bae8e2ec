"""Finding the public datasets: the user's folder, then the system's, then a download."""

import os
import socket
import tarfile
from http.client import HTTPException
from pathlib import Path

from cnnlab.data.files import checksums, old_pickles, read_files, torchvision_class
from cnnlab.data.raw import Raw
from cnnlab.errors import InputError

SYSTEM = Path("/usr/share/datasets")
# Inside either of them: first the folder that torchvision makes, then the one of Debian's packages.
FOLDERS = {
    "mnist": ("MNIST/raw", "mnist"),
    "fashion-mnist": ("FashionMNIST/raw", "fashion-mnist"),
    "cifar10": ("cifar-10-batches-py",),
}
PACKAGES = {"fashion-mnist": "dataset-fashion-mnist"}
# Seconds without an answer. torchvision sets no limit, so a firewall that drops packets looks like a hang.
TIMEOUT = 20.0


def data_folder(root: str | None) -> Path:
    """The user's folder for datasets: `root`, else CNNLAB_DATA, else `cnnlab` in the cache folder.

    Source: XDG Base Directory Specification, which says that a relative XDG_CACHE_HOME is to be ignored.
    """
    if chosen := root or os.environ.get("CNNLAB_DATA"):
        return Path(chosen).expanduser()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "cnnlab"


def find(name: str, root: str | None, *, download: bool) -> Raw:
    """Read a public dataset from the first folder that has all its files, after a download if need be.

    Raises:
        InputError: it is nowhere and cannot be downloaded, or a file is not what it should be.
    """
    home = data_folder(root)
    places = [base / folder for base in (home, SYSTEM) for folder in FOLDERS[name]]
    for place in places:
        paths = _present(name, place)
        if len(paths) == len(checksums(name)):
            return read_files(name, paths)
    problem = _downloaded(name, home) if download else "not tried, since download=False"
    paths = _present(name, places[0])
    if len(paths) == len(checksums(name)):
        return read_files(name, paths)
    raise InputError(_not_found(name, places, problem))


def _present(name: str, place: Path) -> dict[str, Path]:
    """Those of a dataset's files that are in a folder, gzipped ones first: the form in which they travel."""
    found = {}
    for file in checksums(name):
        for path in (place / f"{file}.gz", place / file):
            if os.path.isfile(path):  # False, not an error, where we may not look
                found[file] = path
                break
    return found


def _downloaded(name: str, home: Path) -> str:
    """Download with torchvision, which checks md5 sums and shows its progress; how it went, in words."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with old_pickles():
            torchvision_class(name)(str(home), download=True)
    except (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError) as error:
        return "failed: " + " ".join(str(error).split())
    finally:
        socket.setdefaulttimeout(before)
    return "done, but the files are not there"


def _not_found(name: str, places: list[Path], problem: str) -> str:
    files = list(checksums(name))
    looked = []
    for place in places:
        missing = [file for file in files if file not in _present(name, place)]
        here = "nothing there" if len(missing) == len(files) else f"lacks {', '.join(missing)}"
        looked.append(f"{place} ({here})")
    ways = [f"connect to the internet and load {name!r} again with download=True"]
    if name in PACKAGES:
        ways.append(f"install the system package (sudo apt install {PACKAGES[name]})")
    packed = "" if name == "cifar10" else " (plain or .gz)"
    ways.append(f"put the files {', '.join(files)}{packed} into {places[0]}")
    ways.append("use load('mnist-5k'), which needs no download")
    return (
        f"the files of {name} were not found.\nLooked in: {'; '.join(looked)}.\nDownload: {problem}.\n"
        f"What to do, one of: {'; '.join(ways)}."
    )
