"""One suite that every connector passes: each promise of `sync.connectors.base` is a test, on real HTTP where there is any.

Which systems a promise concerns is said by flags of their benches, and the first test holds the flags to the capabilities.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from benches import BENCHES, RETRIES

from sync import redaction
from sync.errors import AbortError, AuthError, DriftError, QuotaError, UnreachableError
from sync.model.remote import Kind, Outcome, Write
from sync.sandbox.start import Sandbox

CANARY = "canary <script>alert(1)</script> 🐦"
LONG = "x" * 100


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(accounts=0, contacts=0, limits=False) as found:
        yield found


@pytest.fixture
def bench(request, sandbox):
    one = BENCHES[request.param](sandbox)
    yield one
    one.close()
    redaction.forget_hidden()


def of(**flags):
    """The systems whose benches have these flags."""
    chosen = [name for name, bench in BENCHES.items() if all(bool(getattr(bench, f)) is v for f, v in flags.items())]
    assert chosen, flags
    return pytest.mark.parametrize("bench", chosen, indirect=True)


every = of()


def pulled(one, feed, cursor=None, **more):
    """The pages of a pull, and its rows by id."""
    pages = list(one.pull(feed, cursor, **more))
    return pages, {record.id: record for page in pages for record in page.records}


def last_cursor(pages):
    """Where the next pull goes on; None where there is no such place, so that it begins anew."""
    return next((page.cursor for page in reversed(pages) if page.cursor is not None), None)


def told(*things):
    """Everything that a person or a log might read of errors, receipts and findings."""
    texts = []
    for thing in things:
        if isinstance(thing, AbortError):
            texts += [thing.message, thing.remedy, str(thing)]
        else:
            texts += [str(thing.error), thing.message, thing.remedy]
    return " ".join(texts)


# what a system can do --------------------------------------------------------------------------------------------------------


@every
def test_the_flags_of_the_bench_are_the_capabilities(bench):
    """What the suite believes of a system is what the connector says."""
    can = bench.connect().capabilities(bench.object)
    named = (can.listable, can.writable, can.creatable, can.deletable, can.repeatable_create, can.tombstones)
    assert (*named, can.conditional_update) == (
        bench.listable,
        bench.writable,
        bench.creatable,
        bench.deletable,
        bench.repeatable,
        bench.tombstones,
        bench.conditional,
    )
    assert can.repeatable_by_key == (bench.repeatable and bench.external_id is None)
    assert (bench.connect().describe(bench.object) is not None) is bench.described


@every
def test_sizes_are_usable(bench):
    """Batches hold at least a row, and a journal at least a batch of them or one that is asked for."""
    one = bench.connect()
    can = one.capabilities(bench.object)
    assert can.batch_size >= 1 and can.fetch_size >= 1 and can.horizon_s >= 0
    assert all(one.journal_size(bench.object, n) >= 1 for n in (0, 1, 10, 10_000))


@every
def test_an_unknown_object_is_drift(bench):
    """An object that the system has not is a DriftError that names it, wherever it is asked for."""
    one = bench.connect()
    for ask in (one.describe, one.capabilities):
        with pytest.raises(DriftError):
            ask("no_such_things__c")


@every
def test_identity_is_stable(bench):
    """The same credentials open the same tenant, in this process and the next; what rows come changes nothing."""
    first = bench.connect().identify()
    bench.add("ada")
    assert first.id and bench.connect().identify().id == first.id


@every
def test_check_reads_only(bench):
    """`probe` writes nothing, says nothing of anybody, and names what it found."""
    bench.add("ada", title=CANARY)
    bench.forget()
    found = bench.connect().probe()
    assert found and all(finding.what for finding in found)
    assert not bench.sent()
    assert all(finding.well or finding.remedy for finding in found)
    assert "canary" not in repr(found) and "ada@" not in repr(found)


# reading ---------------------------------------------------------------------------------------------------------------------


@of(listable=True)
def test_a_pull_returns_only_what_was_asked_for(bench):
    """A pull carries the feed's paths and no other, whatever the row has."""
    bench.add("ada")
    _, rows = pulled(bench.connect(), type(bench.feed)(bench.object, bench.paths[:2]))
    [record] = rows.values()
    assert set(record.values) == set(bench.paths[:2])
    assert record.object == bench.object and not record.deleted


@every
def test_a_fetch_returns_only_what_was_asked_for(bench):
    """A fetch carries the feed's paths and no other."""
    row_id = bench.add("ada")
    found = bench.connect().fetch(type(bench.feed)(bench.object, bench.paths[:2]), [row_id])[row_id]
    assert dict(found.values) == dict(zip(bench.paths[:2], (bench.mail("ada"), "title of ada"), strict=True))


@of(described=False)
def test_what_was_not_returned_is_left_out(bench):
    """A path that no row has is MISSING: left out, not blank."""
    row_id = bench.add("ada")
    feed = type(bench.feed)(bench.object, (*bench.paths, "no_such_path", "variables.no_such_path"))
    found = bench.connect().fetch(feed, [row_id])[row_id]
    assert set(found.values) == set(bench.paths)


@every
def test_a_blank_is_never_a_value(bench):
    """A field that is empty there comes as a blank or not at all."""
    row_id = bench.add("ada", title=None)
    found = bench.connect().fetch(bench.feed, [row_id])[row_id]
    assert found.values.get(bench.title) in (None, "")
    assert found.values[bench.paths[2]] == "name of ada"


@every
def test_values_come_as_they_are(bench):
    """Emoji, markup and long texts are neither changed nor cut."""
    for key, text in (("ada", CANARY), ("bob", LONG)):
        row_id = bench.add(key, title=text)
        assert bench.connect().fetch(bench.feed, [row_id])[row_id].values[bench.title] == text


@of(listable=True)
def test_a_full_pull_yields_every_row(bench):
    """Over more than one page every row comes, at least once; a total, where it is told, is theirs."""
    ids = bench.fill(bench.many)
    pages, rows = pulled(bench.connect(), bench.feed, full=True)
    assert set(rows) == set(ids)
    assert len([page for page in pages if page.records]) > 1
    assert {page.total for page in pages} <= {None, bench.many}


@of(listable=True, enumerates=True)
def test_completeness_is_claimed_on_the_last_page_alone(bench):
    """Only the last page of a whole walk is `complete`: from it alone a deletion may be inferred."""
    bench.fill(bench.many)
    pages, _ = pulled(bench.connect(), bench.feed, full=True)
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


@of(listable=True, enumerates=False)
def test_completeness_is_not_claimed_where_nothing_proves_it(bench):
    """A source whose search proves nothing never lets a deletion be inferred."""
    bench.add("ada")
    pages, _ = pulled(bench.connect(), bench.feed, full=True)
    assert not any(page.complete for page in pages)


@of(listable=True)
def test_no_cursor_passes_a_row_that_was_not_yielded(bench):
    """Broken off after any page, gone on with from that page's cursor by another connector: no row is missed."""
    ids = set(bench.fill(bench.many))
    pages, _ = pulled(bench.connect(), bench.feed)
    for stop in range(1, len(pages) + 1):
        walk = bench.connect().pull(bench.feed, None)
        seen, cursor = set(), None
        for page in [next(walk) for _ in range(stop)]:
            seen |= {record.id for record in page.records}
            cursor = page.cursor or cursor
        _, rest = pulled(bench.connect(), bench.feed, cursor)
        assert seen | set(rest) == ids, stop


@of(listable=True)
def test_a_new_row_comes_with_the_next_pull(bench):
    """What a person makes after the cursor is yielded by the next pull, in another process too."""
    bench.add("ada")
    pages, _ = pulled(bench.connect(), bench.feed)
    new = bench.add("bob")
    assert new in pulled(bench.connect(), bench.feed, last_cursor(pages))[1]


@of(listable=True, tells_changes=True)
def test_a_changed_row_comes_with_the_next_pull(bench):
    """What a person changes after the cursor is yielded as it now is."""
    row_id = bench.add("ada")
    pages, _ = pulled(bench.connect(), bench.feed)
    bench.edit(row_id, title="CEO")
    _, rows = pulled(bench.connect(), bench.feed, last_cursor(pages))
    assert rows[row_id].values[bench.title] == "CEO"


@of(tombstones=True)
def test_a_deleted_row_comes_as_a_tombstone(bench):
    """Where the feed shows deletions, one that happens after the cursor is positive evidence."""
    row_id = bench.add("ada")
    pages, _ = pulled(bench.connect(), bench.feed)
    bench.delete(row_id)
    assert pulled(bench.connect(), bench.feed, last_cursor(pages))[1][row_id].deleted


@of(listable=True)
def test_full_enumerates_whatever_the_cursor(bench):
    """`full=True` with the cursor of a finished pull reads everything again."""
    ids = {bench.add(key) for key in ("ada", "bob")}
    one = bench.connect()
    pages, _ = pulled(one, bench.feed)
    assert set(pulled(one, bench.feed, last_cursor(pages), full=True)[1]) == ids


@of(listable=True)
@pytest.mark.parametrize("cursor", ["", "nonsense", "{}", '{"since": 1}', "null"])
def test_a_damaged_cursor_loses_nothing(bench, cursor):
    """A cursor that cannot be read is a start from nothing, or refused aloud; it is never the end of the feed."""
    row_id = bench.add("ada")
    try:
        assert row_id in pulled(bench.connect(), bench.feed, cursor)[1]
    except (AbortError, ValueError, KeyError, TypeError):
        assert bench.system == "memory"


@of(listable=False)
def test_what_cannot_be_listed_says_so(bench):
    """A pull of an object without a feed is refused with a remedy, not answered with nothing."""
    with pytest.raises(DriftError) as caught:
        list(bench.connect().pull(bench.feed, None))
    assert caught.value.remedy


@every
def test_a_fetch_has_an_answer_for_every_id(bench):
    """Asked for known, unknown and repeated ids a fetch answers each once; nothing asked, nothing answered."""
    row_id = bench.add("ada")
    gone = bench.add("bob")
    bench.delete(gone)
    found = bench.connect().fetch(bench.feed, [row_id, gone, row_id])
    assert set(found) == {row_id, gone}
    assert bench.connect().fetch(bench.feed, []) == {}


@of(fetches=True)
def test_a_deleted_row_is_fetched_as_gone(bench):
    """A row that was deleted is None, or says so itself; its neighbour is there."""
    gone, there = bench.add("ada"), bench.add("bob")
    bench.delete(gone)
    found = bench.connect().fetch(bench.feed, [gone, there])
    assert found[gone] is None or found[gone].deleted
    assert found[there].values[bench.title] == "title of bob"


@of(fetches=False)
def test_what_is_not_shown_is_not_said_to_be_gone(bench):
    """Where nothing proves a deletion, a row that is not found has no values, and is not None."""
    gone = bench.add("ada")
    bench.delete(gone)
    found = bench.connect().fetch(bench.feed, [gone])[gone]
    assert found is not None and not found.deleted and not found.values


@of(http=True)
@pytest.mark.parametrize("status", [500, 503, 403])
def test_trouble_is_no_evidence_of_a_deletion(bench, status):
    """A server in trouble, or a right that is missing, makes a fetch fail; it never makes a row gone."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.identify()
    bench.fault("status", status=status, times=None)
    with pytest.raises(AbortError):
        one.fetch(bench.feed, [row_id])


@every
def test_a_fetch_reads_afresh(bench):
    """The same connector sees what changed between two fetches."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.fetch(bench.feed, [row_id])
    bench.edit(row_id, title="CEO")
    assert one.fetch(bench.feed, [row_id])[row_id].values[bench.title] == "CEO"


@of(writable=True)
def test_a_lookup_finds_by_value_without_case(bench):
    """A row is found by each path that may be asked, whatever the case; somebody unknown is found nowhere."""
    row_id = bench.add("ada")
    one = bench.connect()
    path = bench.paths[0]
    assert path in one.capabilities(bench.object).lookup_paths
    values = [bench.mail("ADA"), bench.mail("nobody")]
    found = one.lookup(bench.feed, path, values)
    assert [record.id for record in found[values[0]]] == [row_id]
    assert found.get(values[1], ()) == ()


@of(http=True)
def test_a_path_that_cannot_be_looked_up_is_drift(bench):
    """A look-up by a path that the system has not is refused, not answered with nothing."""
    one = bench.connect()
    with pytest.raises(DriftError):
        one.lookup(bench.feed, "no_such_path__c", ["x"])


# credentials and trouble -----------------------------------------------------------------------------------------------------


@of(http=True)
def test_a_wrong_key_is_an_auth_error_at_once(bench):
    """Refused credentials are an AuthError with a remedy after at most one refresh; the key stands in no text."""
    row_id = bench.add("ada")
    one = bench.connect("wrong-secret-key")
    with pytest.raises(AuthError) as caught:
        one.fetch(bench.feed, [row_id])
    assert caught.value.remedy and "wrong-secret-key" not in told(caught.value)
    assert len(bench.log()) <= bench.refusals_max


@of(refreshes=True)
def test_a_token_that_ran_out_is_renewed_once(bench):
    """One 401 is answered by one refresh and the work goes on; a second in a row is an AuthError."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.identify()
    bench.fault(
        "status",
        status=401,
        body=[{"errorCode": "INVALID_SESSION_ID", "message": "x"}],
        times=1,
        path="^/services/data",
    )
    assert one.fetch(bench.feed, [row_id])[row_id] is not None
    bench.fault(
        "status",
        status=401,
        body=[{"errorCode": "INVALID_SESSION_ID", "message": "x"}],
        times=None,
        path="^/services/data",
    )
    with pytest.raises(AuthError):
        one.fetch(bench.feed, [row_id])


@of(http=True)
def test_a_read_is_retried(bench):
    """A server that recovers within the limits is not noticed."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.identify()
    bench.fault("status", status=503, times=RETRIES)
    assert one.fetch(bench.feed, [row_id])[row_id].values[bench.title] == "title of ada"


@of(http=True)
@pytest.mark.parametrize(
    "fault",
    [{"kind": "status", "status": 503}, {"kind": "drop_before"}, {"kind": "malformed"}, {"kind": "malformed", "body": "<html>Log in</html>"}],
    ids=["503", "cut", "half", "html"],
)  # fmt: skip
def test_a_read_that_stays_unanswered_is_unreachable(bench, fault):
    """After the retries a read is an UnreachableError; half a body or a log-in page is never an empty result."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.identify()
    bench.forget()
    bench.fault(**fault, times=None)
    with pytest.raises(UnreachableError):
        one.fetch(bench.feed, [row_id])
    assert len(bench.log()) == RETRIES + 1


@of(http=True)
def test_throttling_is_waited_for_within_reason(bench):
    """Told to wait a little, a read waits and comes through; told to wait for ever, it is a QuotaError with the time."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.identify()
    bench.fault("status", status=429, headers={"retry-after": "7"}, times=1)
    assert one.fetch(bench.feed, [row_id])[row_id] is not None
    assert bench.clock.waited >= 7
    bench.fault("status", status=429, headers={"retry-after": "86400"}, times=None)
    with pytest.raises(QuotaError):
        one.fetch(bench.feed, [row_id])


@of(listable=True, breaks=True)
def test_a_pull_that_fails_keeps_what_it_yielded(bench):
    """An error in the middle of a walk raises; the cursors given before still lead to every row."""
    ids = set(bench.fill(bench.many))
    one = bench.connect()
    walk = one.pull(bench.feed, None)
    page = next(walk)
    seen, cursor = {record.id for record in page.records}, page.cursor
    bench.fault("status", status=503, times=None)
    with pytest.raises(UnreachableError):
        for page in walk:
            seen |= {record.id for record in page.records}
            cursor = page.cursor or cursor
    bench.no_faults()
    assert seen | set(pulled(bench.connect(), bench.feed, cursor)[1]) == ids


@of(http=True, writable=True)
def test_a_write_that_did_not_happen_is_sent_again(bench):
    """Throttled for a moment, a write waits and happens once: that it had not happened is sure."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("status", status=429, headers={"retry-after": "3"}, times=1)
    [receipt] = one.push([bench.retitle(row_id, "CEO")])
    assert receipt.outcome is Outcome.ACKED and bench.titles() == {row_id: "CEO"}


@of(listable=True)
def test_a_pull_may_run_beside_other_reads(bench):
    """A pull on a thread of its own and fetches on another do not disturb each other."""
    ids = bench.fill(bench.many)
    one = bench.connect()
    with ThreadPoolExecutor(1) as other:
        walk = other.submit(pulled, one, bench.feed, full=True)
        found = [one.fetch(bench.feed, [row_id]) for row_id in ids[:3]]
        assert set(walk.result()[1]) == set(ids)
    assert [row[row_id].id for row_id, row in zip(ids, found, strict=False)] == ids[:3]


@every
def test_usage_counts(bench):
    """Calls are counted as the server counts them, rows that were read too."""
    row_id = bench.add("ada")
    one = bench.connect()
    bench.forget()
    one.fetch(bench.feed, [row_id])
    assert one.usage().calls == len(bench.log()) >= 1
    assert one.usage().read >= 1 and one.usage().gate_refusals == 0


@every
def test_closing_twice_is_no_mistake(bench):
    """Sockets are given back once; a second close does nothing."""
    one = bench.connect()
    one.identify()
    one.close()
    one.close()


# writing ---------------------------------------------------------------------------------------------------------------------


@every
def test_nothing_to_write_is_nothing_sent(bench):
    """No write, no receipt, no call."""
    bench.forget()
    assert bench.connect().push([]) == []
    assert not bench.sent()


@of(writable=False)
def test_a_source_refuses_every_write(bench):
    """A read-only system answers each write with a rejection that says so; no byte is sent."""
    row_id = bench.add("ada")
    bench.forget()
    writes = [bench.create("bob", 7), bench.retitle(row_id, CANARY, 8)]
    for write in writes:
        [receipt] = bench.connect().push([write])
        assert (receipt.number, receipt.outcome) == (write.number, Outcome.REJECTED)
        assert receipt.remedy and "canary" not in told(receipt)
    assert not bench.log() and list(bench.rows()) == [row_id]


@of(writable=True)
def test_a_create_makes_one_row(bench):
    """A create is acknowledged with the new id, under which the row is then found."""
    one = bench.connect()
    [receipt] = one.push([bench.create("ada", 41)])
    assert (receipt.number, receipt.outcome) == (41, Outcome.ACKED)
    assert list(bench.rows()) == [receipt.remote_id]
    assert one.fetch(bench.feed, [receipt.remote_id])[receipt.remote_id].values[bench.title] == "title of ada"


@of(writable=True)
def test_an_update_changes_what_was_sent_alone(bench):
    """What an update does not name stays as it is, and so does everybody else."""
    ada, bob = bench.add("ada"), bench.add("bob")
    [receipt] = bench.connect().push([bench.retitle(ada, CANARY)])
    assert receipt.outcome is Outcome.ACKED
    assert bench.titles() == {ada: CANARY, bob: "title of bob"}
    assert bench.held(ada, bench.paths[2]) == "name of ada" and bench.held(ada, bench.paths[0]) == bench.mail("ada")


@of(writable=True)
def test_a_receipt_carries_the_row_as_it_stands_or_nothing(bench):
    """Values in a receipt are the system's, never an echo of what was hoped for."""
    row_id = bench.add("ada")
    one = bench.connect()
    [receipt] = one.push([bench.retitle(row_id, "  spaced  ")])
    assert receipt.outcome is Outcome.ACKED
    if receipt.values is not None and bench.title in receipt.values:
        assert receipt.values[bench.title] == one.fetch(bench.feed, [row_id])[row_id].values[bench.title]


@of(writable=True)
def test_each_write_has_one_receipt_in_its_order(bench):
    """Good rows and rows that are not there come back in the order given, each under its own number."""
    known = [bench.add(f"p{n}") for n in range(4)]
    numbers = [907, 3, 55, 12]
    writes = [bench.retitle(row_id, f"t{n}", n) for n, row_id in zip(numbers, known, strict=True)]
    gone = bench.add("gone")
    bench.delete(gone)
    writes.insert(2, bench.retitle(gone, "t", 100))
    receipts = bench.connect().push(writes)
    assert [receipt.number for receipt in receipts] == [907, 3, 100, 55, 12]
    assert [receipt.outcome is Outcome.ACKED for receipt in receipts if receipt.number != 100] == [True] * 4
    assert {row_id: f"t{n}" for n, row_id in zip(numbers, known, strict=True)}.items() <= bench.titles().items()


@of(writable=True, repeatable=False)
def test_an_update_of_a_row_that_is_gone_makes_none(bench):
    """A row that does not exist any more is GONE to an update, and is not made again."""
    row_id = bench.add("ada")
    bench.add("bob")
    bench.delete(row_id)
    [receipt] = bench.connect().push([bench.retitle(row_id, "CEO")])
    assert receipt.outcome is Outcome.GONE
    assert len(bench.rows()) == 1


@of(conditional=True)
@pytest.mark.parametrize("now", ["their own", "TITLE OF ADA", None], ids=["another", "in capitals", "blank"])
def test_a_conditional_update_keeps_an_edit_that_it_did_not_expect(bench, now):
    """What a person has changed since the plan was made is not overwritten: the row as it stands is told, and nothing is sent."""
    ada, bob = bench.add("ada"), bench.add("bob")
    bench.edit(ada, title=now)
    one = bench.connect()
    one.capabilities(bench.object)
    bench.forget()
    ours = bench.retitle(ada, "CEO", 1, **{bench.title: "title of ada"})
    theirs = bench.retitle(bob, "CFO", 2, **{bench.title: "title of bob"})
    moved, done = one.push([ours, theirs])
    assert (moved.outcome, moved.remote_id, done.outcome) == (Outcome.MOVED, ada, Outcome.ACKED)
    read = one.fetch(bench.feed, [ada])[ada]
    assert {path: moved.values[path] for path in bench.paths if path in moved.values} == read.values
    assert (moved.version, moved.changed_at) == (read.version, read.changed_at)
    assert bench.titles() == {ada: now, bob: "CFO"}
    assert not bench.http or len(bench.sent()) == 1


@of(conditional=True)
def test_a_conditional_update_of_what_was_made_the_same_meanwhile_is_news(bench):
    """Who has made the very edit that we bring is not passed over: it is told, so that it is known whose it is."""
    row_id = bench.add("ada")
    bench.edit(row_id, title="CEO")
    [receipt] = bench.connect().push([bench.retitle(row_id, "CEO", **{bench.title: "title of ada"})])
    assert receipt.outcome is Outcome.MOVED and receipt.values[bench.title] == "CEO"


@of(conditional=True)
def test_a_conditional_update_minds_only_what_it_expects(bench):
    """An edit of another column, or one that the row does not tell, keeps no update back, and is kept by it."""
    row_id = bench.add("ada")
    bench.edit(row_id, name="their own")
    one = bench.connect()
    [receipt] = one.push([bench.retitle(row_id, "CEO", **{bench.title: "title of ada", "no_such_column": "x"})])
    assert receipt.outcome is Outcome.ACKED
    assert [bench.held(row_id, path) for path in bench.paths[1:]] == ["CEO", "their own"]


@of(writable=True, repeatable=False)
def test_a_create_in_doubt_is_never_repeated(bench):
    """The answer to a create that cannot be told from a second one is lost: DOUBT, one request, one row."""
    one = bench.connect()
    one.identify()
    bench.forget()
    bench.fault("drop_after", method="POST", times=None)
    [receipt] = one.push([bench.create("ada")])
    assert receipt.outcome is Outcome.DOUBT
    assert len(bench.sent()) == 1 and len(bench.rows()) == 1


@of(writable=True, repeatable=True)
def test_a_create_that_may_be_repeated_makes_one_row(bench):
    """Repeated by whoever, after an answer that was lost, a create with a key makes one row."""
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("drop_after", **bench.creating, times=1)
    [first] = one.push([bench.create("ada")])
    assert bench.was_cut()
    assert first.outcome in (Outcome.DOUBT, Outcome.ACKED)
    bench.no_faults()
    [second] = one.push([bench.create("ada")])
    assert second.outcome in (Outcome.ACKED, Outcome.MOVED) and list(bench.rows()) == [second.remote_id]


@of(writable=True)
def test_an_update_whose_answer_is_lost_is_doubt_or_known(bench):
    """Cut off after the work was done: the receipt says DOUBT, or ACKED because it was looked up; never that it failed."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("drop_after", **bench.writing, times=None)
    [receipt] = one.push([bench.retitle(row_id, "CEO")])
    assert receipt.outcome in (Outcome.DOUBT, Outcome.ACKED) and bench.was_cut()
    bench.no_faults()
    assert bench.titles() == {row_id: "CEO"}


@of(writable=True)
def test_a_system_that_is_away_raises_before_the_first_row(bench):
    """With nothing sent a push raises UnreachableError or AuthError, and nothing has happened."""
    row_id = bench.add("ada")
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("status", status=bench.refused, times=None)
    with pytest.raises((AuthError, UnreachableError)):
        one.push([bench.retitle(row_id, "CEO", n) for n in range(3)])
    bench.no_faults()
    assert bench.titles() == {row_id: "title of ada"}


@of(writable=True)
def test_after_the_first_row_nothing_is_raised(bench):
    """A system that goes away in the middle leaves a receipt for each row: those that happened, and those that did not."""
    ids = bench.fill(bench.few)
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("status", status=bench.refused, **bench.writing, after=1, times=None)
    receipts = one.push([bench.retitle(row_id, "CEO", n) for n, row_id in enumerate(ids)])
    assert [receipt.number for receipt in receipts] == list(range(bench.few))
    bench.no_faults()
    happened = {row_id for row_id, title in bench.titles().items() if title == "CEO"}
    assert {ids[r.number] for r in receipts if r.outcome is Outcome.ACKED} <= happened
    assert 0 < len(happened) < bench.few
    assert all(r.outcome in (Outcome.ACKED, Outcome.THROTTLED, Outcome.DOUBT) for r in receipts)
    assert not {ids[r.number] for r in receipts if r.outcome is Outcome.THROTTLED} & happened


@of(http=True, writable=True, batches=True)
def test_a_bad_row_of_a_batch_fails_alone(bench):
    """A row that the vendor refuses inside a batch has its own receipt; the others happen."""
    ids = [bench.add(f"p{n}") for n in range(4)]
    one = bench.connect()
    one.capabilities(bench.object)
    bench.fault("rows", rows=[1], error="INVALID_FIELD", times=1)
    receipts = one.push([bench.retitle(row_id, "CEO", n) for n, row_id in enumerate(ids)])
    acked = {ids[r.number] for r in receipts if r.outcome is Outcome.ACKED}
    assert [r.number for r in receipts] == [0, 1, 2, 3] and len(acked) >= 3
    assert acked == {row_id for row_id, title in bench.titles().items() if title == "CEO"}


@of(deletable=True)
def test_a_delete_deletes_one_row(bench):
    """A delete takes its row and no other; asked again it says that there is none."""
    ada, bob = bench.add("ada"), bench.add("bob")
    one = bench.connect()
    write = Write(1, Kind.DELETE, bench.object, ada, "con_ada", {})
    [receipt] = one.push([write])
    assert receipt.outcome is Outcome.ACKED and list(bench.rows()) == [bob]
    [again] = one.push([write])
    assert again.outcome in (Outcome.GONE, Outcome.ACKED) and list(bench.rows()) == [bob]


@of(writable=True, deletable=False)
def test_a_delete_that_cannot_be_is_rejected(bench):
    """Where the API deletes nothing, a delete is rejected with a remedy, and sent nowhere."""
    row_id = bench.add("ada")
    bench.forget()
    [receipt] = bench.connect().push([Write(1, Kind.DELETE, bench.object, row_id, "con_ada", {})])
    assert receipt.outcome is Outcome.REJECTED and receipt.remedy
    assert not bench.sent() and list(bench.rows()) == [row_id]


@of(writable=True)
def test_a_blank_empties_or_is_refused(bench):
    """Where blanks may be sent the field is empty afterwards; elsewhere the write is refused and the value stands."""
    row_id = bench.add("ada")
    one = bench.connect()
    [receipt] = one.push([bench.retitle(row_id, None)])
    if one.capabilities(bench.object).clearable:
        assert receipt.outcome is Outcome.ACKED and bench.held(row_id, bench.title) in (None, "")
    else:
        assert receipt.outcome is Outcome.REJECTED and bench.held(row_id, bench.title) == "title of ada"


# what is never said, and never sent ------------------------------------------------------------------------------------------


@of(http=True, writable=True)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_no_value_stands_in_a_message(bench, status):
    """Whatever the vendor quotes back, no error and no receipt repeats a value, an address or a secret."""
    row_id = bench.add("ada")
    one = bench.connect(key="sandbox-secret-key")
    one.capabilities(bench.object)
    quoted = f"{CANARY} of {bench.mail('ada')} with sandbox-secret-key"
    body = {
        "error": quoted,
        "message": quoted,
        "code": quoted,
        "errors": [{"title": quoted, "detail": quoted, "details": quoted}],
    }
    bench.fault("status", status=status, body=[body] if bench.system == "salesforce" else body, times=None)
    heard = []
    acts = (
        lambda: one.push([bench.retitle(row_id, CANARY)]),
        lambda: one.push([bench.create("ada")]),
        lambda: list(one.fetch(bench.feed, [row_id]))[:0],
    )
    for act in acts:
        try:
            heard += act()
        except AbortError as error:
            heard.append(error)
    text = told(*heard)
    assert heard and "canary" not in text and "sandbox-secret-key" not in text
    assert bench.mail("ada") not in text.replace(row_id, "") or bench.id_path == "email"


@of(opt_in=True)
def test_the_gate_refuses_to_opt_in_whom_the_ledger_holds(bench):
    """A payload that would opt in a suppressed address is refused and counted, and no byte of it is sent."""
    row_id = bench.add("ada")
    bench.suppressed.add(bench.mail("ada"))
    one = bench.connect()
    one.capabilities(bench.object)
    bench.forget()
    [receipt] = one.push([bench.consent(bench.opt_in, row_id, bench.mail("ada"))])
    assert (receipt.outcome, receipt.error) == (Outcome.REJECTED, "SUPPRESSED")
    assert one.usage().gate_refusals == 1
    assert not bench.sent() or not bench.http


@of(opt_out=True)
def test_an_opt_out_always_passes(bench):
    """The gate holds back no opt-out, whoever the ledger holds."""
    row_id = bench.add("ada")
    bench.suppressed.add(bench.mail("ada"))
    one = bench.connect()
    [receipt] = one.push([bench.consent(bench.opt_out, row_id, bench.mail("ada"))])
    assert receipt.outcome is Outcome.ACKED and one.usage().gate_refusals == 0
    [(path, value)] = bench.opt_out[1].items()
    assert bench.held(row_id, path) == value


@of(opt_in=True)
def test_the_gate_stops_one_row_alone(bench):
    """A row that the gate refuses keeps no other from being written."""
    ada, bob = bench.add("ada"), bench.add("bob")
    bench.suppressed.add(bench.mail("ada"))
    writes = [
        bench.consent(bench.opt_in, ada, bench.mail("ada"), 1),
        bench.consent(bench.opt_out, bob, bench.mail("bob"), 2),
    ]
    receipts = bench.connect().push(writes)
    assert [receipt.outcome for receipt in receipts] == [Outcome.REJECTED, Outcome.ACKED]
