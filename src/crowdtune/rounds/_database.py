"""The table a ledger is kept in: a SQLite file, or Postgres by URL. What is in it is only ever added to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from crowdtune.errors import InputError

PATIENCE = 60.0  # seconds to wait for another process that writes
SQLITE, POSTGRES = "sqlite", "postgresql"
LOCK = 0x63746C64  # of Postgres, while a ledger is made
LEDGER = Table(
    "ledger",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("recorded", Text, nullable=False),
    UniqueConstraint("kind", "key"),
)
REFUSAL = "a ledger is only added to"
_SQLITE_GUARDS = (
    f"CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    f"CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    # INSERT OR REPLACE removes rows without telling the trigger of deletions
    "CREATE TRIGGER IF NOT EXISTS ledger_in_order BEFORE INSERT ON ledger "
    "WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM ledger) "
    "OR EXISTS (SELECT 1 FROM ledger WHERE kind = NEW.kind AND key = NEW.key) "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
)
_POSTGRES_GUARDS = (
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql "
    f"AS $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    "CREATE OR REPLACE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
)


def connect(where: str | Path, *, make: bool) -> Engine:
    """The database of a ledger.

    Args:
        where: path of a SQLite file, or an SQLAlchemy URL of SQLite or Postgres.
        make: whether one that is not there yet is made.
    """
    url = _url(where)
    file = Path(url.database or "") if url.get_backend_name() == SQLITE else None
    if file is not None:
        _check_file(file, make)
    engine = _engine(url)
    if file is None and make:
        _prepare_postgres(engine)
    elif file is not None and make:
        _prepare_sqlite(engine, file)
    with safely(engine):
        there = inspect(engine).has_table(LEDGER.name)
    if not there:
        raise InputError(f"{shown(engine)} holds no ledger. Name the one that rounds or pay wrote.")
    return engine


def shown(engine: Engine) -> str:
    """Where a ledger is, as users may see it: a path, or a URL without its password."""
    url = engine.url
    return str(url.database) if url.get_backend_name() == SQLITE else url.render_as_string(hide_password=True)


@contextmanager
def safely(engine: Engine) -> Iterator[None]:
    """Say in one sentence which ledger cannot be used, and why."""
    try:
        yield
    except (SQLAlchemyError, UnicodeError) as e:  # the driver cannot always read what a broken file says
        why = " ".join(str(getattr(e, "orig", None) or e).split())
        raise InputError(
            f"ledger {shown(engine)} cannot be used: {why}. Check that you may read and write there, or name another."
        ) from e


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction nobody else writes beside."""
    with safely(engine), engine.begin() as held:
        if engine.dialect.name == POSTGRES:
            held.execute(text("LOCK TABLE ledger IN EXCLUSIVE MODE"))
        yield held


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that locks nobody out; one statement sees one moment."""
    with safely(engine), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as held:
        yield held


def _url(where: str | Path) -> URL:
    if isinstance(where, Path) or "://" not in where:
        return URL.create(SQLITE, database=str(where))
    try:
        url = make_url(where.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError) as e:
        raise InputError("the ledger's URL cannot be read. Write postgresql://NAME:PASSWORD@HOST/DATABASE.") from e
    if url.get_backend_name() not in (SQLITE, POSTGRES) or not url.database:
        raise InputError(
            f"ledger {url.render_as_string(hide_password=True)} must be a file or a database of Postgres: a path, or "
            "postgresql://NAME:PASSWORD@HOST/DATABASE."
        )
    return url.set(drivername="postgresql+psycopg") if url.drivername == POSTGRES else url


def _engine(url: URL) -> Engine:
    """An engine that keeps no connection: between two calls a SQLite file is whole in itself and may be copied."""
    try:
        if url.get_backend_name() == POSTGRES:
            return create_engine(url, poolclass=NullPool)
        engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE})
    except (ImportError, NoSuchModuleError) as e:
        raise InputError(
            f"no driver for {url.render_as_string(hide_password=True)} is installed. Run: pip install 'psycopg[binary]'"
        ) from e
    event.listen(engine, "connect", _by_hand)
    event.listen(engine, "begin", _one_writer)
    return engine


def _by_hand(connection: Any, record: Any) -> None:
    """Python's sqlite3 shall begin nothing by itself."""
    connection.isolation_level = None


def _one_writer(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_file(path: Path, make: bool) -> None:
    """Refuse what SQLite's own words would not explain."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a ledger. Name a file.")
    if not path.exists() and not make:
        raise InputError(f"{path} does not exist. Name the ledger that rounds or pay wrote.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(
            f"ledger {path} cannot be opened ({e.strerror}). Name a file in a folder you can write."
        ) from e


def _prepare_sqlite(engine: Engine, path: Path) -> None:
    with safely(engine):
        names = inspect(engine).get_table_names()
        if names and LEDGER.name not in names:
            raise InputError(f"{path} is a database of another program, not a ledger. Name another file.")
        _write_ahead(engine)
        with engine.begin() as held:
            LEDGER.create(held, checkfirst=True)
            for guard in _SQLITE_GUARDS:
                held.exec_driver_sql(guard)


def _write_ahead(engine: Engine) -> None:
    """Let others read while one writes; SQLite waits by itself for everything but this."""
    end = time.monotonic() + PATIENCE
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as held:
        while True:
            try:
                held.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except OperationalError as e:
                if "locked" not in str(e) or time.monotonic() > end:
                    raise
                time.sleep(0.02)


def _prepare_postgres(engine: Engine) -> None:
    with safely(engine):
        if inspect(engine).has_table(LEDGER.name):
            return
        with engine.begin() as held:
            held.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            LEDGER.create(held, checkfirst=True)
            for guard in _POSTGRES_GUARDS:
                held.exec_driver_sql(guard)
