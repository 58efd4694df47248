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
