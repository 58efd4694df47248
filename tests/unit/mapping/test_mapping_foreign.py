"""Lenses that other distributions bring."""

import pytest

from sync.errors import ConfigError
from sync.mapping import NO_REFS, build, load, parse
from sync.mapping.lens import Codec, lift
from sync.model.values import HELD

FILE = """
entity = "account"
[match]
keys = ["name"]
[systems.abmatic]
object = "accounts"
[fields.name]
abmatic = { field = "name", lens = "reversed", params = { at = 2 } }
"""


def reversed_lens(options):
    assert options.params == {"at": 2}
    return lift(Codec(lambda native: native[::-1], lambda value: value[::-1], lambda native: native))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    known = {"reversed": reversed_lens}
    monkeypatch.setattr(build, "foreign_lenses", lambda: known)
    monkeypatch.setattr(parse, "foreign_lenses", lambda: known)
    monkeypatch.setattr("sync.mapping.lint_cells.foreign_lenses", lambda: known)
    (tmp_path / "accounts.toml").write_text(FILE)
    return tmp_path


def test_a_foreign_lens(folder):
    """A lens from an entry point is used by its name, with its own parameters; a value that it cannot take is held."""
    cell = load(folder, {"abmatic": "abmatic"}).entities["account"].fields["name"].cells["abmatic"]
    assert (cell.get("emcA", NO_REFS), cell.put("Acme", None, NO_REFS)) == ("Acme", "emcA")
    assert (cell.get(5, NO_REFS), cell.put(5, "x", NO_REFS)) == (HELD, HELD)


def test_its_name_must_be_right(folder):
    """A foreign lens that is not installed is a mistake with a suggestion."""
    (folder / "accounts.toml").write_text(FILE.replace("reversed", "revers"))
    with pytest.raises(ConfigError, match="reversed"):
        load(folder, {"abmatic": "abmatic"})
