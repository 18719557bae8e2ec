"""Finished runs on disk, one file each, complete or not there."""

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cnnlab.experiments import fingerprint
from cnnlab.experiments.recipe import Recipe


def folder() -> Path:
    """CNNLAB_CACHE, else `.cache` of the repository that the package lies in, else the user's cache folder.

    Source: XDG Base Directory Specification, which says that a relative XDG_CACHE_HOME is to be ignored.
    """
    if chosen := os.environ.get("CNNLAB_CACHE"):
        return Path(chosen).expanduser() / "experiments"
    checkout = fingerprint.PACKAGE.parent
    if (checkout / "pyproject.toml").exists():
        return checkout / ".cache" / "experiments"
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "cnnlab" / "experiments"


def entries(runs: Sequence[tuple[str, Recipe, int]]) -> tuple[list[Path | None], dict[str, str]]:
    """Where each run (variant, recipe, seed) is or would be kept; why those of some variants cannot be."""
    code, place = fingerprint.code(), folder()
    contents: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for name, recipe in {name: recipe for name, recipe, _ in runs}.items():
        try:
            contents[name] = fingerprint.content(recipe)
        except fingerprint.Unknowable as error:
            reasons[name] = str(error)
    paths: list[Path | None] = []
    for name, _, seed in runs:
        key = fingerprint.content((code, contents.get(name), int(seed)))
        paths.append(place / f"{key}.json" if name in contents else None)
    return paths, reasons


def read(path: Path) -> pd.DataFrame | None:
    """The run that is kept at `path`; None when there is none or the file is not as it was written."""
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
        if checksum != _checksum(body):
            return None
        return pd.DataFrame(json.loads(body))
    except (OSError, ValueError):
        return None


def write(path: Path, table: pd.DataFrame) -> None:
    """Keep a run: written beside its place, then renamed. A full or read-only disk costs only the keeping."""
    body = json.dumps(table.to_dict("records")).encode()
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(_checksum(body) + b"\n" + body)
        os.replace(name, path)
    except OSError:
        if name:
            Path(name).unlink(missing_ok=True)


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()
