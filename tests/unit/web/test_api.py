"""The JSON API: true to its document, to the commands, and to their errors."""

import inspect
import json
import re

import httpx
import pytest
from starlette.routing import Route

from sync import errors
from sync.errors import ConfigError, Problem, SyncError, UsageError
from sync.runner import api
from sync.runner.desk import StillDesk
from sync.web import build
from sync.web.commands import COMMANDS, arguments, perform
from sync.web.failures import answered, judged, told
from sync.web.openapi import document


def routes(stage):
    return [route for route in build(StillDesk(*stage.both)).routes if isinstance(route, Route)]


def test_the_document_names_every_route_and_no_other(stage):
    """Each route under /api stands in the OpenAPI document with its method, and each path of the document is served."""
    served = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in routes(stage)
        for method in route.methods - {"HEAD"}
        if route.path.startswith("/api")
    } - {("/api/{rest}", each) for each in ("get", "post", "put", "patch", "delete")}
    served.remove(("/api/commands/{name}", "post"))
    written = {(path, method) for path, item in document()["paths"].items() for method in item}
    assert written == served | {(f"/api/commands/{name}", "post") for name in COMMANDS}


def test_every_schema_that_is_named_is_there():
    """No reference of the document leads nowhere, and no schema is there for nothing."""
    text = json.dumps(document())
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named == set(document()["components"]["schemas"])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_what_its_function_takes(name):
    """The arguments of a call are those of the function of sync.runner.api behind it, with the same ones left out."""
    parameters = dict(inspect.signature(getattr(api, name)).parameters)
    for own in ("config", "mappings", "progress"):
        parameters.pop(own, None)
    assert set(COMMANDS[name].arguments) == set(parameters)


def test_reading_answers_what_the_functions_say(web, stage):
    """The API's rows are those of the commands' --json."""
    config, mappings = stage.both
    assert web.get("/api/conflicts").json() == api.conflicts(config, mappings)
    assert web.get("/api/quarantine").json() == api.quarantine(config, mappings)
    assert web.get("/api/runs").json() == api.runs(config, limit=50)
    run = stage.edited.run
    assert web.get(f"/api/runs/{run}").json() == json.loads(json.dumps(api.run(config, run)))
    explained = web.get(f"/api/explain/contact/{stage.hero}").json()
    assert explained == json.loads(json.dumps(api.explain(config, mappings, "contact", stage.hero), default=str))
    status = web.get("/api/status").json()
    assert status["service"]["started_at"]
    assert {key: status[key] for key in ("well", "conflicts", "quarantined")} == {
        "well": False,
        "conflicts": 3,
        "quarantined": 2,
    }


def test_a_plan_is_made_without_writing(web):
    """A plan by the API has operations or none, and its digest; nothing is written."""
    before = web.get("/api/runs").json()
    plan = web.get("/api/plan", params={"entities": "contact"}).json()
    assert plan["digest"]
    assert web.get("/api/runs").json() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/01J",
        "/api/runs/01J/undo",
        "/api/explain/contact/nobody",
        "/api/explain/thing/x",
        "/api/explain/x%C3%AE/m%0A6%C3%A0",
        "/api/nothing",
        "/api/commands/backup",
    ],
)
def test_what_is_not_there_is_404(web, path):
    """A name that names nothing is 404, in the API's own words, with a remedy."""
    answer = web.get(path) if "commands" not in path else web.post(path, json={})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["exit"] == 2
    assert error["message"]
    assert error["remedy"]


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("sync", [], "one JSON object"),
        ("sync", {"entity": "contact"}, "no such argument"),
        ("sync", {"full": 1}, "`full` cannot be used"),
        ("sync", {"entities": "contact"}, "`entities` cannot be used"),
        ("sync", {"entities": ["thing"]}, "no such entity"),
        ("undo", {}, "`run` is missing"),
        ("undo", {"run": None}, "`run` cannot be used"),
        ("undo", {"run": "x\0"}, "`run` cannot be used"),
        ("undo", {"run": "\ud800"}, "`run` cannot be used"),
        ("backfill", {"since": "yesterday"}, "`since` cannot be used"),
        ("backfill", {"since": "2026-01-01T00:00:00"}, "`since` cannot be used"),
        ("backfill", {"source": "nowhere"}, "no such system"),
        ("resolve", {"conflict": "x", "system": "nowhere"}, "no such system"),
        ("resolve_all", {"choices": {}}, "`choices` cannot be used"),
        ("apply_plan", {"plan": {}}, "not a plan"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(web, name, given, says):
    """A mistake in the arguments is 422 and says which one, with a remedy; nothing runs."""
    answer = web.post(f"/api/commands/{name}", content=json.dumps(given), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]
    assert answer.json()["error"]["remedy"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b"nonsense"])
def test_what_is_no_json_is_400(web, body):
    """A body that is no JSON is 400."""
    assert web.post("/api/commands/sync", content=body, headers={"Content-Type": "application/json"}).status_code == 400


class Queue(StillDesk):
    """Counts what goes through the service's own thread."""

    performed = 0

    def perform(self, job):
        self.performed += 1
        return super().perform(job)


def test_what_writes_goes_through_the_service(stage):
    """A writing command is performed by the service, a reading one is not."""
    desk = Queue(*stage.both)
    perform(desk, "plan", {})
    perform(desk, "check", {})
    assert desk.performed == 0
    with pytest.raises(UsageError):
        perform(desk, "drop", {"quarantined": "nothing"})
    assert desk.performed == 1
    assert [name for name, command in COMMANDS.items() if not command.writes] == ["plan", "verify", "check"]


def test_events_are_asked_for_by_the_name_of_their_stream(web):
    """`sync engagement` goes through the service as it does on the command line."""
    answer = web.post("/api/commands/sync", json={"entities": ["engagement"]})
    assert answer.status_code == 200


def test_null_is_what_may_be_left_out():
    """An argument that may be left out may be null; its default is filled in."""
    taken = arguments(COMMANDS["backfill"], {"source": None, "since": "2026-01-01T00:00:00Z"})
    assert taken["since"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert (taken["source"], taken["entities"], taken["init"]) == (None, (), False)


def test_commands_are_carried_out(fresh):
    """A sync, a resolve, a retry, a drop and an undo by the API do what the commands do, and answer with the run."""
    with fresh.served() as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as web:
        first, *_ = web.get("/api/conflicts").json()
        run = web.post("/api/commands/resolve", json={"conflict": first["id"], "system": "salesforce"}).json()
        assert [op["system"] for op in run["operations"]] == ["abmatic"]
        assert len(web.get("/api/conflicts").json()) == 2
        gone = web.post("/api/commands/resolve", json={"conflict": first["id"], "system": "salesforce"})
        assert gone.status_code == 422
        rest = {row["id"]: "abmatic" for row in web.get("/api/conflicts").json()}
        assert len(web.post("/api/commands/resolve_all", json={"choices": rest}).json()["operations"]) == 2
        assert web.get("/api/conflicts").json() == []
        quarantined = web.get("/api/quarantine").json()
        assert (
            web.post("/api/commands/drop", json={"quarantined": quarantined[0]["id"]}).json()["id"]
            == quarantined[0]["id"]
        )
        assert web.post("/api/commands/retry", json={}).json()["status"] in ("ok", "attention")
        undone = web.post("/api/commands/undo", json={"run": run["run"]}).json()
        assert undone["undone"] == run["run"]
        assert web.post("/api/commands/sync", json={"full": True}).json()["full"]


def test_many_choices_are_all_or_none(fresh):
    """One conflict that is not open among many: nothing is resolved, and the answer says which."""
    config, mappings = fresh.both
    rows = api.conflicts(config, mappings)
    from sync.runner.context import Silence

    with pytest.raises(UsageError, match="no open conflict nothing"):
        api.resolve_all(config, mappings, {rows[0]["id"]: "abmatic", "nothing": "abmatic"}, progress=Silence())
    with pytest.raises(UsageError, match="no value from conversion"):
        api.resolve_all(config, mappings, {rows[0]["id"]: "conversion"}, progress=Silence())
    assert api.conflicts(config, mappings) == rows
    kept = api.quarantine(config, mappings)
    with pytest.raises(UsageError, match="no quarantined record nothing"):
        api.drop_all(config, mappings, [kept[0]["id"], "nothing"])
    assert api.quarantine(config, mappings) == kept
    assert api.drop_all(config, mappings, [row["id"] for row in kept]) == kept
    assert api.quarantine(config, mappings) == []


# errors --------------------------------------------------------------------------------------------------------------


def every_error():
    found = [
        each
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, SyncError) and each is not SyncError
    ]
    assert len(found) > 12
    return found


def made(kind):
    if kind is ConfigError:
        return kind([Problem("config.toml", 3, "wrong", "right it")])
    if kind is errors.QuarantineError:
        return kind("CODE", "ada@acme.example is wrong", remedy="do that")
    return kind("ada@acme.example is wrong", remedy="do that")


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_and_the_exit_code_of_the_command(kind):
    """Every error of ours is told with its kind, a 4xx status (503 where the service ends), the exit code of the terminal, and no address."""
    from sync.cli.exits import code_for

    error = made(kind)
    assert judged(error)[0] != "bug"
    assert 400 <= answered(error).status_code < 500 or kind is errors.StoppedError
    assert told(error)["exit"] == code_for(error)
    assert "ada@acme.example" not in json.dumps(told(error))


def test_a_bug_says_nothing_of_itself(stage, monkeypatch):
    """A mistake of ours is 500 for API and page alike, and neither answer nor log holds its message."""
    from structlog.testing import capture_logs

    from sync.web import api as web_api
    from sync.web.pages import overview

    def broken(*_, **__):
        raise RuntimeError("ada@acme.example secret-value")

    monkeypatch.setitem(web_api.READING, "/api/status", broken)
    monkeypatch.setattr(overview.api, "status", broken)
    with capture_logs() as logs, stage.served() as url, httpx.Client(base_url=url, trust_env=False) as web:
        answers = [web.get("/api/status"), web.get("/"), web.get("/metrics")]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert answers[0].json()["error"]["exit"] == 1
    told_all = json.dumps(logs) + "".join(answer.text for answer in answers)
    assert "secret-value" not in told_all
    assert "acme.example" not in json.dumps(logs)
    assert [entry["event"] for entry in logs] == ["bug"] * 3


def test_no_answer_is_an_address_in_a_log(stage, capfd):
    """What somebody looks for does not end up in any log: requests are not logged at all."""
    with stage.served() as url, httpx.Client(base_url=url, trust_env=False) as web:
        web.get("/api/records", params={"q": "ada@secret.example"})
        web.get("/records/contact/ada@secret.example")
    assert "secret.example" not in "".join(capfd.readouterr())
