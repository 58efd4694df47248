"""Laws of the Salesforce connector's small parts."""

import inspect
import io
from dataclasses import replace

import pytest
import simple_salesforce.exceptions as vendor
from hypothesis import given
from hypothesis import strategies as st
from simple_salesforce.format import quote_soql_value

from sync.connectors.salesforce import client, cursor, payload, soql, table, wire
from sync.connectors.salesforce.budget import parse_limit_info
from sync.connectors.salesforce.cursor import Mark, Step, Walk
from sync.connectors.salesforce.faults import Complaint, RefusedError, describe
from sync.connectors.salesforce.hosts import is_trusted_instance
from sync.connectors.salesforce.ids import to18
from sync.connectors.salesforce.ingest import parse_error
from sync.errors import DriftError, SyncError
from sync.model.remote import Kind, Write

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SHORT_IDS = st.text("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=15, max_size=15)
STAMPS = st.datetimes(min_value=cursor.time(cursor.EPOCH).replace(tzinfo=None)).map(
    lambda t: t.isoformat(timespec="milliseconds") + "Z"
)


@given(st.one_of(TEXT, st.integers(), st.booleans(), st.none()))
def test_literals_are_those_of_simple_salesforce(value):
    """What becomes text of a query is quoted as the vendor library quotes it."""
    assert soql.literal(value) == quote_soql_value(value)


@pytest.mark.parametrize("path", ["", "Id, Name", "Id FROM User", "a.b.", "Näme", "(SELECT Id FROM X)", "Id--"])
def test_only_names_get_into_a_query(path):
    """A path from a mapping cannot smuggle a clause."""
    with pytest.raises(DriftError):
        soql.select([path], "Contact")


@given(st.lists(TEXT, max_size=60))
def test_memberships_hold_every_value_once(values):
    """However long the values are, each is in one condition."""
    conditions = list(soql.membership("Email", values))
    assert "".join(c.removeprefix("Email IN (").removesuffix(")") + "," for c in conditions) == "".join(
        soql.literal(v) + "," for v in values
    )


@pytest.mark.law("row 52")
@given(SHORT_IDS)
def test_long_ids_are_stable_and_checked(short):
    """The long form is a fixed point; a wrong checksum is no id."""
    long = to18(short)
    assert to18(long) == long
    assert to18(long[:17] + ("A" if long[17] != "A" else "B")) is None


def test_a_recorded_id():
    """The algorithm agrees with ids that Salesforce made."""
    assert to18("003ak00000luKU1") == "003ak00000luKU1AAM"


CELLS = st.one_of(st.none(), st.booleans(), st.integers(), TEXT.filter(lambda t: "\0" not in t and "\r" not in t))


@given(st.lists(st.dictionaries(st.sampled_from("ABCD"), CELLS), min_size=1, max_size=8))
def test_csv_says_value_clear_and_untouched(rows):
    """A cell is the value, the word for clear, or empty for untouched; text comes back to the letter."""
    rows = [{"Id": str(n)} | row for n, row in enumerate(rows) if table.fits(row)]
    file, columns = io.BytesIO(), payload.columns(rows) if rows else ["Id"]
    table.write(file, rows, columns)
    back = list(table.read(file.getvalue()))
    assert len(back) == len(rows)
    for row, read in zip(rows, back, strict=True):
        for column in columns:
            assert read[column] == (table.cell(row[column]) if column in row else "")
            assert (read[column] == "") == (column not in row)


MARKS = st.builds(
    Mark,
    stamp=STAMPS,
    at=st.none() | STAMPS,
    wide_at=st.none() | STAMPS,
    wide_rows=st.integers(0, 10**9),
    narrow=st.integers(0, 99),
    deep_at=st.none() | STAMPS,
    deep_rows=st.integers(0, 10**9),
    deep_stamp=st.none() | STAMPS,
    near=st.booleans(),
    bin_at=st.none() | STAMPS,
)
PLACES = st.one_of(
    MARKS,
    st.builds(Step, MARKS, st.none() | STAMPS, STAMPS, SHORT_IDS),
    st.builds(Walk, st.none() | STAMPS, st.none() | SHORT_IDS, STAMPS),
)


@given(PLACES)
def test_cursors_come_back_as_they_were(place):
    """A cursor's text holds all of it, and belongs to one object."""
    text = cursor.dump(place, "Contact")
    assert cursor.load(text, "Contact") == place
    assert cursor.load(text, "Lead") is None


@given(MARKS, STAMPS, STAMPS, st.integers(0, 9999))
def test_a_finished_pull_never_passes_its_own_start(mark, began, stamp, rows):
    """The watermark is at most the server's time when the pull began, whatever stamps were seen."""
    assert Step(mark, began, stamp, "x").done(rows).stamp <= began
    assert Walk(began, "x", stamp).done().stamp <= began


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_no_cursor_text_breaks_a_pull(text):
    """Any text is a cursor or is not; it never raises."""
    assert cursor.load(text if isinstance(text, str) else text.decode("latin-1"), "Contact") is None


@given(st.lists(st.tuples(st.sampled_from("abcAB"), st.sampled_from(["", "p", "q"])), max_size=40), st.integers(1, 7))
def test_requests_hold_each_key_once_and_every_write_in_order(drawn, size):
    """Batching loses nothing, repeats no key within a request, and keeps the order of writes to one key."""
    writes = [
        Write(n, Kind.CREATE, "Contact", None, key, {"AccountId": parent}, external_id="Key__c")
        for n, (key, parent) in enumerate(drawn)
    ]
    batches = payload.rounds(writes, size)
    assert sorted(w.number for b in batches for w in b) == list(range(len(writes)))
    for batch in batches:
        assert len(batch) <= size
        assert len({payload.key(w) for w in batch}) == len(batch)


def test_every_exception_of_simple_salesforce_is_ours():
    """No class of the vendor library gets past the table, with or without a body of the expected shape."""
    classes = [c for _, c in inspect.getmembers(vendor, inspect.isclass) if issubclass(c, Exception)]
    assert len(classes) >= 9
    for kind in classes:
        for content in ([{"errorCode": "X", "message": "secret"}], b"<html>secret", None):
            if issubclass(kind, vendor.SalesforceAuthenticationFailed):
                error = kind("code", "secret")
            elif issubclass(kind, vendor.SalesforceError):
                error = kind("https://x", 400, "name", content)
            else:
                error = kind("secret")
            ours = client.translated(error, "crm")
            assert isinstance(ours, SyncError | RefusedError)
            assert "secret" not in str(ours)


@pytest.mark.parametrize(
    ("header", "used", "limit", "ours"),
    [
        ("api-usage=18/15000", 18, 15000, 18),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", 25, 5000, 17),
        ("api-usage=18/15000; api-bursts=1/750", 18, 15000, 18),
    ],
)
def test_limit_headers_of_all_shapes_are_read(header, used, limit, ours):
    """Further parts of the header do not hide the usage."""
    found = parse_limit_info(header)
    assert (found.used, found.limit, found.ours) == (used, limit, ours)
    assert parse_limit_info("nonsense") is None


@pytest.mark.parametrize(
    ("instance", "login", "good"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com", True),
        ("https://ACME.my.salesforce.com/", "https://acme.my.salesforce.com", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9090", True),
        ("http://127.0.0.1:8080", "https://acme.my.salesforce.com", False),
        ("https://acme.my.salesforce.com", "http://127.0.0.1:9090", False),
        ("https://salesforce.com.evil.example", "https://login.salesforce.com", False),
        ("https://evilsalesforce.com", "https://login.salesforce.com", False),
        ("http://acme.my.salesforce.com", "https://login.salesforce.com", False),
    ],
)
def test_hosts_that_may_have_the_token(instance, login, good):
    """The log-in's own host, Salesforce over https, loopback for loopback; nothing else."""
    assert is_trusted_instance(instance, login) is good


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**16), max_value=10**16))
def test_numbers_lose_no_unit(number):
    """Whole amounts survive whatever their size."""
    whole = number.to_integral_value()
    assert client.number(f"{whole}.0") == int(whole)


def test_failed_results_of_a_job_are_read():
    """``CODE:message:FIELDS --``, with colons in the message and without fields."""
    assert parse_error("STRING_TOO_LONG:Title: too large: (max length=128):Title --") == Complaint(
        "STRING_TOO_LONG", "Title: too large: (max length=128)", ("Title",)
    )
    assert parse_error("UNABLE_TO_LOCK_ROW:unable to obtain:--").code == "UNABLE_TO_LOCK_ROW"
    assert parse_error("").code == "UNKNOWN"


@given(TEXT, st.lists(TEXT, max_size=2))
def test_no_vendor_text_gets_into_a_message(text, fields):
    """A message is made of the code, of field names and of ids."""
    message, _ = describe(
        Complaint("STRING_TOO_LONG", f"Title: data value too large: {text}", ("Title",)), ["Title", "Email"]
    )
    assert message == "STRING_TOO_LONG on Title"


def test_a_body_beyond_all_measure_is_not_kept(monkeypatch):
    """An answer is given up where it exceeds what any page can be."""
    monkeypatch.setattr(wire, "BODY_MAX", 10)

    class Raw:
        def read1(self, amount, *, decode_content):
            return b"xxxx"

    class Response:
        raw, closed = Raw(), False

        def close(self):
            self.closed = True

    class Clock:
        def monotonic(self):
            return 0.0

    response = Response()
    assert wire.attempt(lambda timeout: response, Clock(), 1.0, 1.0).failure.reason == "the answer is too large"
    assert response.closed


def test_a_parent_emptied_by_its_key_clears_the_reference():
    """Standard and custom relationships are unlinked through the field that holds the id."""
    write = Write(
        1, Kind.UPDATE, "Contact", "003", "r", {"Account.Key__c": None, "Boss__r.Key__c": None, "Title": None}
    )
    assert set(payload.flat(write)) == {"AccountId", "Boss__c", "Title", "Id"}
    assert payload.nested(replace(write, values={"Account.Key__c": "a"}), {})["Account"] == {"Key__c": "a"}
