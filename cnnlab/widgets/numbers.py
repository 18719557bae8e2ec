"""Numbers of the run for the text of the published page."""

from typing import Any

from IPython.display import display

_PREFIX = "application/papermill.record/"


def glue(**values: Any) -> None:
    """Record values under their names, for {glue:text}`name` in the page; shows nothing in the notebook.

    Writes the same output as `myst_nb.glue`, so that a chapter runs where Jupyter Book is not installed.
    """
    for name, value in values.items():
        value = (
            value.item() if hasattr(value, "item") else value
        )  # a number of NumPy or torch has its own repr
        metadata = {"scrapbook": {"name": name, "mime_prefix": _PREFIX}}
        display({f"{_PREFIX}text/plain": repr(value)}, metadata=metadata, raw=True)
