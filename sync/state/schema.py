"""The shape of the database: made at once when new, migrated when older, refused when newer.

Alembic is slow to import, so the version is read with one query and alembic comes only when there is something to
migrate. Crash paragraph: making and migrating happen in one transaction, so a kill leaves the old shape or the new
one; a copy is made first.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.errors import StateError
from sync.state import sqlite
from sync.state.files import make_private
from sync.state.tables import Table

HEAD = "0002"
"""The revision this program writes."""

OLDER: frozenset[str] = frozenset({"0001"})
"""Revisions it can migrate from."""

MIGRATIONS = Path(__file__).with_name("migrations")
_VERSIONS = (
    "CREATE TABLE alembic_version"
    " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def version(connection: Connection) -> str | None:
    """The revision of the database; None for one without tables. Raises StateError for a foreign one."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    if not names:
        return None
    if "alembic_version" not in names:
        raise StateError(
            "this database belongs to another program", remedy="give the state a file of its own in [state] url"
        )
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def ensure(connection: Connection, path: Path) -> None:
    """Brings the database to this program's shape.

    Raises:
        StateError: a newer program wrote it, or it is not ours.
    """
    try:
        found = version(connection)
        if found is None:
            create(connection)
        elif found in OLDER:
            keep_copy(connection, path, found)
            migrate(connection)
        elif found != HEAD:
            remedy = "use the newer program, or restore a backup made before it ran"
            raise StateError(f"the state at {path} was written by a newer crm-sync (revision {found})", remedy=remedy)
    except DBAPIError as error:
        raise sqlite.translate(error, path) from error


def require(connection: Connection, path: Path) -> None:
    """For readers: refuses every shape but this program's own. Raises StateError."""
    try:
        found = version(connection)
    except DBAPIError as error:
        raise sqlite.translate(error, path) from error
    if found != HEAD:
        remedy = (
            "run crm-sync sync once: it migrates an older state" if found in OLDER else "use the crm-sync that wrote it"
        )
        raise StateError(f"the state at {path} has another shape (revision {found})", remedy=remedy)


def create(connection: Connection) -> None:
    """All tables at once; leaves the same as all migrations in a row."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        if version(connection) is None:
            Table.metadata.create_all(connection)
            connection.exec_driver_sql(_VERSIONS)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        _undo(connection)
        raise


def keep_copy(connection: Connection, path: Path, revision: str) -> Path:
    """A copy beside the state, named after the revision it holds."""
    target = path.with_name(f"{path.name}.before-{HEAD}-was-{revision}")
    target.unlink(missing_ok=True)
    make_private(target)
    sqlite.copy(connection, target)
    return target


def migrate(connection: Connection, location: Path = MIGRATIONS) -> None:
    """All migrations that are missing, in one transaction.

    Foreign keys are off meanwhile: alembic rebuilds tables by copy and drop, and a drop would take the children along.
    """
    from alembic import command  # noqa: PLC0415 - 282 ms, and almost never needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        command.upgrade(config, "head")
        _check_links(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        _undo(connection)
        raise
    finally:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _check_links(connection: Connection) -> None:
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise StateError("the migration would leave links without records", remedy="send a report; nothing was changed")


def _undo(connection: Connection) -> None:
    if sqlite.raw(connection).in_transaction:
        connection.exec_driver_sql("ROLLBACK")
