"""Routes: which events go where, and what is said there."""

import shutil
from pathlib import Path

import pytest

from sync.mapping import load

DATA = Path(__file__).parents[2] / "data"
KINDS = {name: name for name in ("abmatic", "salesforce", "conversion", "activecampaign")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("mappings")
    shutil.copy(DATA / "good_mapping_engagements.toml", found / "engagements.toml")
    return found


@pytest.fixture(scope="module")
def routes(folder):
    return load(folder, KINDS).routes


def event(**data):
    return {"id": "e1", "data": data}


def test_fields_of_a_route(routes):
    """A route knows where it begins and ends, and where it is written."""
    demo, visit, reveal = routes
    assert (demo.system, demo.stream, demo.to) == ("abmatic", "conversion.tracked", "conversion")
    assert (visit.to, visit.object, visit.line) == ("salesforce", "Task", 11)
    assert (reveal.automation, reveal.render(event())) == ("Welcome", {})


@pytest.mark.parametrize(("goal", "expected"), [("demo", True), ("newsletter", False), (None, False)])
def test_condition(routes, goal, expected):
    """An event for which `when` is not true goes nowhere; without `when` all go."""
    assert routes[0].matches(event(goal=goal)) is expected
    assert routes[0].matches({}) is False
    assert routes[1].matches({}) is True


def test_text(routes):
    """Texts are filled from the event, also inside tables; other values stay as they are."""
    assert routes[0].render(event(goal="demo", page="/pricing")) == {
        "name": "Demo booked",
        "description": "demo on /pricing",
        "data": {"source_event_id": "e1", "minutes": 45},
    }
    assert routes[1].render(event(page_views=[{"url": "/pricing"}]))["fields"]["Subject"] == "Visited /pricing"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"data": None},
        event(page_views=None),
        event(page_views=[]),
        event(page_views="x"),
        event(page_views=[{"url": None}]),
    ],
)
def test_missing_parts_are_empty(routes, odd):
    """What an event lacks is left out of the text; nothing is raised."""
    assert routes[1].render(odd)["fields"]["Subject"] == "Visited "


def test_unconfigured_end(folder):
    """A route of which one end is not configured is left out with a note."""
    found = load(folder, {"abmatic": "abmatic", "salesforce": "salesforce"})
    assert [route.to for route in found.routes] == ["salesforce"]
    assert len(found.notes) == 2


@pytest.mark.parametrize(
    "text", ["{{ event.__class__.__mro__ }}", "{{ event.data.__init__.__globals__ }}", "{{ event['__class__'] }}"]
)
def test_sandbox(text, tmp_path):
    """A template sees the event and nothing of the program."""
    (tmp_path / "engagements.toml").write_text(
        f'entity = "engagement"\n[[routes]]\non = "abmatic:visitors"\nto = "conversion"\nname = "{text}"\n'
    )
    (route,) = load(tmp_path, KINDS).routes
    assert route.render(event())["name"] == ""


@pytest.fixture
def written(tmp_path):
    def write(*routes):
        (tmp_path / "engagements.toml").write_text(
            'entity = "engagement"\n' + "\n".join(f"[[routes]]\n{r}" for r in routes)
        )
        return load(tmp_path, KINDS).routes

    return write


AC = 'on = "abmatic:contact.revealed"\nto = "activecampaign"\n'
TASK = 'on = "abmatic:visitors"\nto = "salesforce"\nobject = "Task"\n'


def test_note_and_tag(written):
    """To ActiveCampaign a note or a tag may go instead of an enrolment; both are texts of the route."""
    note, tag = written(AC + 'note = "Saw {{ event.data.page }}"', AC + 'tag = "Seen"')
    assert note.render(event(page="/pricing")) == {"note": "Saw /pricing"}
    assert tag.render(event()) == {"tag": "Seen"}
    assert note.automation is tag.automation is None


def test_fields_that_take_ids(written):
    """A route to Salesforce may say which fields take the ids, and which one makes the row repeatable."""
    (found,) = written(
        TASK + 'person = "Who__c"\naccount = "Account__c"\nexternal_id = "Key__c"\nfields = { Subject = "x" }'
    )
    assert (found.person, found.account, found.external_id) == ("Who__c", "Account__c", "Key__c")


def test_key_survives_new_texts(written):
    """A correction of texts leaves the route the same; another condition or target makes it another; twins differ."""
    (first,) = written(TASK + 'fields = { Subject = "x" }')
    (corrected,) = written(TASK + 'fields = { Subject = "y", Status = "Completed" }')
    (other,) = written(TASK + 'when = "event.data.x == 1"\nfields = { Subject = "x" }')
    one, two = written(TASK + 'fields = { Subject = "x" }', TASK + 'fields = { Subject = "y" }')
    assert first.key == corrected.key == one.key
    assert len({first.key, other.key, two.key}) == 3


def test_columns_that_a_route_reads(written):
    """A route knows the columns of the event that its condition and its texts read, however they are spelled."""
    texts = "fields = { Subject = \"{{ event.data.a.b }} {{ event['data']['c d'] }} {{ event.data['e'][0] }}\" }"
    (found,) = written(TASK + "when = 'event.data.f == 1'\n" + texts)
    assert found.reads == {"a", "c d", "e", "f"}
