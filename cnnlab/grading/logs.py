"""nbgrader says why something failed in its log only; this catches what one converter logs."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def captured_log(converter: Any) -> Iterator[io.StringIO]:
    """What the converter logs while the block runs, instead of on the terminal."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handlers, propagate = list(converter.log.handlers), converter.log.propagate
    converter.log.handlers, converter.log.propagate = [handler], False
    try:
        with without_remarks():
            yield text
    finally:
        converter.log.handlers, converter.log.propagate = handlers, propagate


@contextmanager
def without_remarks() -> Iterator[None]:
    """nbgrader says nothing beside its log while the block runs.

    Version 0.9 adds a submission in an order that SQLAlchemy 2 remarks on; the rows come out right. And what
    it raises about the database it also writes, with a traceback, to a log of Tornado's.
    """
    beside = logging.getLogger("tornado.application")
    was = beside.disabled
    beside.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Object of type <Submitted.*> not in session")
            yield
    finally:
        beside.disabled = was
