"""The log keeps secrets and people out, and cannot be forged."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync import logs, redaction

SECRET = "s3cr3t-canary-77"
SESSION = "00D5g000004abcd!AQ8AQPq9.zzz_1"


@pytest.fixture(autouse=True)
def restored():
    """Puts the process's logging back as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()
    redaction.forget_hidden()


@pytest.fixture(params=["console", "json"])
def form(request):
    """Both renderings."""
    logs.configure(request.param, "debug")
    return request.param


def test_own_and_foreign_lines_go_through_one_pipeline(form, capsys):
    """Secrets and addresses are masked in our lines and in those of the libraries, in every place they can hide in."""
    redaction.hide([SECRET])
    structlog.get_logger().info(
        "http.failed", detail=f"key {SECRET}", deep={"list": [f"x{SECRET}", {"token": "abc"}]}, api_key="abc"
    )
    logging.getLogger("lib").warning(
        "got %s from %s", f"Bearer {SECRET}", "ada@northwind.example", extra={"session_id": "abc"}
    )
    logging.getLogger("lib").warning("session %s and eyJhbGciOiJI.abc.def", SESSION)
    written = capsys.readouterr()
    assert not written.out
    assert written.err.count("\n") == 3
    for canary in (SECRET, "ada@", SESSION, "eyJ", "abc"):
        assert canary not in written.err
    assert "[e-mail]" in written.err


@pytest.mark.parametrize("quote", ["`", "'", '"'])
@pytest.mark.parametrize("address", ["ada@northwind.example", "o'hara@northwind.example", "a`b%40northwind.example"])
def test_an_address_between_quotes_leaves_them_in_pairs(quote, address):
    """The mark that opens a quotation is no part of the address."""
    assert redaction.safe_text(f"no {quote}{address}{quote} here") == f"no {quote}[e-mail]{quote} here"


def test_exceptions_are_masked_after_they_are_rendered(form, capsys):
    """A secret in an exception's text, or in a local variable, does not reach the log."""
    redaction.hide([SECRET])
    local = SECRET
    try:
        raise ValueError(f"refused {local} of ada@northwind.example\nlevel=info event=forged")
    except ValueError:
        structlog.get_logger().exception("run.failed")
    written = capsys.readouterr().err
    assert SECRET not in written
    assert "ada@" not in written
    assert "ValueError" in written
    assert not any(line.startswith("level=") for line in written.splitlines())


def test_a_value_cannot_forge_a_line_or_reach_the_terminal(form, capsys):
    """Line breaks, escape sequences and direction marks of a value, key or event are shown, not obeyed."""
    evil = "x\n2026-01-01 [info] forged\r\x1b[2J\x1b]0;pwned\x07\u202e\u2028"
    structlog.get_logger().info(evil, value=evil, **{"k\ney": 1})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert not set("\r\x07\u202e\u2028") & set(written)
    assert "\x1b[2J" not in written


def test_json_lines_are_json(capsys):
    """Each line is one JSON object with event, level and a UTC time."""
    logs.configure("json", "info")
    structlog.get_logger().info("run.finished", run="01J", seconds=1.5, systems=("a",))
    structlog.get_logger().debug("pull.page")
    row = json.loads(capsys.readouterr().err)
    assert (row["event"], row["level"], row["seconds"], row["systems"]) == ("run.finished", "info", 1.5, ["a"])
    assert row["timestamp"].endswith("Z")


def test_chatty_libraries_are_quiet(capsys):
    """Libraries that log whole URLs at info are heard from warnings on."""
    logs.configure("json", "debug")
    logging.getLogger("httpx").info("GET https://x/?key=1")
    assert not capsys.readouterr().err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_hidden_value_never_passes(before, after):
    """Whatever stands around a secret, the masked text does not hold it, and no control character is left."""
    redaction.hide([SECRET])
    shown = redaction.escape(redaction.safe_text(before + SECRET + after))
    assert SECRET not in shown
    assert not any(ord(letter) < 32 for letter in shown)
