from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import textwrap

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from sync.errors import StateError
from sync.state import Store, schema, sqlite

SECOND = """
import os
from alembic import op
revision, down_revision = "0003", "0002"
def upgrade():
    op.execute("CREATE TABLE later (x)")
    op.execute("UPDATE meta SET value = 'changed' WHERE key = 'a'")
    if os.environ.get("DIE"):
        os.kill(os.getpid(), 9)
"""


def shape(path):
    raw = sqlite3.connect(path)
    found = dict(raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    raw.close()
    # SQLite quotes the name of a table that was renamed, as a migration does that rebuilds it
    return {name: re.sub(r'[\s"]+', "", sql) for name, sql in found.items()}


def connect(path):
    path.touch()
    return sqlite.connect(path)


def close(connection):
    connection.close()
    connection.engine.dispose()


def test_fresh_equals_migrated(tmp_path):
    """A state made at once has the very shape that all migrations in a row leave."""
    for name, make in (("fresh", schema.create), ("migrated", schema.migrate)):
        connection = connect(tmp_path / name)
        make(connection)
        assert schema.version(connection) == schema.HEAD
        close(connection)
    assert shape(tmp_path / "fresh") == shape(tmp_path / "migrated")


def test_known_revisions():
    """The program knows exactly the revisions that it ships."""
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    shipped = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    assert shipped == {schema.HEAD} | schema.OLDER


def test_alembic_stays_away(tmp_path):
    """Opening a state of the present shape does not import alembic."""
    code = """
    import sys
    from sync.model.clock import SystemClock
    from sync.state import Store
    for _ in range(2):
        Store.open(sys.argv[1], clock=SystemClock()).close()
    sys.exit(any(name.startswith("alembic") for name in sys.modules))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), f"sqlite:///{tmp_path}/x.db"]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.fixture
def second(tmp_path):
    """The shipped migrations and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, folder)
    (folder / "versions" / "0003_later.py").write_text(SECOND)
    return folder


@pytest.mark.law("row 71")
def test_killed_migration(tmp_path, url, path, clock, second):
    """kill -9 inside a migration leaves the old shape, whole; the next start migrates."""
    with Store.open(url, clock=clock) as store:
        store.set_meta("a", "before")
    code = """
    import pathlib, sys
    from sync.state import schema, sqlite
    schema.migrate(sqlite.connect(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(path), str(second)]
    assert subprocess.run(command, env={"DIE": "1"}, timeout=60, check=False).returncode == -9
    assert "later" not in shape(path)
    with Store.open(url, clock=clock) as store:
        assert store.get_meta("a") == "before"
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert "later" in shape(path)


def test_older_state(url, path, clock, second, monkeypatch):
    """An older state is copied aside, then migrated; readers wait for a writer to do it."""
    with Store.open(url, clock=clock) as store:
        store.set_meta("a", "before")
    monkeypatch.setattr(schema, "HEAD", "0003")
    monkeypatch.setattr(schema, "OLDER", frozenset({"0002"}))
    monkeypatch.setattr(schema.migrate, "__defaults__", (second,))
    with pytest.raises(StateError) as caught:
        Store.open(url, clock=clock, read_only=True)
    assert "migrates" in caught.value.remedy
    with Store.open(url, clock=clock) as store:
        assert store.get_meta("a") == "changed"
    kept = path.with_name("crm-sync.db.before-0003-was-0002")
    assert "later" not in shape(kept)
    assert kept.stat().st_mode & 0o077 == 0
