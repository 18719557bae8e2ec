"""The gradebook as one connection, on which everything that is written for one submission is one transaction.

nbgrader opens the gradebook a dozen times for one submission and commits after every cell. SQLAlchemy lets
a database URL name a plugin that sees each engine being made: here it gives all of them the same connection,
and inside `transaction` their own commits wait. A grade is then written whole or not at all, also when the
process is killed, with SQLite and PostgreSQL alike, and nbgrader's code stays as it is.
"""

import functools
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbgrader
from alembic.config import Config
from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook, Student
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import plugins
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import CreateEnginePlugin
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from cnnlab.errors import InputError

WAIT_SECONDS = 60  # for another process that is writing
PLUGIN = "cnnlab"
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7302116)"}
FORMS = "It is an address such as sqlite:////home/me/gradebook.db or postgresql://user@host/database."


def address(root: Path, given: str | None = None) -> str:
    """The gradebook's URL as nbgrader gets it: as given, as CNNLAB_DB says, or `gradebook.db` in the course.

    Raises:
        InputError: it is no URL of a database.
    """
    given = given or os.environ.get("CNNLAB_DB") or ""
    if not given:
        return f"sqlite:///{root.resolve() / 'gradebook.db'}"
    try:
        url = make_url(given)
        url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(f"{given!r} is no database that can be used here. {FORMS}") from error
    if url.get_backend_name() not in ALONE:
        kind = url.get_backend_name()
        raise InputError(f"a gradebook cannot lie in {kind}; SQLite and PostgreSQL are supported. {FORMS}")
    return url.render_as_string(hide_password=False)


class Books:
    """One process's hold on a gradebook.

    Args:
        url: of the database, from `address`.
        writes: whether it has to be writable.

    Raises:
        InputError: it cannot be opened or written, or belongs to another version of nbgrader.
    """

    def __init__(self, url: str, writes: bool = True) -> None:
        self.url = make_url(url)
        options: dict[str, Any] = {"timeout": WAIT_SECONDS} if self.url.drivername == "sqlite" else {}
        self.shown = self.url.render_as_string(hide_password=True)
        try:
            self.engine = create_engine(self.url, poolclass=_Kept, connect_args=options)
        except ModuleNotFoundError as error:
            raise InputError(
                f'{error.name} is not installed; run pip install "cnnlab[cluster]" for {self.shown}.'
            ) from error
        # nbgrader asks for each table whenever it opens the gradebook; one that is there stays there.
        self.engine.dialect.has_table = _remembering(self.engine.dialect.has_table)  # type: ignore[method-assign]
        self.compiled: dict[Any, Any] = {}
        _open[str(self.url)] = self
        self.nbgrader_url = self.url.update_query_dict({"plugin": PLUGIN}).render_as_string(
            hide_password=False
        )
        self._check(writes)

    def close(self) -> None:
        """Let go of the connection."""
        _open.pop(str(self.url), None)
        StaticPool.dispose(self.engine.pool)  # type: ignore[arg-type]

    @contextmanager
    def open(self) -> Iterator[Any]:
        """nbgrader's `Gradebook`, on the one connection."""
        with Gradebook(self.nbgrader_url) as gradebook:
            yield gradebook

    def refusal(self, student: str) -> str:
        """Why the database takes no student of that name, with what to do; empty when it does."""
        longest = Student.id.type.length
        if self.url.drivername.startswith("sqlite") or len(student) <= longest:  # SQLite does not count
            return ""
        return (
            f"the id has {len(student)} characters, and the gradebook {self.shown} takes {longest}; give the "
            "student's folder a shorter name, then run the command again."
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything that is committed inside is written when the block ends, or not at all.

        Raises:
            InputError: the database does not answer or does not take it; nothing has been written.
        """
        dialect = self.engine.dialect
        kept = {name: getattr(dialect, name) for name in ("do_commit", "do_rollback")}
        try:
            with self.engine.connect() as connection:
                held = connection.connection.dbapi_connection
                try:
                    # Alone from the first look on: another run that grades the same student waits here.
                    connection.exec_driver_sql(ALONE[dialect.name])
                    dialect.__dict__.update(dict.fromkeys(kept, _later))
                    yield
                    if self.engine.pool.connect().dbapi_connection is not held:
                        raise InputError(f"{self.shown} was lost while a grade was being written.")
                    kept["do_commit"](held)
                except BaseException:
                    _quietly(kept["do_rollback"], held)
                    raise
                finally:
                    dialect.__dict__.update(kept)
        except DBAPIError as error:
            raise self.problem(error) from error

    def problem(self, error: SQLAlchemyError) -> InputError:
        """What went wrong with the database, in a sentence with what to do."""
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        if "locked" in cause:
            advice = "Another program is writing to it; end that, then run the command again."
        elif "readonly" in cause or "read-only" in cause or "permission denied" in cause.lower():
            advice = "Make it writable for you, then run the command again."
        elif "full" in cause or "space" in cause:
            advice = "Make room, then run the command again."
        elif "not a database" in cause or "malformed" in cause:
            advice = "Put a copy of the gradebook back in its place."
        else:
            advice = "Check that it is there and running, then run the command again."
        return InputError(f"the gradebook {self.shown} cannot be used: {cause}. {advice}")

    def _check(self, writes: bool) -> None:
        """Whether it opens, is of this version, and can be written where it has to be."""
        try:
            with self.engine.connect() as connection:
                if not self.engine.dialect.has_table(connection, "alembic_version"):
                    if self.engine.dialect.has_table(connection, "assignment"):
                        raise self._other_version("without a number")
                    return
                revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
                if revision != newest_revision():
                    raise self._other_version(repr(revision))
                if writes:
                    connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
                    connection.rollback()
        except DBAPIError as error:
            raise self.problem(error) from error

    def _other_version(self, found: str) -> InputError:
        return InputError(
            f"the gradebook {self.shown} was made by another version of nbgrader (its version is {found}, "
            f"this one needs {newest_revision()!r}). Make a copy of it, then run "
            f"`nbgrader db upgrade {shlex.quote(f'--db={self.shown}')}`."
        )


class _Kept(StaticPool):
    """A pool of one connection, which outlives the engines that are handed it."""

    def dispose(self) -> None:
        pass

    def recreate(self) -> "_Kept":
        return self


class _Join(CreateEnginePlugin):
    """Puts every engine that nbgrader makes on the connection of the `Books` with that URL."""

    def __init__(self, url: URL, kwargs: dict[str, Any]) -> None:
        super().__init__(url, kwargs)
        self.books = _open[str(url.difference_update_query(["plugin"]))]

    def update_url(self, url: URL) -> URL:
        return url

    def engine_created(self, engine: Engine) -> None:
        engine.pool, engine.dialect = self.books.engine.pool, self.books.engine.dialect
        # Or each of nbgrader's engines would compile the same statements anew.
        engine.update_execution_options(compiled_cache=self.books.compiled)


_open: dict[str, Books] = {}
plugins.register(PLUGIN, __name__, "_Join")


@functools.cache
def newest_revision() -> str | None:
    """The version of the gradebook's tables that the installed nbgrader works with."""
    config = Config()
    config.set_main_option("script_location", str(Path(nbgrader.__file__).parent / "alembic"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()


def _remembering(has_table: Callable[..., bool]) -> Callable[..., bool]:
    """Asks for each table until it is there."""
    known: set[tuple[str, str | None]] = set()

    def remembered(connection: Any, name: str, schema: str | None = None, **more: Any) -> bool:
        if (name, schema) not in known and has_table(connection, name, schema, **more):
            known.add((name, schema))
        return (name, schema) in known

    return remembered


def _later(connection: Any) -> None:
    """In the place of a commit or rollback inside a transaction: the outermost decides."""


def _quietly(work: Any, connection: Any) -> None:
    """A rollback whose own failure, on a connection that is gone, is no news."""
    try:
        work(connection)
    except Exception:
        return
