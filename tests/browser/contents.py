"""The pages of the site, by name."""

from pathlib import Path

import yaml

BOOK = Path(__file__).parents[2] / "book"
_CONTENTS = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
PAGES = [_CONTENTS["root"], *(one["file"] for part in _CONTENTS["parts"] for one in part["chapters"])]
EVERY = [*PAGES, "search", "genindex", "404"]
