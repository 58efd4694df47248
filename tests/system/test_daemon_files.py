"""Files that change while the service runs: taken over between two runs, as a whole, or not at all and loudly."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from process import KEY
from service import Place, Service, until

CITY = '\n[fields.city]\ntype = "string"\nabmatic = "city"\nsalesforce = "MailingCity"\n'


@pytest.fixture
def called():
    """Somebody who is called for help: the messages."""
    messages = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    messages_url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield messages, messages_url
    server.shutdown()
    server.server_close()


def contact(remote, **values):
    return remote.create(
        "salesforce", "Contact", {"Email": "ada@acme.example.com", "LastName": "Quill", "MailingCity": "Bath", **values}
    )


def add_city(place):
    file = place.mappings / "contacts.toml"
    file.write_text(file.read_text() + CITY)


@pytest.mark.parametrize("hup", [True, False])
def test_a_changed_mapping_is_taken_over(emptied, tmp_path, hup):
    """A new row of a mapping is in force without a restart, at once with SIGHUP, soon without; systemd is told."""
    place = Place(tmp_path, emptied.urls)
    contact(emptied)
    with Service(place) as service:
        until(lambda: emptied.dump("abmatic", "contacts"), what="the first load")
        assert not emptied.dump("abmatic", "contacts")[0].get("city")
        add_city(place)
        if hup:
            service.reload()
        service.hears("RELOADING=1")
        service.hears("READY=1", times=2)
        until(lambda: emptied.dump("abmatic", "contacts")[0].get("city") == "Bath", what="the new field")
        assert service.events("config.reloaded")
        assert service.stop() == 0


def test_a_bad_mapping_is_not_taken_and_said_aloud(emptied, tmp_path, called):
    """With a broken mapping the one of before stays in force and goes on working; log, status and a message say so, and say when it is over."""
    messages, url = called
    place = Place(tmp_path, emptied.urls, more='[notify]\nurls = ["env:NOTIFY_URL"]\n')
    name = contact(emptied, Title="CTO")
    with Service(place, NOTIFY_URL=url) as service:
        until(lambda: emptied.dump("abmatic", "contacts"), what="the first load")
        file = place.mappings / "contacts.toml"
        good = file.read_text()
        file.write_text(good.replace('"email"', '"emial"'))
        service.reload()
        until(lambda: service.events("config.refused"), what="the refusal")
        assert "contacts.toml" in service.events("config.refused")[0]["why"]
        assert "emial" in service.facts()["reload_error"]
        code, out, err = place.command("status")
        assert (code, "emial" in out, "crm-sync check --offline" in err) == (3, True, True)
        emptied.set("salesforce", "Contact", name, {"Title": "CEO"})
        until(lambda: emptied.dump("abmatic", "contacts")[0]["title"] == "CEO", what="an edit, by the old mapping")
        told = service.get("/api/status").json()
        file.write_text(good)
        until(lambda: service.facts()["reload_error"] is None, what="the correction")
        until(lambda: len(messages) >= 2, what="the second message")
        assert service.stop() == 0
    assert not told["well"]
    assert any("were not taken" in each["what"] for each in told["why"])
    assert [(each["state"], each["key"]) for each in messages] == [("alert", "reload"), ("well", "reload")]
    assert "contacts.toml" in messages[0]["text"]
    assert "What to do" in messages[0]["text"]


def test_what_a_running_service_cannot_change_is_refused(emptied, tmp_path):
    """Another address or another state needs a restart: the reload is refused as a whole."""
    place = Place(tmp_path, emptied.urls)
    with Service(place) as service:
        place.config.write_text(place.config.read_text().replace(f":{place.port}", ":1"))
        service.reload()
        until(lambda: service.facts()["reload_error"], what="the refusal")
        assert "Restart" in service.facts()["reload_error"]
        assert service.stop() == 0


@pytest.mark.law("row 85")
def test_a_reload_in_the_middle_of_a_run_waits_for_its_end(emptied, tmp_path):
    """A run that is under way ends with the mapping that it began with; the next one has the new one."""
    place = Place(tmp_path, emptied.urls)
    contact(emptied)
    emptied.fault("abmatic", "delay", method="POST", path="contacts", delay_s=3, times=1)
    with Service(place) as service:
        until(lambda: emptied.dump("abmatic", "contacts"), what="the create that is under way")
        add_city(place)
        service.reload()
        until(lambda: service.events("config.reloaded"), what="the reload")
        first_run, reloaded = service.events("run.finished")[0], service.events("config.reloaded")[0]
        assert first_run["timestamp"] < reloaded["timestamp"]
        until(lambda: emptied.dump("abmatic", "contacts")[0].get("city") == "Bath", what="the new field")
        assert service.stop() == 0


def test_a_shell_without_the_secrets_looks_and_has_the_service_write(emptied, tmp_path):
    """Where only the service can read its secrets, whoever is at a shell sees how it is, and what they order is done by the service."""
    place = Place(tmp_path, emptied.urls)
    place.config.write_text(place.config.read_text().replace("env:CRM_SYNC_TEST_KEY", "cred:key"))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "key").write_text(KEY)
    contact(emptied)
    with Service(place, CREDENTIALS_DIRECTORY=str(tmp_path / "secrets")) as service:
        until(lambda: emptied.dump("abmatic", "contacts"), what="the first load")
        service.idle()
        code, out, err = place.command("status")
        assert (code, err) == (0, "")
        assert "All is well." in out
        code, out, err = place.command("sync", "--json")
        assert (code, json.loads(out)["status"]) == (0, "ok"), err
        assert service.stop() == 0
    code, _, err = place.command("sync")
    assert code == 2
    assert "cred:key needs $CREDENTIALS_DIRECTORY" in err
    assert "nothing was contacted" in err
