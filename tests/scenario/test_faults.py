"""Faults between the program and a system: what was done once happens once, and a system in trouble stops itself alone."""

from __future__ import annotations

import datetime as dt
import ipaddress
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
    assert "abmatic" in why["what"]
    assert [row["system"] for row in scene.run(run.run)["failures"]] == ["abmatic"]


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
