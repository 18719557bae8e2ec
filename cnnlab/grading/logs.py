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
        with without_session_remark():
            yield text
    finally:
        converter.log.handlers, converter.log.propagate = handlers, propagate


@contextmanager
def without_session_remark() -> Iterator[None]:
    """nbgrader 0.9 adds a submission in an order that SQLAlchemy 2 remarks on; the rows come out right."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Object of type <Submitted.*> not in session")
        yield
