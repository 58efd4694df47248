"""Faults between the program and a system: what was done once happens once, and a system in trouble stops itself alone."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOBODY = "http://127.0.0.1:9"
WRITES = {"abmatic": ("POST", "/contacts"), "salesforce": ("POST", "composite")}


def one_each(scene, name, **values):
    """One row in each system, with these values."""
    for system in ("abmatic", "salesforce"):
        assert len(scene.rows(name, system)) == 1
    scene.expect(name, **values)


@pytest.mark.law("row 1")
@pytest.mark.law("row 12")
def test_a_system_that_is_not_there_stops_itself_alone(scene):
    """Nobody listens at one system: it is told, nothing is lost, and what it missed arrives when it is back."""
    scene.linked("ada", title="CTO")
    scene.settings("systems.salesforce.login_url", NOBODY)
    scene.edit("ada", abmatic={"title": "CEO"})
    assert scene.sync().exit_code == 5
    assert scene.held("ada", "salesforce", "title") == "CTO"
    scene.settings("systems.salesforce.login_url", scene.urls["salesforce"])
    scene.quiet(scene.sync())
    one_each(scene, "ada", title="CEO")


def test_a_run_that_went_without_a_system_names_it_and_says_what_to_do(scene):
    """At two in the morning: which system, what happened, what next; in the answer, in `status`, and in the run when it is looked at later."""
    scene.linked("ada", title="CTO")
    scene.settings("systems.abmatic.base_url", "http://127.0.0.1:9/v1")
    scene.settings("systems.abmatic.retries", 0)
    run = scene.sync()
    [failure] = run.failures
    assert (failure.system, failure.kind) == ("abmatic", "unreachable")
    assert "base_url" in failure.remedy
    [why] = scene.status()["why"]
    assert why["what"] == "abmatic is not served: " + failure.message.removeprefix("abmatic: ")
    assert why["remedy"].startswith(failure.remedy)
    past = scene.run(run.run)["failures"]
    assert [(row["system"], row["message"], row["remedy"]) for row in past] == [
        ("abmatic", failure.message, failure.remedy)
    ]


@pytest.mark.parametrize(("system", "key"), [("abmatic", "api_key"), ("salesforce", "client_secret")])
def test_a_key_that_is_refused_is_said_to_be_refused(scene, system, key):
    """`check` with a wrong key ends with 5 at every system, names the credentials once, and says which key to look at."""
    scene.linked("ada", title="CTO")
    scene.settings(f"systems.{system}.{key}", "env:WRONG")
    process = scene.command("check", "--json", env={"WRONG": "not-the-key"})
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    bad = [row for row in json.loads(out)["findings"] if not row["well"]]
    assert [(row["system"], row["what"]) for row in bad] == [(system, "credentials")]
    assert "Check" in bad[0]["remedy"]
    assert f"{system}: {system}:" not in err


def test_a_verify_that_could_not_look_takes_nothing_back(scene):
    """Differences that a verify found stay a reason against `all is well` until one has looked at everything again."""
    scene.linked("ada", title="CTO")
    scene.tamper("UPDATE record SET cells = replace(cells, 'CTO', 'Cleaner')")
    assert scene.verify()["unexplained"]
    scene.tamper("UPDATE record SET cells = replace(cells, 'Cleaner', 'CTO')")
    scene.settings("systems.abmatic.base_url", "http://127.0.0.1:9/v1")
    scene.settings("systems.abmatic.retries", 0)
    found = scene.verify()
    assert (found["unexplained"], [row["system"] for row in found["failures"]]) == ([], ["abmatic"])
    assert found["failures"][0]["remedy"]
    assert scene.status()["unexplained"]


@pytest.mark.law("row 4")
@pytest.mark.law("row 5")
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("system", ["abmatic", "salesforce"])
def test_a_write_whose_answer_is_lost_happens_once(scene, system, kind):
    """Whether the lost create happened or not, there is one row in the end."""
    scene.linked("bob")
    scene.person("ada", **{"salesforce" if system == "abmatic" else "abmatic": {"title": "CTO"}})
    method, path = WRITES[system]
    scene.fault(system, kind, method=method, path=path, times=1)
    scene.sync()
    scene.no_faults()
    scene.settings(f"systems.{system}.horizon", "1s")
    for _ in range(2):
        scene.sync(full=True)
    one_each(scene, "ada", title="CTO")
    scene.nothing_to_do()


def test_a_lost_write_that_the_same_run_has_made_good_needs_nobody(scene):
    """The connection was cut, the write was looked up, had not happened and was done: that run went well."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.fault("salesforce", "drop_before", method="PATCH", times=1)
    run = scene.quiet(scene.sync())
    assert run.to_json()["systems"]["salesforce"]["updated"] == 1
    assert [row["status"] for row in run.to_json()["operations"]] == ["failed", "settled"]
    one_each(scene, "ada", title="CEO")


@pytest.mark.law("L10")
def test_a_system_that_cannot_be_asked_about_a_doubt_stops_itself_alone(scene):
    """A write is in doubt, and its system lets nobody in when it is to be looked up: the others are served all the same."""
    scene.settings("systems.salesforce.horizon", "10m")
    scene.linked("ada", title="CTO")
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.fault("salesforce", "drop_before", method="PATCH", times=1)
    scene.sync()
    assert scene.status()["in_doubt"] == 1
    scene.tamper("UPDATE operation SET status = 'sent', looks = 0 WHERE status = 'in_doubt'")  # as after kill -9
    scene.fault("salesforce", "status", path="oauth2/token", status=429, headers={"retry-after": "100"}, times=None)
    scene.person("bob", abmatic={})
    run = scene.sync()
    assert [failure.system for failure in run.failures] == ["salesforce"]
    assert run.to_json()["systems"]["abmatic"]["read"] > 0


@pytest.mark.law("row 14")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_with_or_without_effect_happens_once(scene, status):
    """An error on a create leaves one row in the end."""
    scene.linked("bob")
    scene.person("ada", salesforce={"title": "CTO"})
    scene.fault("abmatic", "status", method="POST", path="/contacts$", status=status, times=1)
    scene.sync()
    scene.no_faults()
    for _ in range(2):
        scene.sync(full=True)
    one_each(scene, "ada", title="CTO")


@pytest.mark.law("row 47")
def test_a_write_that_leaves_the_old_value_is_set_aside_and_reverts_nobody(scene):
    """A server that acknowledges a write and ignores it is told of; the edit stays where it was made."""
    scene.linked("ada", title="CTO")
    scene.edit("ada", salesforce={"title": "CEO"})
    row = scene.id("ada", "abmatic")
    body = {"success": True, "data": {"id": row, "email": scene.key("ada"), "last_name": "Ada", "title": "CTO"}}
    scene.fault("abmatic", "status", method="PUT", path="/contacts/", status=200, body=body, times=None)
    scene.sync()
    scene.no_faults()
    assert scene.held("ada", "salesforce", "title") == "CEO"
    [aside] = scene.quarantine()
    assert aside["error"] == "INEFFECTIVE_WRITE"
    scene.sync()
    assert scene.held("ada", "salesforce", "title") == "CEO"


@pytest.mark.law("row 2")
def test_a_certificate_nobody_vouches_for_is_refused(scene, tmp_path):
    """A system behind a self-signed certificate is out; not one request reaches it."""
    asked = []
    server = _secure(tmp_path, asked)
    try:
        scene.linked("ada", title="CTO")
        scene.settings("systems.abmatic.base_url", f"https://127.0.0.1:{server.server_address[1]}/v1")
        assert scene.sync().exit_code == 5
        assert asked == []
    finally:
        server.shutdown()
        server.server_close()


def _secure(folder, asked):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(text + certificate.public_bytes(serialization.Encoding.PEM))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

        do_POST = do_GET  # noqa: N815

    class Quiet(HTTPServer):
        def handle_error(self, *_):
            """The client hangs up: that is the point."""

    server = Quiet(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


@pytest.mark.parametrize(("kind", "command"), [("backfill", "crm-sync backfill"), ("sync", "crm-sync sync")])
def test_what_was_interrupted_is_gone_on_with_by_its_own_command(scene, kind, command):
    """After a crash `status` names the command that goes on from there: a first load is no sync, which its limits would stop."""
    scene.linked("ada", title="CTO")
    scene.tamper(f"UPDATE run SET kind = '{kind}', status = 'running', seconds = NULL")
    [why] = scene.status()["why"]
    assert f"`{command}`" in why["remedy"]
