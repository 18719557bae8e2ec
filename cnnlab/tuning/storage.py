"""Where a study is kept: in memory, in a SQLite file, or in a database that many machines reach."""

import logging
import os
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.errors import InputError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

Address = str | os.PathLike[str] | None
# Seconds between two signs of life of a running trial, and the silence after which it is taken up again.
LOCAL, REMOTE = (2, 10), (15, 60)
WAIT = 20  # seconds to wait for a database that another program has locked
ATTEMPTS = 5  # several workers that make the tables at the same time get in each other's way
SETTINGS = "cnnlab"  # the study's attribute that says what is searched


def need_optuna() -> None:
    """Raise `InputError` where the search's engine is not installed."""
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise InputError('optuna is not installed; run pip install "cnnlab[tuning]" first.') from error


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its log lines and its notes on experimental interfaces; both are put back."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # We send signs of life ourselves, which Optuna cannot know.
            warnings.filterwarnings("ignore", message="Heartbeat of storage")
            yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def plain_errors(storage: Address) -> Iterator[None]:
    """What a database reports, as one sentence; what it holds stays as it is."""
    import optuna
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        found = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        reason = str(getattr(found, "orig", None) or found or error).strip().splitlines()[0]
        if isinstance(found, ArgumentError):
            reason = "it is no address; write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"
        raise InputError(_explained(storage, reason)) from error


def _explained(storage: Address, reason: str) -> str:
    if "locked" in reason:
        return (
            f"{_shown(storage)} is locked by another program; finished trials are kept in it. Close the "
            "other program and search again: the search goes on where it was."
        )
    if any(words in reason for words in ("malformed", "not a database", "file is encrypted")):
        return (
            f"{_shown(storage)} is damaged, or not a database ({reason}); nothing in it was changed. Give "
            "another file, or a copy from before the damage."
        )
    return f"the study's database {_shown(storage)} cannot be used: {reason.rstrip('.')}."


def _shown(storage: Address) -> str:
    """The address without a password that may be in it."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(str(storage)).render_as_string(hide_password=True)
    except ArgumentError:
        return str(storage)


def open_study(storage: Address, name: str, direction: str, settings: dict[str, Any]) -> "Study":
    """The study of that name, made if there is none; to be called inside `quiet` and `plain_errors`.

    Raises:
        InputError: the study in the database is of another search; the message names the first difference.
    """
    import optuna

    place = _place(storage)
    study = optuna.create_study(
        study_name=name,
        storage=place,
        load_if_exists=True,
        direction="maximize" if direction == "maximize" else "minimize",
    )
    if study.direction.name.lower() != direction:
        raise _other(storage, name, "it was searched for another metric")
    before = study.user_attrs.get(SETTINGS)
    if before is None and study.get_trials(deepcopy=False):
        raise _other(storage, name, "it was not made by this function")
    if before is None:
        study.set_user_attr(SETTINGS, settings)
        before = settings
    for part, value in settings.items():
        if before.get(part) != value:
            raise _other(storage, name, f"its {part} was {before.get(part)}, not {value}")
    return study


def close(study: "Study") -> None:
    """Give the connections back; the study may still be used, which opens new ones."""
    inner = study._storage
    inner.remove_session()
    while hasattr(inner, "_backend"):  # what Optuna puts around a database to remember finished trials
        inner = inner._backend
    if hasattr(inner, "engine"):
        inner.engine.dispose()


def _other(storage: Address, name: str, why: str) -> InputError:
    return InputError(
        f"the study {name!r} in {_shown(storage)} is of another search: {why}. Give this search another name "
        "or another file; the study is unchanged."
    )


def _place(storage: Address) -> "BaseStorage":
    import optuna

    if storage is None:
        return optuna.storages.InMemoryStorage()
    address = str(storage)
    local = "://" not in address or address.startswith("sqlite")
    if "://" not in address:
        path = Path(address).expanduser()
        _refuse_other_files(path)
        address = f"sqlite:///{path}"
    interval, grace = LOCAL if local else REMOTE
    for attempt in range(ATTEMPTS):
        try:
            return optuna.storages.RDBStorage(
                address,
                engine_kwargs={"connect_args": {"timeout": WAIT}} if local else {"pool_pre_ping": True},
                heartbeat_interval=interval,
                grace_period=grace,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
            )
        except ImportError as error:
            raise InputError(
                f"the driver for {_shown(storage)} is not installed; for PostgreSQL run "
                'pip install "cnnlab[cluster]" and write postgresql+psycopg://…'
            ) from error
        except RuntimeError as error:  # Optuna's tables of another version
            raise InputError(f"the study's database {_shown(storage)} cannot be used: {error}") from error
        except Exception as error:
            if attempt == ATTEMPTS - 1 or not _collided(error):
                raise
            time.sleep(0.2 * (attempt + 1))
    raise AssertionError("unreachable")


def _collided(error: Exception) -> bool:
    """Whether another worker was making the same tables."""
    return any(words in str(error) for words in ("already exists", "duplicate key", "UNIQUE constraint"))


def _refuse_other_files(path: Path) -> None:
    """A SQLite file of another program would get our tables in it; others are named for what they are."""
    if path.is_dir():
        raise InputError(
            f"{path} is a folder; storage is a file for the study, for example {path / 'study.db'}."
        )
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to put the study into; make it first.")
    if not path.exists() or path.stat().st_size == 0:
        return
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WAIT) as connection:
        try:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        except sqlite3.Error as error:
            raise InputError(_explained(path, str(error))) from error
    connection.close()
    if tables and "studies" not in tables:
        raise InputError(f"{path} is a database of something else; give a new file for the study.")
