"""Webhooks: who is believed, what is dropped, and that nothing a stranger sends ever breaks or switches off the hook."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.config import ActivecampaignConfig, Secret
from sync.config.keys import keys_of
from sync.config.kinds import AbmaticConfig
from sync.config.refused import Around
from sync.daemon.webhooks import AHEAD_MAX, Fate, judge

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW, OLD = "the-new-secret-of-the-hook", "the-old-secret-of-the-hook"


def system(kind, **given):
    around = Around(Path("/"), {"K": "key", "NEW": NEW, "OLD": OLD})
    raw = {"base_url": "https://vendor.example", "api_key": "env:K", **given}
    values = {
        name: key.parse(raw.get(name, key.default), around) if raw.get(name, key.default) is not None else None
        for name, key in keys_of(kind).items()
    }
    return kind(name="it", kind="it", **values)


ABMATIC = system(AbmaticConfig, webhook_secret=["env:NEW", "env:OLD"])
ACTIVECAMPAIGN = system(ActivecampaignConfig, webhook_secret="env:NEW")


def body(at=NOW, kind="contact.revealed", data=None):
    return json.dumps(
        {"event": kind, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data or {"contact_id": "con_1"}}
    ).encode()


def sign(raw, secret=NEW):
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def fate(raw, signature=None, config=ABMATIC, path=None, now=NOW, header="x-abmatic-signature"):
    return judge(config, {header: sign(raw) if signature is None else signature}, raw, path, now)


@pytest.mark.law("row 104")
@pytest.mark.parametrize(
    "signature",
    ["", "0" * 64, "sha256=", "é", "A" * 10_000, sign(b"other"), sign(body(), "another-secret"), sign(body()).upper()],
)
def test_without_the_right_signature_it_is_401(signature):
    """A forged, missing or foreign signature is refused with 401 and leaves nothing behind."""
    judged = fate(body(), signature)
    assert (judged.status, judged.arrived) == (401, None)


@pytest.mark.law("row 115")
@pytest.mark.parametrize("secret", [NEW, OLD])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_both_secrets_are_good_while_one_is_replaced(secret, prefix):
    """During a rotation an event signed with the new or the old secret is taken, with and without the prefix."""
    assert fate(body(), prefix + sign(body(), secret)).fate is Fate.TAKEN


def test_the_signature_is_looked_for_in_the_configured_header():
    """`webhook_header` names it, whatever its case; the default one counts no more."""
    other = system(AbmaticConfig, webhook_secret=["env:NEW"], webhook_header="X-Signed-By")
    assert fate(body(), config=other, header="x-signed-by").fate is Fate.TAKEN
    assert fate(body(), config=other).status == 401


def test_the_signature_is_over_the_raw_bytes():
    """A body that says the same in other bytes is another body."""
    raw = body()
    assert fate(raw + b" ", sign(raw)).status == 401


@pytest.mark.law("row 106")
@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(0), Fate.TAKEN),
        (timedelta(hours=23, minutes=59), Fate.TAKEN),
        (timedelta(hours=24, seconds=1), Fate.OLD),
        (timedelta(days=400), Fate.OLD),
        (-timedelta(minutes=30), Fate.TAKEN),
        (-AHEAD_MAX - timedelta(seconds=1), Fate.AHEAD),
    ],
)
def test_old_and_future_events_are_acknowledged_and_dropped(age, expected):
    """Older than a day, or ahead of our clock: 200, and nothing is kept."""
    judged = fate(body(NOW - age))
    assert (judged.fate, judged.status, judged.arrived is None) == (expected, 200, expected is not Fate.TAKEN)


@pytest.mark.law("row 107")
@pytest.mark.parametrize(
    "raw",
    [b"", b"not json", b"[]", b"null", b"7", b'"x"', b"{}", b'{"event": 7}', b'{"event": "x.y", "data": []}', b"\xff\xfe\x00", b"[" * 100_000,
     b'{"event": "x", "timestamp": "whenever", "data": {}}', b'{"event": "x", "data": {}}', b'{"event": "x", "timestamp": 1e99, "data": {}}',
     b'{"event": "x", "timestamp": "9999-12-31T23:59:59-23:59", "data": {}}'],
)  # fmt: skip
def test_signed_nonsense_is_refused(raw):
    """What is signed and no event is 400."""
    assert fate(raw).status == 400


@pytest.mark.law("row 112")
@given(st.binary(max_size=200), st.text(max_size=80), st.text(max_size=40) | st.none())
def test_nothing_is_ever_answered_with_410(raw, signature, path):
    """No bytes, no signature and no path bring an error or an answer that would switch a hook off."""
    for config in (ABMATIC, ACTIVECAMPAIGN, None, replace(ABMATIC, webhook_secret=())):
        for sent in (raw, body()):
            assert judge(config, {"x-abmatic-signature": signature}, sent, path, NOW).status in (
                200,
                400,
                401,
                404,
                413,
            )


@pytest.mark.law("row 110")
def test_an_unknown_system_and_one_without_a_secret_have_no_door():
    """Without a configured secret there is no hook: 404."""
    assert judge(None, {}, body(), None, NOW).status == 404
    assert judge(replace(ABMATIC, webhook_secret=()), {}, body(), None, NOW).status == 404


@pytest.mark.law("row 108")
def test_a_body_over_the_limit_is_413():
    """More than 256 KB is refused unread."""
    assert fate(b"x" * (256 * 1024 + 1)).status == 413


def test_the_same_bytes_have_the_same_id():
    """The id of an event is the digest of its bytes: a replay is known by it."""
    first, again = fate(body()).arrived, fate(body()).arrived
    assert first == again
    assert first.event == hashlib.sha256(body()).hexdigest()


def form(**more):
    return urlencode(
        {
            "type": "unsubscribe",
            "date_time": "2026-11-20T05:00:00-06:00",
            "contact[id]": "7",
            "contact[email]": "a@b.example",
            **more,
        }
    ).encode()


@pytest.mark.law("row 105")
@pytest.mark.parametrize("path", ["", None, "guess", NEW[:-1], NEW + "x", "é", "../" + NEW])
def test_without_the_secret_path_there_is_no_door(path):
    """An unsigned hook is reached by its secret path alone; everything else is 404."""
    assert judge(ACTIVECAMPAIGN, {}, form(), path, NOW).status == 404


def test_a_form_is_taken_with_its_own_zone():
    """A form from the secret path is taken, dated in its own zone, with its keys as plain text."""
    judged = judge(ACTIVECAMPAIGN, {}, form(**{"contact[fields][39]": "x", "contact[__proto__]": "y"}), NEW, NOW)
    told = json.loads(judged.arrived.body)
    assert (judged.arrived.kind, told["timestamp"]) == ("unsubscribe", "2026-11-20T11:00:00+00:00")
    assert told["data"]["contact[fields][39]"] == "x"
    assert told["data"]["contact[__proto__]"] == "y"


@pytest.mark.law("row 114")
@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"type=x", b"&".join(b"a%d=1" % n for n in range(1001)), b"type=&date_time=2026-11-20"]
)
def test_a_form_that_is_none_is_refused(raw):
    """Too many fields, no type, no time, no UTF-8: 400."""
    assert judge(ACTIVECAMPAIGN, {}, raw, NEW, NOW).status == 400


def test_a_short_path_secret_is_refused_in_the_configuration():
    """A secret that could be guessed is no secret."""
    from sync.config.refused import Refused

    around = Around(Path("/"), {"K": "short"})
    with pytest.raises(Refused, match="too short"):
        keys_of(ActivecampaignConfig)["webhook_secret"].parse("env:K", around)


def test_a_secret_is_never_shown():
    """What a person sees of a system's configuration holds no secret."""
    assert NEW not in repr(ABMATIC)
    assert isinstance(next(iter(ABMATIC.webhook_secret)), Secret)
