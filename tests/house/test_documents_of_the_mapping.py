"""What docs/mapping.md says of the mapping language is so, and every page that is named is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from sync.mapping import load
from sync.mapping.build import LENS_NAMES, TYPE_NAMES
from sync.mapping.parse import BLANKS, CELL_MODES, CONFLICTS, DELETIONS, FORMATS
from sync.mapping.reader import Reader
from sync.mapping.templates import FILTERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mapping.md").read_text()
DATA = ROOT / "tests" / "data"
KINDS = {name: name for name in ("abmatic", "salesforce", "conversion", "activecampaign", "letrics")}
BLOCKS = re.findall(r"^```([^\n]*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
WHOLES = [text for kind, text in BLOCKS if kind == "toml"]
FRAGMENTS = [text for kind, text in BLOCKS if kind == "toml fragment"]
TITLE = '[fields.title]\nabmatic = "title"\nsalesforce = "Title"\n'


def named_in_code():
    """Every word between backticks outside the examples."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE))
    return {word for span in spans for word in (span, *re.findall(r"\w+", span))}


def keys_asked_for(monkeypatch, folder):
    """Every key that the loader asks any table of a mapping file for."""
    found = set()
    rest = Reader.rest

    def listening(reader, *also):
        found.update(reader.asked)
        return rest(reader, *also)

    monkeypatch.setattr(Reader, "rest", listening)
    for name in ("accounts", "engagements", "every_lens"):
        shutil.copy(DATA / f"good_mapping_{name}.toml", folder)
    load(folder, KINDS)
    return found


def whole_of(fragment):
    """A mapping file around some fields."""
    systems = "".join(
        f'[systems.{name}]\nobject = "{"Contact" if name == "salesforce" else "contacts"}"\n' for name in KINDS
    )
    return f'entity = "contact"\n{systems}{TITLE}{fragment}'


def linted(text, folder):
    """The problems' absence: the loader raises for any."""
    (folder / "example.toml").write_text(text)
    if 'entity = "account"' not in text.splitlines()[0]:
        shutil.copy(DATA / "good_mapping_accounts.toml", folder)
    return load(folder, KINDS)


@pytest.mark.parametrize(
    "words",
    [TYPE_NAMES, LENS_NAMES, CONFLICTS, BLANKS, CELL_MODES, DELETIONS, FORMATS, FILTERS],
    ids=["types", "lenses", "conflicts", "blanks", "modes", "deletions", "formats", "filters"],
)
def test_every_word_of_the_language_is_explained(words):
    """Each type, lens, policy, mode and format that the loader knows stands in docs/mapping.md."""
    assert not set(words) - named_in_code()


def test_every_key_of_the_language_is_explained(monkeypatch, tmp_path):
    """Each key that the loader asks for, in any table, stands in docs/mapping.md."""
    asked = keys_asked_for(monkeypatch, tmp_path)
    assert {"entity", "keys", "create", "blank", "bands", "automation"} <= asked
    assert not asked - named_in_code() - set(re.findall(r"^\[?(\w+)", "\n".join(WHOLES), re.MULTILINE))


@pytest.mark.parametrize("text", WHOLES)
def test_examples_are_mapping_files(text, tmp_path):
    """Each whole example of docs/mapping.md is taken by the loader, without a note."""
    assert not [note for note in linted(text, tmp_path).notes if note.file.endswith("example.toml")]


@pytest.mark.parametrize("text", FRAGMENTS)
def test_fragments_are_parts_of_mapping_files(text, tmp_path):
    """Each fragment of docs/mapping.md is taken by the loader as a part of a file, without a note."""
    assert not [note for note in linted(whole_of(text), tmp_path).notes if note.file.endswith("example.toml")]


def test_the_page_has_examples():
    """Both kinds of example are found, so that the tests above look at something."""
    assert WHOLES
    assert FRAGMENTS


def naming_files():
    """The files that may name a page."""
    folders = [path for name in ("sync", "tests", "docs") for path in (ROOT / name).rglob("*")]
    kinds = (".py", ".md", ".toml", ".html", ".js", ".yml", ".service")
    return [ROOT / "README.md", ROOT / "config.example.toml", *(path for path in folders if path.suffix in kinds)]


def test_every_page_that_is_named_is_there():
    """Whatever page under docs the code, the tests or the documents name is a file."""
    named = {
        (name, str(path.relative_to(ROOT)))
        for path in naming_files()
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(errors="replace"))
    }
    assert named
    assert not [found for found in sorted(named) if not (ROOT / found[0]).is_file()]
