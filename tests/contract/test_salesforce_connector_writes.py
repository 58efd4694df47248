"""The Salesforce connector's writes: one honest receipt a row, whatever becomes of the request."""

import json
from dataclasses import replace

import pytest
from salesforce_org import Fault, Org, at, full, queued, stamp

from sync.connectors.salesforce import ClientCredentials, Salesforce
from sync.connectors.salesforce.faults import ROWS
from sync.errors import AuthError, QuotaError, UnreachableError
from sync.model.clock import ManualClock, SystemClock
from sync.model.remote import Feed, Kind, Outcome, Write

ACKED, REJECTED, THROTTLED, DOUBT, GONE, MOVED = (
    Outcome(x) for x in ("acked", "rejected", "throttled", "doubt", "gone", "moved")
)


@pytest.fixture
def clock():
    return ManualClock(at("2026-11-20T09:00:00"))


@pytest.fixture
def org(clock):
    org = Org(clock)
    yield org
    org.close()


@pytest.fixture
def make(org, clock):
    made = []

    def build(**options):
        options = {
            "clock": clock,
            "auth": ClientCredentials("id", "secret"),
            "gate": lambda address: address == "out@x.test",
            "timeout_s": 5,
        } | options
        made.append(Salesforce("crm", org.url, **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def crm(make):
    return make()


def update(number, rid, **values):
    return Write(number, Kind.UPDATE, "Contact", rid, f"rec-{number}", values)


def create(number, external_id="Key__c", **values):
    return Write(
        number,
        Kind.CREATE,
        "Contact",
        None,
        f"rec-{number}",
        {"LastName": f"n{number}"} | values,
        external_id=external_id,
    )


def delete(number, rid):
    return Write(number, Kind.DELETE, "Contact", rid, f"rec-{number}", {})


def outcomes(receipts):
    return [receipt.outcome for receipt in receipts]


def bodies(org):
    return [
        json.loads(body)
        for method, path, _, body in org.log
        if method in ("PATCH", "POST") and "composite/sobjects" in path
    ]


# rows


@pytest.mark.law("row 25")
def test_creates_are_upserts_that_may_be_repeated(org, crm):
    """A create carries our id, tells whether it made the row, and finds the same row when it is repeated."""
    writes = [create(n, Email=f"{n}@x.test") for n in range(450)]
    first, again = crm.push(writes), crm.push(writes)
    assert outcomes(first + again) == [ACKED] * 900
    assert [r.number for r in first] == list(range(450))
    assert (first[0].created, again[0].created) == (True, False)
    assert [r.remote_id for r in first] == [r.remote_id for r in again]
    assert len(org.tables["Contact"]) == 450
    assert [len(body["records"]) for body in bodies(org)] == [200, 200, 50] * 2


def test_no_request_holds_more_rows_than_configured(org, make):
    """`batch_size` bounds collections of every operation; what is journalled at a time is whole requests."""
    crm = make(batch_size=30)
    made = crm.push([create(n) for n in range(70)])
    crm.push([update(n, receipt.remote_id, Title="t") for n, receipt in enumerate(made)])
    assert [len(body["records"]) for body in bodies(org)] == [30, 30, 10] * 2
    crm.push([delete(n, receipt.remote_id) for n, receipt in enumerate(made)])
    assert sum(method == "DELETE" for method, *_ in org.log) == 3
    can = crm.capabilities("Contact")
    assert (can.batch_size, can.journal_size) == (30, 990)
    assert [crm.journal_size("Contact", pending) for pending in (0, 5, 1999, 2000)] == [1, 5, 990, 2000]


def test_a_write_says_nothing_but_its_paths(org, crm):
    """Only the given paths are sent; null clears; a row keeps what is not named."""
    rid = org.add("Contact", LastName="a", Email="a@x.test", Title="boss")
    assert outcomes(crm.push([update(1, rid, Title=None)])) == [ACKED]
    assert bodies(org) == [
        {"allOrNone": False, "records": [{"attributes": {"type": "Contact"}, "id": rid, "Title": None}]}
    ]
    row = org.tables["Contact"][rid]
    assert (row["Title"], row["Email"]) == (None, "a@x.test")


def test_parents_are_named_by_their_external_id(org, crm):
    """A path through a relationship links by external id, its null unlinks, an unknown parent is tried again later."""
    parent = org.add("Account", Key__c="acc-1")
    [made, missing] = crm.push([create(1, **{"Account.Key__c": "acc-1"}), create(2, **{"Account.Key__c": "nope"})])
    assert org.tables["Contact"][made.remote_id]["AccountId"] == parent
    assert (missing.outcome, missing.error) == (THROTTLED, "INVALID_FIELD")
    crm.push([update(3, made.remote_id, **{"Account.Key__c": None})])
    assert org.tables["Contact"][made.remote_id]["AccountId"] is None


def test_creates_without_a_key_are_plain_inserts(org, crm):
    """Where the object has no external id a create is an insert of its own."""
    receipts = crm.push([create(n, external_id=None) for n in range(3)])
    assert [(r.outcome, r.created) for r in receipts] == [(ACKED, True)] * 3
    assert len(org.tables["Contact"]) == 3


def test_deletes_succeed_also_where_the_row_is_gone(org, crm):
    """Deleting what is deleted is done; a delete of nothing is a mistake."""
    one, two = org.add("Contact", LastName="a"), org.add("Contact", LastName="b")
    org.delete("Contact", two)
    receipts = crm.push([delete(1, one), delete(2, two), replace(delete(3, None), remote_id=None)])
    assert outcomes(receipts) == [ACKED, ACKED, REJECTED]
    assert org.tables["Contact"][one]["IsDeleted"]


def test_updates_of_lost_rows_are_told_apart(org, crm):
    """A deleted row is gone; an unknown row is gone unless the reference may be what is unknown."""
    lost = org.add("Contact", LastName="a")
    org.delete("Contact", lost)
    unknown, other = full("003ak0000999999"), full("001ak0000999999")
    receipts = crm.push(
        [update(1, lost, Title="x"), update(2, unknown, Title="x"), update(3, full("003ak0000999998"), AccountId=other)]
    )
    assert outcomes(receipts) == [GONE, GONE, REJECTED]


@pytest.mark.law("row 20")
@pytest.mark.parametrize("position", [0, 57, 199])
def test_one_bad_row_does_not_touch_the_others(org, crm, position):
    """A row that is refused at any place of a request leaves the rest written once."""
    writes = [create(n, Title="x" * 200 if n == position else "ok") for n in range(200)]
    receipts = crm.push(writes)
    assert [r.number for r in receipts if r.outcome is not ACKED] == [position]
    assert (receipts[position].error, receipts[position].fields, bool(receipts[position].remedy)) == (
        "STRING_TOO_LONG",
        ("Title",),
        True,
    )
    assert len(org.tables["Contact"]) == 199


@pytest.mark.parametrize("position", [0, 101, 199])
def test_a_poisoned_request_is_halved_until_the_row_stands_alone(org, crm, position):
    """A request refused as a whole costs its one bad row, and a handful of calls."""
    receipts = crm.push([create(n, Email="poison" if n == position else None) for n in range(200)])
    assert [(r.number, r.error) for r in receipts if r.outcome is not ACKED] == [(position, "JSON_PARSER_ERROR")]
    assert len(org.tables["Contact"]) == 199
    assert sum(org.calls.values()) < 20


def test_a_number_for_a_field_of_text_is_said_as_text(org, make):
    """Salesforce refuses the JSON type with the whole request: the fields' types are learnt then, and not asked for again."""
    org.faults.append(Fault("composite", 400, [{"errorCode": "JSON_PARSER_ERROR", "message": "Cannot deserialize"}]))
    crm = make()
    assert outcomes(crm.push([create(1, Title=12), create(2, Title=True), create(3, Title="x")])) == [ACKED] * 3
    assert [row["Title"] for row in org.tables["Contact"].values()] == ["12", "true", "x"]
    assert outcomes(crm.push([create(4, Title=1.5, HasOptedOutOfEmail=True)])) == [ACKED]
    assert [body["records"][-1].get("Title") for body in bodies(org)] == ["x", "1.5"]
    assert bodies(org)[-1]["records"][0]["HasOptedOutOfEmail"] is True
    assert sum("describe" in path for _, path, _, _ in org.log) == 1


def test_a_refusal_of_the_object_is_not_halved(org, crm):
    """What holds for every row of the object is asked once."""
    org.faults.append(Fault("composite", 403, [{"errorCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "x"}]))
    receipts = crm.push([create(n) for n in range(50)])
    assert outcomes(receipts) == [REJECTED] * 50
    assert sum(org.calls.values()) == 0


@pytest.mark.parametrize("code", ["NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"])
def test_a_refused_request_is_no_evidence_of_a_deletion(org, crm, code):
    """A request refused as a whole says nothing of its rows: none is taken for gone, nor a deletion for done."""
    rid = org.add("Contact", LastName="a")
    for write in (update(1, rid, Title="x"), delete(2, rid)):
        org.faults.append(Fault("composite", 404, [{"errorCode": code, "message": "x"}]))
        [receipt] = crm.push([write])
        assert (receipt.outcome, receipt.error) == (REJECTED, code)
        assert receipt.remedy
    assert not org.tables["Contact"][rid]["IsDeleted"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}], QuotaError),
        ([{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}], AuthError),
        (b"<html>Forbidden</html>", AuthError),
        (None, AuthError),
    ],
)
def test_what_is_refused_to_us_stops_the_system(org, crm, body, error):
    """No row pays for a 403 that is about our access or the org's allowance: nothing happened, nothing more is sent."""
    org.faults.append(Fault("composite", 403, body))
    with pytest.raises(error):
        crm.push([create(n) for n in range(400)])
    assert not org.tables["Contact"]
    made = [{"id": full(f"003ak0000{n:06d}"), "success": True, "errors": [], "created": True} for n in range(200)]
    org.faults = [Fault("composite", 200, made), Fault("composite", 403, body)]
    receipts = crm.push([create(n) for n in range(600)])
    assert outcomes(receipts) == [ACKED] * 200 + [THROTTLED] * 400
    assert (receipts[-1].error, sum(org.calls.values())) == (error.__name__, 0)


def test_a_key_stands_once_in_a_request_and_keeps_its_order(org, crm):
    """Two writes to one row go in two requests, the later one last, also where the keys differ in case."""
    writes = [replace(create(1, Title="old"), record="same"), create(2), replace(create(3, Title="new"), record="SAME")]
    assert outcomes(crm.push(writes)) == [ACKED] * 3
    rows = org.tables["Contact"].values()
    assert sorted(str(row["Title"]) for row in rows) == ["None", "new"]


def test_siblings_share_a_request(org, crm):
    """Rows of one parent are written together, so that they do not lock it against each other."""
    parents = [org.add("Account", Name=str(n)) for n in range(2)]
    crm.push([create(n, AccountId=parents[n % 2]) for n in range(400)])
    assert [{record["AccountId"] for record in body["records"]} for body in bodies(org)] == [{parents[0]}, {parents[1]}]


@pytest.mark.law("row 18")
@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        ("DUPLICATE_VALUE", "duplicate value found: Key__c duplicates value on record with id: 003ak0000000777", MOVED),
        ("DUPLICATE_VALUE", "Duplicate external id specified: x", REJECTED),
        ("DUPLICATE_EXTERNAL_ID", "more than one record found", REJECTED),
        ("DUPLICATES_DETECTED", "Use one of these records?", REJECTED),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "text", REJECTED),
        ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", REJECTED),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value", REJECTED),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "trigger failed", REJECTED),
        ("STORAGE_LIMIT_EXCEEDED", "full", THROTTLED),
        ("INVALID_FIELD", "No such column 'Email' on sobject of type Contact", REJECTED),
        ("NEVER_HEARD_OF", "x", REJECTED),
    ],
)
def test_each_code_has_its_outcome_and_remedy(org, crm, code, text, outcome):
    """The vendor's codes become outcomes by one table, each with a remedy."""
    org.errors["rec-1"] = queued((code, text))
    [receipt] = crm.push([create(1, Email="x")])
    assert (receipt.outcome, receipt.error) == (outcome, code)
    assert receipt.remedy
    if "777" in text:
        assert receipt.remote_id == full("003ak0000000777")


@pytest.mark.parametrize(
    ("field", "made", "changed"),
    [("Key__c", MOVED, REJECTED), ("Number__c", REJECTED, REJECTED), ("<unknown>", REJECTED, REJECTED)],
)
def test_a_unique_value_that_is_taken_is_looked_up_only_where_it_is_the_key_of_a_create(org, crm, field, made, changed):
    """Whose row has our key is found by looking again; any other unique value stays taken, so a person is told."""
    rid = org.add("Contact", LastName="a")
    text = f"duplicate value found: {field} duplicates value on record with id: 003ak0000000777"
    org.errors = {"rec-1": queued(("DUPLICATE_VALUE", text)), rid: queued(("DUPLICATE_VALUE", text))}
    receipts = crm.push([create(1, Title="x"), update(2, rid, Title="x")])
    assert outcomes(receipts) == [made, changed]
    assert all("003ak0000000777" in receipt.message and receipt.remedy for receipt in receipts)


def test_every_code_of_the_table_ends_a_row(org, make):
    """Every code of the table gives a receipt that is not an acknowledgement."""
    crm = make()
    for n, code in enumerate(ROWS):
        org.errors[f"rec-{n}"] = queued(*[(code, "text")] * 4)
    receipts = crm.push([create(n) for n in range(len(ROWS))])
    assert [r.error for r in receipts] == list(ROWS)
    assert ACKED not in outcomes(receipts)


@pytest.mark.law("row 26")
def test_a_locked_row_is_tried_again_alone(org, crm):
    """A lock that passes costs the row nothing; one that stays leaves it for later."""
    for code in ("UNABLE_TO_LOCK_ROW", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"):
        org.errors = {
            "rec-1": queued((code, "UNABLE_TO_LOCK_ROW, unable to obtain exclusive access")),
            "rec-2": queued(*[("UNABLE_TO_LOCK_ROW", "")] * 9),
        }
        receipts = crm.push([create(n) for n in range(4)])
        assert outcomes(receipts) == [ACKED, ACKED, THROTTLED, ACKED]
    assert [len(body["records"]) for body in bodies(org)][:4] == [4, 2, 1, 1]


def test_what_is_too_much_for_the_triggers_is_sent_a_quarter_at_a_time(org, crm):
    """Where a trigger runs out of its limits fewer rows may pass; what never does is left for later."""
    text = "trigger failed: System.LimitException: Apex CPU time limit exceeded"
    org.errors = {f"rec-{n}": queued(("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)) for n in range(200)}
    org.errors["rec-7"] = queued(*[("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text)] * 4)
    receipts = crm.push([create(n) for n in range(200)])
    assert [r.number for r in receipts if r.outcome is not ACKED] == [7]
    assert (receipts[7].outcome, receipts[7].error) == (THROTTLED, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    assert [len(body["records"]) for body in bodies(org)] == [200, 50, 50, 50, 50, 1, 1]


# requests without an answer


@pytest.mark.parametrize(
    "fault",
    [
        Fault("composite", drop="before"),
        Fault("composite", drop="after"),
        Fault("composite", 504, b""),
        Fault("composite", 502, b"", after_work=True),
        Fault("composite", html=True, after_work=True),
        Fault("composite", 200, []),
        Fault("composite", 200, [{"id": full("003ak0000000001"), "success": True, "errors": []}]),
        Fault("composite", 200, b"", after_work=True),
        Fault("composite", 200, [{"id": "x", "nonsense": 1}] * 200, after_work=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("keyed", [True, False])
def test_an_outcome_nobody_knows_is_in_doubt_and_not_repeated(org, crm, fault, keyed):
    """Without a sensible answer every row of the request is in doubt, nothing is sent twice, and the rest waits."""
    writes = [create(n, external_id="Key__c" if keyed else None) for n in range(300)]
    org.faults.append(replace(fault))
    receipts = crm.push(writes)
    assert outcomes(receipts) == [DOUBT] * 200 + [THROTTLED] * 100
    applied = len(org.tables["Contact"])
    assert applied in (0, 200)
    if keyed:
        assert outcomes(crm.push(writes)) == [ACKED] * 300
        assert len(org.tables["Contact"]) == 300


@pytest.mark.law("row 11")
def test_an_answer_for_another_row_is_in_doubt(org, crm):
    """A success that names another record than the one written is not believed."""
    rid, other = org.add("Contact", LastName="a"), org.add("Contact", LastName="b")
    org.faults.append(Fault("composite", 200, [{"id": other, "success": True, "errors": []}]))
    assert outcomes(crm.push([update(1, rid, Title="x")])) == [DOUBT]


def test_only_an_upsert_is_repeated_after_an_answered_failure(org, crm):
    """A finished 503 repeats an upsert, which cannot do harm; an update is left in doubt."""
    rid = org.add("Contact", LastName="a")
    org.faults.append(Fault("composite", 503, b"", after_work=True))
    assert outcomes(crm.push([create(1)])) == [ACKED]
    assert len(org.by_key("Contact", "Key__c", "rec-1")) == 1
    org.faults.append(Fault("composite", 503, b""))
    assert outcomes(crm.push([update(2, rid, Title="x")])) == [DOUBT]


def test_what_certainly_did_not_happen_is_sent_again(org, crm, clock):
    """Rate limits are waited out, for writes too."""
    rid, before = org.add("Contact", LastName="a"), clock.now()
    org.faults += [Fault("composite", 429, b"", {"Retry-After": "3"}), Fault("composite", 429, b"")]
    assert outcomes(crm.push([update(1, rid, Title="x")])) == [ACKED]
    assert (clock.now() - before).total_seconds() >= 3


def test_errors_are_raised_only_before_the_first_row(org, crm):
    """When the first request cannot be sent the error is raised; later the rest did not happen, and says so."""
    writes = [create(n) for n in range(400)]
    body = [{"errorCode": "INVALID_SESSION_ID", "message": "x"}]
    org.faults += [Fault("composite", 401, body), Fault("composite", 401, body)]
    with pytest.raises(AuthError):
        crm.push(writes)
    assert not org.tables["Contact"]
    org.faults = [
        Fault(
            "composite",
            200,
            [{"id": full(f"003ak0000{n:06d}"), "success": True, "errors": [], "created": True} for n in range(200)],
        )
    ]
    org.faults += [Fault("composite", 401, body), Fault("composite", 401, body)]
    receipts = crm.push(writes)
    assert outcomes(receipts) == [ACKED] * 200 + [THROTTLED] * 200
    assert receipts[-1].error == "AuthError"


def test_a_drip_does_not_hold_us(org, make):
    """An answer that comes a byte at a time is given up within the time allowed."""
    crm = make(clock=SystemClock(), timeout_s=0.2, retries=0)
    org.faults.append(Fault("query", drip_s=0.05))
    with pytest.raises(UnreachableError, match="too long"):
        list(crm.pull(Feed("Contact", ("LastName",)), None))


# the last gate


@pytest.mark.parametrize("value", [False, None])
def test_nothing_unticks_the_opt_out_of_a_suppressed_address(org, crm, value):
    """A payload that would opt a suppressed (or unknown) address in is refused, counted, and never sent."""
    rid = org.add("Contact", LastName="a", Email="out@x.test", HasOptedOutOfEmail=True)
    write = replace(update(1, rid, HasOptedOutOfEmail=value), address="out@x.test")
    nameless = update(2, rid, HasOptedOutOfEmail=value)
    free = replace(update(3, rid, HasOptedOutOfEmail=False), address="in@x.test")
    receipts = crm.push([write, nameless])
    assert [(r.outcome, r.error) for r in receipts] == [(REJECTED, "SUPPRESSED")] * 2
    assert org.tables["Contact"][rid]["HasOptedOutOfEmail"] is True
    assert crm.usage().gate_refusals == 2
    assert outcomes(crm.push([free])) == [ACKED]
    assert outcomes(crm.push([replace(update(4, rid, HasOptedOutOfEmail=True), address="out@x.test")])) == [ACKED]


def test_broken_characters_stop_their_row_alone(org, crm):
    """A value that is no UTF-8 is refused here; its neighbours are written."""
    assert outcomes(crm.push([create(1, Title="\ud800"), create(2)])) == [REJECTED, ACKED]


# bulk


@pytest.fixture
def bulk(make):
    return make(bulk_threshold=10)


def test_many_writes_go_through_a_job_and_come_back_row_by_row(org, bulk):
    """Rows are joined to their results by key, in whatever order they come; text survives as it is; null clears."""
    ids = [org.add("Contact", LastName="a", Title="boss", Email="keep@x.test") for _ in range(12)]
    text = 'Zoë, "x"\nline\u2028two'
    writes = [update(n, rid, Title=None if n % 2 else text) for n, rid in enumerate(ids)] + [
        create(20 + n, Title="x" * 200 if n == 3 else "ok") for n in range(12)
    ]
    receipts = bulk.push(writes)
    assert [r.number for r in receipts] == [w.number for w in writes]
    assert [r.number for r in receipts if r.outcome is not ACKED] == [23]
    assert (receipts[15].error, receipts[15].fields) == ("STRING_TOO_LONG", ("Title",))
    assert [org.tables["Contact"][rid]["Title"] for rid in ids] == [text, None] * 6
    assert {org.tables["Contact"][rid]["Email"] for rid in ids} == {"keep@x.test"}
    assert all(receipt.created for receipt in receipts[12:] if receipt.outcome is ACKED)
    assert not bodies(org)


def test_rows_that_a_job_locked_are_tried_again_at_once(org, bulk):
    """Parallel batches of a job lock each other's parents: new rows go through collections afterwards, updates wait."""
    locked = ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 001ak0000000001")
    org.errors = {"rec-2": queued(locked), "rec-5": queued(*[locked] * 9)}
    receipts = bulk.push([create(n) for n in range(12)])
    assert [(r.number, r.outcome) for r in receipts if r.outcome is not ACKED] == [(5, THROTTLED)]
    assert {len(body["records"]) for body in bodies(org)} == {2, 1}
    org.errors = {"rec-30": queued(locked)}
    org.faults.append(Fault("PATCH /services/data/v67.0/composite", 403, b""))
    receipts = bulk.push([create(n) for n in range(20, 40)])
    assert [(r.number, r.outcome) for r in receipts if r.outcome is not ACKED] == [(30, THROTTLED)]
    org.faults, known = [], [org.add("Contact", LastName="a", Key__c=f"known-{n}") for n in range(10)]
    org.errors = {known[3]: queued(locked)}
    receipts = bulk.push([update(n, rid, Title="x") for n, rid in enumerate(known)])
    assert [(r.number, r.outcome) for r in receipts if r.outcome is not ACKED] == [(3, THROTTLED)]


def test_deletes_go_through_a_job_too(org, bulk):
    """A job deletes by id."""
    ids = [org.add("Contact", LastName="a") for _ in range(10)]
    org.delete("Contact", ids[4])
    assert outcomes(bulk.push([delete(n, rid) for n, rid in enumerate(ids)])) == [ACKED] * 10
    assert all(org.tables["Contact"][rid]["IsDeleted"] for rid in ids)


def test_what_csv_cannot_say_goes_the_other_way(org, bulk):
    """A text that a job would read as "clear", and opt-outs, are written through collections."""
    writes = [create(n) for n in range(11)] + [create(11, Title="#N/A")]
    assert outcomes(bulk.push(writes)) == [ACKED] * 12
    assert [row["Title"] for row in org.by_key("Contact", "Key__c", "rec-11")] == ["#N/A"]
    rows = list(org.tables["Contact"])
    outs = [Write(n, Kind.SUBSCRIBE, "Contact", rid, "r", {"HasOptedOutOfEmail": True}) for n, rid in enumerate(rows)]
    jobs = len(org.jobs)
    assert outcomes(bulk.push(outs)) == [ACKED] * 12
    assert len(org.jobs) == jobs


@pytest.mark.parametrize(
    "fault",
    [
        Fault(r"POST .*/jobs/ingest$", drop="after"),
        Fault(r"POST .*/jobs/ingest$", 503, b""),
        Fault("PATCH .*/jobs/ingest/", drop="after"),
        Fault("PATCH .*/jobs/ingest/", drop="before"),
        Fault("GET .*/jobs/ingest/", 503, b""),
        Fault("PUT .*/batches", drop="after"),
    ],
    ids=str,
)
def test_a_lost_answer_of_a_job_is_settled_by_asking(org, bulk, fault):
    """Whichever step of a job loses its answer, the rows are written once and known to be."""
    org.faults.append(fault)
    assert outcomes(bulk.push([create(n) for n in range(12)])) == [ACKED] * 12
    assert len(org.tables["Contact"]) == 12


@pytest.mark.parametrize("step", [r"POST .*/jobs/ingest$", "PUT .*/batches"])
def test_an_org_that_takes_no_jobs_is_written_to_all_the_same(org, bulk, step):
    """Where a job is refused before it starts the rows go through collections."""
    org.faults.append(Fault(step, 400, [{"errorCode": "LIMIT_EXCEEDED", "message": "x"}]))
    assert outcomes(bulk.push([create(n) for n in range(12)])) == [ACKED] * 12
    assert len(org.tables["Contact"]) == 12


def test_a_job_that_never_started_is_no_doubt(org, make):
    """If the upload cannot be made nothing has happened: the error is raised, and the open job is aborted."""
    crm = make(bulk_threshold=10, retries=0)
    org.faults.append(Fault("PUT .*/batches", 502, b""))
    with pytest.raises(UnreachableError):
        crm.push([create(n) for n in range(12)])
    assert [job["state"] for job in org.jobs.values()] == ["Aborted"]
    assert not org.tables["Contact"]


def test_a_job_that_fails_over_its_header_rejects_its_rows(org, bulk):
    """An unknown column fails the job; the rows say which field it was."""
    failed = {
        "state": "Failed",
        "errorMessage": "InvalidBatch : Field name not found : Email",
        "numberRecordsProcessed": 0,
    }
    org.faults.append(Fault(r"GET .*/jobs/ingest/\w+$", 200, failed))
    org.faults += [
        Fault(f"GET .*/{part}", 200, b"", {"Content-Type": "text/csv"})
        for part in ("successfulResults", "failedResults", "unprocessedrecords")
    ]
    receipts = bulk.push([create(n, Email="a@x.test") for n in range(12)])
    assert {(r.outcome, r.error, r.fields) for r in receipts} == {(REJECTED, "INVALID_FIELD", ("Email",))}


@pytest.mark.law("row 27")
def test_rows_that_a_job_does_not_list_are_in_doubt(org, bulk):
    """A row in none of the result files may have been written."""
    org.faults.append(Fault("GET .*/successfulResults", 200, b"", {"Content-Type": "text/csv"}))
    assert outcomes(bulk.push([create(n) for n in range(12)])) == [DOUBT] * 12


@pytest.mark.law("row 27")
def test_a_stuck_job_is_aborted_and_its_rest_goes_later(org, bulk, clock):
    """A job that does not end within an hour is aborted; what it did counts, what it did not may go again."""
    before = clock.now()
    org.stuck_after = 7
    receipts = bulk.push([create(n) for n in range(12)])
    assert outcomes(receipts) == [ACKED] * 7 + [THROTTLED] * 5
    assert [job["state"] for job in org.jobs.values()] == ["Aborted"]
    assert 3600 <= (clock.now() - before).total_seconds() < 2 * 3600


def test_jobs_left_open_by_a_crash_are_aborted(org, bulk, clock):
    """Our own open jobs of more than an hour ago are aborted; young ones and other people's are left alone."""
    job = {"state": "Open", "createdById": full("005000000000001"), "systemModstamp": stamp(clock.now()), "id": "old"}
    org.jobs = {"old": dict(job), "theirs": job | {"id": "theirs", "createdById": full("005000000000009")}}
    clock.sleep(7200)
    org.jobs["young"] = job | {"id": "young", "systemModstamp": stamp(clock.now())}
    bulk.push([create(n) for n in range(12)])
    assert {name: org.jobs[name]["state"] for name in ("old", "theirs", "young")} == {
        "old": "Aborted",
        "theirs": "Open",
        "young": "Open",
    }


def test_the_journal_is_longer_where_a_job_pays(make):
    """The runner is told to hand over a thousand rows, or five thousand where a bulk job is used: never fewer than make it one."""
    crm = make(bulk_threshold=2000)
    assert [crm.journal_size("Contact", n) for n in (1, 1500, 2000, 50_000)] == [1, 1000, 2000, 5000]
    assert make(bulk_threshold=8000).journal_size("Contact", 50_000) == 8000
