"""What a mapping file may not say, and how it is told."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from sync.errors import ConfigError
from sync.mapping import load
from sync.mapping.vendors import UNPROVEN_OPT_IN, WITHOUT_ARCHIVE

DATA = Path(__file__).parents[2] / "data"
SHIPPED = Path(__file__).parents[3] / "mappings"
KINDS = {name: name for name in ("abmatic", "salesforce", "conversion", "activecampaign", "letrics")}
BAD = sorted(DATA.glob("bad_mapping_*.toml"))
FIELD_NAME = "good_mapping_accounts.toml"


def problems(folder, systems=KINDS):
    with pytest.raises(ConfigError) as caught:
        load(folder, systems, readable_as="mappings")
    return caught.value.problems


@pytest.mark.parametrize("file", BAD, ids=[file.stem.removeprefix("bad_mapping_") for file in BAD])
def test_one_mistake_is_one_problem(file, tmp_path):
    """Each mistake is told once, in its line, with its words, and with nothing else."""
    shutil.copy(file, tmp_path)
    shutil.copy(DATA / FIELD_NAME, tmp_path)
    expected = re.match(r"# expect: (\d+|-): (.+)", file.read_text(errors="replace"))
    assert expected, "the first line tells what to expect"
    found = problems(tmp_path)
    assert len(found) == 1, "\n".join(map(str, found))
    assert found[0].file == f"mappings/{file.name}"
    assert str(found[0].line or "-") == expected[1], found[0]
    text = f"{found[0].message} {found[0].remedy}".lower()
    assert not [word for word in expected[2].lower().split("; ") if word not in text], text


def test_there_are_many():
    """The list of mistakes is as long as the language has ways to go wrong."""
    assert len(BAD) >= 40


def test_all_files_at_once(tmp_path):
    """Mistakes of several files, a syntax error among them, come together and sorted."""
    for name in ("bad_mapping_syntax", "bad_mapping_route_when", "bad_mapping_unknown_type"):
        shutil.copy(DATA / f"{name}.toml", tmp_path)
    found = problems(tmp_path)
    assert [Path(problem.file).stem for problem in found] == [
        "bad_mapping_route_when",
        "bad_mapping_syntax",
        "bad_mapping_unknown_type",
    ]


def test_two_files_of_one_entity(tmp_path):
    """A second file for an entity is told in both."""
    shutil.copy(DATA / FIELD_NAME, tmp_path / "a.toml")
    shutil.copy(DATA / FIELD_NAME, tmp_path / "b.toml")
    assert [(problem.file, problem.line) for problem in problems(tmp_path)] == [
        ("mappings/a.toml", 2),
        ("mappings/b.toml", 2),
    ]


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_nothing_to_read(make, tmp_path):
    """A folder that is not there, or holds no mapping, is a mistake too."""
    make(tmp_path / "mappings")
    (found,) = problems(tmp_path / "mappings")
    assert found.file == "mappings" and found.remedy


@pytest.mark.parametrize("dropped", [(), ("conversion",), ("abmatic", "letrics"), ("salesforce",), tuple(KINDS)[1:]])
def test_absent_systems_fall_away(dropped):
    """A mapping may mention known systems that are not configured: their columns go, a note says so."""
    systems = {name: kind for name, kind in KINDS.items() if name not in dropped}
    found = load(SHIPPED, systems)
    assert set(found.entities["contact"].systems) == set(systems)
    assert {cell.system for field in found.entities["contact"].fields.values() for cell in field.cells.values()} <= set(
        systems
    )
    columns = [note for note in found.notes if "column" in note.message]
    assert len(columns) == sum(name in entity["systems"] for entity in _shipped() for name in dropped)
    assert all(any(name in note.message for name in dropped) for note in found.notes)


def test_systems_by_other_names(tmp_path):
    """A system is mapped by its configured name, whatever its kind."""
    text = (DATA / FIELD_NAME).read_text().replace("salesforce", "sf_emea")
    (tmp_path / "accounts.toml").write_text(text)
    found = load(tmp_path, {"abmatic": "abmatic", "sf_emea": "salesforce"})
    assert found.entities["account"].systems["sf_emea"].kind == "salesforce"
    assert "sf_emea" in str(problems(tmp_path, {"abmatic": "abmatic"})[0])


def test_shipped_mappings_are_clean():
    """The mappings we ship load without a note, parents first."""
    found = load(SHIPPED, KINDS)
    assert found.notes == ()
    assert list(found.entities).index("account") < list(found.entities).index("contact")
    assert set(found.entities) == {entity["entity"] for entity in _shipped()}


def _shipped():
    """The shipped record mappings, as they are written."""
    tables = [tomllib.loads(file.read_text()) for file in SHIPPED.glob("*.toml")]
    return [table for table in tables if "systems" in table]


def test_shipped_routes_send_no_mail():
    """No route that we ship makes a system act on a person: those that may send mail are comments."""
    assert {route.to for route in load(SHIPPED, KINDS).routes} == {"conversion", "salesforce"}


def test_forgotten_blank_is_noted(tmp_path):
    """An expression that forgets that a field may be blank is accepted with a note."""
    text = (
        (DATA / FIELD_NAME)
        .read_text()
        .replace("create = true\n\n[fields", 'create = true\nwhen = "engagement_score >= 50"\n\n[fields')
    )
    (tmp_path / "accounts.toml").write_text(text)
    found = load(tmp_path, KINDS)
    assert "??" in found.notes[0].message and found.notes[0].line == 15
    when = found.entities["account"].systems["salesforce"].when
    assert when.evaluate({"engagement_score": 60}) is True
    assert when.evaluate({"engagement_score": None}) is None


@pytest.mark.parametrize("system", KINDS)
def test_no_system_may_lift_an_opt_out(system, tmp_path):
    """`resubscribe_from` is refused for each system with a reason of its own, under whatever name it is configured; the remedy works."""
    shutil.copy(DATA / FIELD_NAME, tmp_path)
    text = (DATA / "good_mapping_every_lens.toml").read_text()
    named = text.replace("resubscribe_from = []", f'resubscribe_from = ["{system}"]')
    (tmp_path / "contacts.toml").write_text(named)
    (found,) = problems(tmp_path)
    assert UNPROVEN_OPT_IN[system] in found.message and "crm-sync consent grant" in found.remedy
    assert found.line == text[: text.index("resubscribe_from")].count("\n") + 1


@pytest.mark.parametrize("system", [name for name in KINDS if name != "letrics"])
def test_no_system_can_archive(system, tmp_path):
    """`deleted = "archive"` is refused for each system with a reason of its own, instead of doing what `ignore` does."""
    given = "Contact" if system == "salesforce" else "contacts"
    text = f'entity = "contact"\n[systems.{system}]\nobject = "{given}"\ndeleted = "archive"\n[fields.email]\n{system} = "email"\n'
    (tmp_path / "contacts.toml").write_text(text)
    (found,) = problems(tmp_path)
    assert WITHOUT_ARCHIVE[system] in found.message and found.line == 4
    assert ('"delete"' in found.remedy) == (system != "abmatic")
