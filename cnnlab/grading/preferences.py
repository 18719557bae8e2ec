"""What an instructor has chosen for a course: `settings.json` in its folder."""

import json
import os
from pathlib import Path

from cnnlab.errors import InputError

# `book`: the address of the course book; `late`: the policy, as `cnnlab.grading.late` reads it.
DEFAULTS = {"book": "", "late": "none"}


def preferences(root: Path) -> dict[str, str]:
    """The course's choices, the defaults where none was made."""
    path = root / "settings.json"
    if not path.is_file():
        return dict(DEFAULTS)
    try:
        chosen = json.loads(path.read_text(encoding="utf-8"))
        if not (isinstance(chosen, dict) and all(isinstance(text, str) for text in chosen.values())):
            raise ValueError("it is no table of texts")
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); correct it or remove it.") from error
    return DEFAULTS | chosen


def choose(root: Path, **changes: str) -> None:
    """Write choices down."""
    path = root / "settings.json"
    half = path.with_suffix(".part")
    half.write_text(json.dumps(preferences(root) | changes, indent=1) + "\n", encoding="utf-8")
    os.replace(half, path)
