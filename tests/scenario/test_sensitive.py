"""`sensitive = true`: the values of the field are compared and written like any other, and shown nowhere."""

import json

import httpx
import pytest

from sync import redaction
from sync.config import Listen
from sync.runner import api
from sync.runner.context import Silence
from sync.runner.desk import StillDesk
from sync.runner.finding import find
from sync.runner.preview import preview_undo
from sync.web import serve

CANARIES = ("Canary One", "Canary Two", "Canary Three", "Canary Four", "Canary Five")
ONE, TWO, THREE, FOUR, FIVE = CANARIES


def told(given):
    """As text, with letters as people see them."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)


def without_canaries(given):
    """What was told, after a look that no value is in it."""
    text = told(given)
    assert not [canary for canary in CANARIES if canary.lower() in text.lower()], text
    return text


@pytest.fixture
def past(scene):
    """A first contact that met two values, an edit that travelled, and a conflict."""
    scene.mapping("contacts.fields.title.sensitive", value=True)
    scene.linked("bob", title=FOUR)
    scene.person("ada", abmatic={"title": ONE}, salesforce={"title": TWO})
    scene.sync()
    scene.edit("ada", abmatic={"title": THREE})
    scene.run_of_edit = scene.sync()
    scene.mapping("contacts.fields.title.conflict", "manual")
    scene.edit("bob", abmatic={"title": ONE}, salesforce={"title": TWO})
    scene.sync()
    return scene


def test_every_answer_keeps_it(past):
    """Reports, history, explain, conflicts, quarantine, verify, plan, undo and search: none holds a value; blanks are seen as blanks."""
    scene, run = past, past.run_of_edit
    scene.expect("ada", title=THREE)
    [operation] = run.operations
    [change] = operation["changes"]
    assert change["before"].startswith("(hidden ") and change["after"].startswith("(hidden ")
    assert change["before"] != change["after"]
    [conflict] = scene.conflicts()
    assert len({value for value in conflict["values"].values() if value.startswith("(hidden ")}) == 2
    explained = scene.explain("ada")
    assert {cell["native"] for cell in explained["fields"]["title"]["systems"].values()} == {change["after"]}
    assert explained["fields"]["email"]["value"] == "ada@acme.example"
    scene.person("cyd", abmatic={})
    scene.edit("ada", abmatic={"title": None})
    plan = scene.plan()
    [cleared] = [row for row in plan.operations if row["key"] == "ada@acme.example"]
    assert (cleared["changes"][0]["before"], cleared["changes"][0]["after"]) == (change["after"], None)
    answers = [
        run.to_json(), plan.to_json(), scene.run(run.run), [scene.run(row["run"]) for row in api.runs(scene.both[0], limit=50)],
        scene.conflicts(), explained, scene.explain("bob"), scene.verify(), scene.quarantine(), scene.status(),
        scene.try_undo(run).to_json(), preview_undo(*scene.both, run.run), api.check(*scene.both, progress=Silence()), scene.consent("ada"),
    ]  # fmt: skip
    for answer in answers:
        without_canaries(answer)
    assert "(hidden " in told(scene.run(run.run)) and "(hidden " in told(preview_undo(*scene.both, run.run))


def test_every_page_and_command_keeps_it(past):
    """The dashboard, its API and the program's own output, its log included, hold no value."""
    run = past.run_of_edit.run
    record = past.explain("ada")["record"]
    config, mappings = past.both
    server = serve(StillDesk(config, mappings), Listen("127.0.0.1", 0))
    server.start()
    try:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            paths = [
                "/",
                "/runs",
                f"/runs/{run}",
                f"/runs/{run}/undo",
                "/conflicts",
                "/quarantine",
                "/mappings",
                "/records?q=acme",
                "/systems",
            ]
            paths += [
                f"/records/contact/{record}",
                f"/api/runs/{run}",
                f"/api/runs/{run}/undo",
                "/api/conflicts",
                f"/api/explain/contact/{record}",
                "/api/records?q=acme",
                "/api/plan?full=true",
            ]
            pages = {path: client.get(path) for path in paths}
    finally:
        server.stop()
        redaction.forget_hidden()
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(paths, 200)
    for page in pages.values():
        without_canaries(page.text)
    assert all("(hidden " in pages[path].text for path in (f"/runs/{run}", "/conflicts", f"/records/contact/{record}"))
    for words in (
        ["explain", "contact", "ada@acme.example"],
        ["runs", run],
        ["conflicts"],
        ["-vv", "plan", "--full"],
        ["verify", "--json"],
    ):
        process = past.command(*words)
        out, err = process.communicate(timeout=60)
        without_canaries(out + err)


def test_a_search_does_not_tell_what_it_holds(past):
    """A part of a sensitive value finds nobody; the record is found by what may be shown."""
    assert find(*past.both, "canary") == []
    assert [row["key"] for row in find(*past.both, "ada@acme")] == ["ada@acme.example"]


def test_a_plan_file_holds_none_and_is_carried_out_all_the_same(past, tmp_path):
    """What a person approves by its digests is what is written; a sensitive value that moved since is left alone and reported."""
    past.mapping("contacts.fields.title.conflict", "prefer")
    past.linked("cyd", "dan", title=FOUR)
    past.edit("cyd", abmatic={"title": FIVE})
    past.edit("dan", abmatic={"title": FIVE})
    plan = past.plan()
    without_canaries(plan.to_json(10_000))
    past.edit("dan", abmatic={"title": TWO})
    run = past.apply(plan)
    assert (run.exit_code, run.skipped) == (3, 1)
    past.expect("cyd", title=FIVE)
    past.expect("dan", salesforce={"title": FOUR})
    without_canaries(run.to_json())


def test_a_first_plan_is_carried_out_too(scene):
    """Before there is a state, plan and apply still mean the same value."""
    scene.mapping("contacts.fields.title.sensitive", value=True)
    scene.person("ada", abmatic={"title": ONE})
    plan = scene.plan()
    without_canaries(plan.to_json())
    assert scene.quiet(scene.apply(plan)).operations
    scene.expect("ada", title=ONE)


def test_a_sensitive_key_names_nobody(scene):
    """Where the address itself is sensitive a record is called by its name, or by our id, and is found by its address all the same."""
    scene.mapping("contacts.fields.email.sensitive", value=True)
    scene.linked("ada", title=ONE)
    scene.edit("ada", abmatic={"title": TWO})
    run = scene.quiet(scene.sync())
    assert "ada@acme" not in told(run.to_json()) and run.operations[0]["key"] == "Ada"
    assert "ada@acme" not in told(scene.explain("ada"))
    assert "ada@acme" not in told([scene.run(row["run"]) for row in api.runs(scene.both[0], limit=9)])


def test_ids_that_are_addresses_are_hidden_with_them(scene):
    """Conversion names rows by their address: where that is sensitive, neither ids nor candidates nor messages tell it."""
    quick = {"horizon": "1s", "verify_delays": ["0.1s"], "retries": 2, "requests_per_second": 1000}
    scene.settings("systems.conversion", {"base_url": scene.urls["conversion"], "api_key": "env:KEY", **quick})
    scene.mapping("contacts.systems.conversion", {"object": "contacts", "create": True})
    scene.mapping(
        "contacts.fields.email",
        scene.mappings["contacts"]["fields"]["email"] | {"sensitive": True, "conversion": "email"},
    )
    scene.mapping("contacts.fields.title.conversion", {"field": "variables.title", "mode": "write"})
    scene.mapping("contacts.fields.title.max_length", 5)
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "Chief of all"})
    run = scene.sync()
    plan = scene.plan(full=True)
    answers = [
        run.to_json(),
        plan.to_json(),
        scene.explain("ada"),
        scene.quarantine(),
        scene.verify(),
        find(*scene.both, "ada@acme.example"),
    ]
    answers += [scene.run(row["run"]) for row in api.runs(scene.both[0], limit=9)]
    assert scene.quarantine() and not [answer for answer in answers if "ada@acme" in told(answer)]
    assert scene.explain("ada")["ids"]["conversion"].startswith("(hidden ")
    assert scene.explain("ada")["ids"]["salesforce"] == scene.id("ada", "salesforce")
