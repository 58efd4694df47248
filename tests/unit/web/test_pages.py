"""What pages do and say, asked as a browser without scripts would."""

import re
import shutil

import httpx
import pytest
from stage import Stage, form_token

from sync.runner import api
from sync.runner.context import Silence
from sync.runner.desk import StillDesk
from sync.web.pages.overview import reasons


def text_of(page):
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_the_front_page_says_what_to_do(web):
    """Not well: how many things, each with its page; and every system with its state."""
    page = web.get("/")
    assert "2 things need you." in page.text
    assert 'href="/conflicts">Choose' in page.text
    assert 'href="/quarantine">Look at them' in page.text
    assert "abmatic" in page.text
    assert page.text.count("reachable") >= 2


class Shouting(StillDesk):
    """A service with something to say."""

    def facts(self):
        alert = {
            "what": "salesforce refuses the credentials",
            "since": "2026-01-01T00:00:00Z",
            "remedy": "run `crm-sync check`",
        }
        more = {
            "alerts": [alert],
            "reload_error": "mappings/contacts.toml:3: unknown key",
            "next_poll_at": "2026-01-01T00:00:00Z",
        }
        return {**super().facts(), **more, "lanes": {"abmatic": {"state": "waits <b>", "errors": 3}}}


def test_what_the_service_shouts_is_on_the_front_page(stage):
    """Alerts of the service and files that it did not take are shown with their remedies, and count as things to do."""
    with stage.served(Shouting(*stage.both)) as url, httpx.Client(base_url=url, trust_env=False) as web:
        page = text_of(web.get("/"))
        assert "4 things need you." in page
        assert "salesforce refuses the credentials" in page
        assert "contacts.toml:3: unknown key" in page
        assert "contacts.toml:3: unknown key" in text_of(web.get("/mappings"))
        assert "waits &lt;b&gt;" in web.get("/systems").text
        metrics = web.get("/metrics").text
        assert "crm_sync_alerts 1.0" in metrics
        assert "crm_sync_reload_failed 1.0" in metrics


def test_one_trouble_is_counted_once():
    """What the state and the service both know stands on the front page once, with the time since when, as `status` counts it."""
    since = "2026-01-01T00:00:00Z"
    refused = {
        "key": "reload",
        "what": "Files were not taken: a.toml:3: x",
        "remedy": "`crm-sync check --offline`",
        "since": since,
    }
    failing = {"key": "system:abmatic", "what": "abmatic fails: no answer.", "remedy": "wait", "since": since}
    why = [
        {"what": "abmatic is not served: no answer", "remedy": "wait"},
        {"what": refused["what"], "remedy": refused["remedy"]},
    ]
    found = reasons(why, {"alerts": [refused, failing], "reload_error": "a.toml:3: x"})
    assert [(each["what"], each.get("since"), each["path"]) for each in found] == [
        ("abmatic is not served: no answer", None, None),
        (refused["what"], since, "/mappings"),
    ]


@pytest.mark.parametrize("path", ["/", "/runs", "/conflicts", "/quarantine", "/records", "/systems"])
def test_a_fresh_workspace_is_told_how_to_begin(stage, tmp_path, path):
    """Without a state every page says what to do first, and none is a bug; the service is alive and not ready."""
    empty = Stage(stage.urls, tmp_path)
    with empty.served() as url, httpx.Client(base_url=url, trust_env=False) as web:
        page = web.get(path)
        assert page.status_code in (200, 409)
        assert page.status_code == 200 or "backfill" in page.text
        assert web.get("/healthz").status_code == 200
        ready = web.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "why": ["the state does not open"]})
        assert "crm_sync_state_open 0.0" in web.get("/metrics").text
        assert web.get("/api/status").status_code == 409


def test_a_record_is_found_by_what_one_knows(web, stage):
    """By its address in any case, by part of it, by a name, by our id, by a remote id; the address is in no URL."""
    token = form_token(web.get("/records"))
    record = api.explain(*stage.both, "contact", stage.hero)
    for known in (
        stage.hero.upper(),
        stage.hero[:9],
        record["record"],
        record["ids"]["salesforce"],
        record["fields"]["last_name"]["value"].lower(),
    ):
        answer = web.post("/records", data={"form_token": token, "q": known})
        assert f"/records/contact/{record['record']}" in answer.text, known
        assert "?" not in str(answer.url)
    nobody = web.post("/records", data={"form_token": token, "q": "nobody@nowhere.example"})
    assert "Nothing is known by this." in nobody.text
    assert "Type something" in web.post("/records", data={"form_token": token, "q": "  "}).text


def test_a_record_tells_its_life(web, stage):
    """The page of a record names each value's origin and rule, what every system holds, and what it was before."""
    record = api.explain(*stage.both, "contact", stage.hero)["record"]
    page = text_of(web.get(f"/records/contact/{record}"))
    assert "Chief Example Officer" in page
    assert re.search(r"from salesforce by edit", page)
    assert "becomes Chief Example Officer" in page.replace("  ", " ")


def test_a_run_shows_fields_before_and_after(web, stage):
    """The page of a run has every write with before, after, rule and origin, and leads to its undo."""
    page = text_of(web.get(f"/runs/{stage.edited.run}"))
    assert re.search(r"title .* becomes Chief Example Officer edit from salesforce", page)
    assert "Undo this run" in page


def test_the_preview_of_an_undo_writes_nothing(web, stage):
    """The preview names what would be written where and what is left alone and why; it asks no system."""
    stage.control("calls", method="DELETE")
    before = web.get("/api/runs").json()
    found = web.get(f"/api/runs/{stage.edited.run}/undo").json()
    assert {row["field"] for row in found["changes"]} == {"title"}
    assert [row["systems"] for row in found["changes"]] == [["abmatic", "salesforce"]] * 2
    [kept] = found["kept"]
    assert kept["field"] == "subscription"
    assert "never undone by software" in kept["why"]
    one = web.get(f"/api/runs/{stage.edited.run}/undo", params={"record": stage.hero, "field": "title"}).json()
    assert [row["key"] for row in one["changes"]] == [stage.hero]
    assert web.get("/api/runs").json() == before
    assert sum(row["total"] for row in stage.control("calls").values()) == 0


def test_choosing_without_choosing_says_so(web):
    """Nothing ticked, no system named, a system that has no value: told in words, nothing changed."""
    token = form_token(web.get("/conflicts"))
    for data in (
        {},
        {"all": "yes"},
        {"take": "abmatic"},
        {"shown": "x", "all": "yes", "take": "conversion"},
        {"choose": "x abmatic"},
    ):
        answer = web.post("/conflicts", data={"form_token": token, **data})
        assert answer.status_code == 422
        assert 'href="/conflicts">Go back' in answer.text
    assert web.post("/quarantine", data={"form_token": token, "do": "drop"}).status_code == 422
    assert len(web.get("/api/conflicts").json()) == 3


def test_a_stopped_run_is_released_only_on_purpose(fresh):
    """A plan that a limit stopped is shown with a release that must be confirmed, and then carries out exactly that plan."""
    config = fresh.folder / "config.toml"
    config.write_text(config.read_text() + "\n[safety]\nmax_updates = 1\n")
    for _, row, _ in fresh.people(3):
        fresh.edit("salesforce", "Contact", row, FirstName="Renamed")
    stopped = api.sync(*fresh.both, (), full=False, init=False, progress=Silence())
    assert stopped.status == "stopped"
    with fresh.served() as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as web:
        page = web.get(f"/runs/{stopped.run}")
        assert "Release this plan" in page.text
        assert "0 created, 3 updated, 0 deleted" in text_of(page)
        assert f'href="/runs/{stopped.run}">Look at the run' in web.get("/").text
        token = form_token(page)
        assert web.post(f"/runs/{stopped.run}/apply", data={"form_token": token}).status_code == 422
        done = web.post(f"/runs/{stopped.run}/apply", data={"form_token": token, "sure": "yes"})
        assert done.status_code == 303
        assert done.headers["location"].endswith("?done=apply")
        names = [row["first_name"] for row in fresh.control("dump?system=abmatic")["contacts"]]
        assert names.count("Renamed") == 3


def test_sync_now_runs_once(fresh):
    """The button of the front page makes one run and leads to it."""
    with fresh.served() as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as web:
        before = len(web.get("/api/runs").json())
        done = web.post("/sync", data={"form_token": form_token(web.get("/"))})
        assert done.status_code == 303
        assert "The run is done." in web.get(done.headers["location"]).text
        assert len(web.get("/api/runs").json()) == before + 1


def test_the_mappings_page_lints_the_files_as_they_are(stage, tmp_path):
    """A mistake that was just saved is shown with file, line and remedy, while the mapping in force stays as it was."""
    other = Stage(stage.urls, tmp_path)
    desk = StillDesk(*other.both)
    file = other.folder / "mappings" / "contacts.toml"
    with other.served(desk) as url, httpx.Client(base_url=url, trust_env=False) as web:
        assert "The files as they are now have no mistakes." in web.get("/mappings").text
        file.write_text(file.read_text() + "\n[fields.nonsense]\ntype = 'strin'\nabmatic = 'x'\n")
        page = text_of(web.get("/mappings"))
        assert "would be refused" in page
        assert "contacts.toml:" in page
        assert web.get("/api/mappings").json()["problems"]
        shutil.rmtree(other.folder / "mappings")
        assert web.get("/mappings").status_code == 200


def test_a_page_that_is_not_there_says_so(web):
    """An unknown address is 404: a page for people, a line for programs."""
    assert "This page does not exist." in web.get("/nowhere", headers={"Accept": "text/html"}).text
    assert web.get("/nowhere").status_code == 404
    assert web.get("/runs/01J").status_code == 422


def test_the_scripts_are_those_that_were_taken():
    """What is shipped of others is byte for byte what VENDOR.toml names."""
    import hashlib
    import tomllib
    from importlib.resources import files

    static = files("sync.web") / "static"
    for name, each in tomllib.loads((static / "VENDOR.toml").read_text()).items():
        assert hashlib.sha256((static / each["file"]).read_bytes()).hexdigest() == each["sha256"], name
