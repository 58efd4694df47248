"""What a person sees of a run, a record and the open questions."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sync.cli.render import findings, inbox, paper, progress, record, run, status
from sync.model.report import Counts, Failure, LimitHit, RunReport

EVIL = "\x1b[2J\x1b]0;pwned\x07[bold red]\r\nok \u202e"
OPERATION = {
    "entity": "contact", "record": "01J9", "key": "ada@x.example", "system": "salesforce", "op": "update", "id": "003", "status": "settled",
    "reason": "changed in abmatic", "error": "E1", "message": EVIL,
    "changes": [{"field": "title", "native": "Title", "before": "CTO", "after": EVIL, "from": "abmatic", "rule": "latest",
                 "lost": [{"system": "salesforce", "value": "CTO", "rule": "latest"}]}],
}  # fmt: skip
CONFLICT = {"id": "c7", "entity": "contact", "record": "r", "key": EVIL, "ids": {"salesforce": "003"}, "field": "title", "reason": EVIL,
            "values": {"abmatic": EVIL, "salesforce": "VP"}}  # fmt: skip
QUARANTINED = {"id": "q1", "entity": "contact", "system": "salesforce", "record": "r", "key": "eve@x.example", "error": "STRING_TOO_LONG",
               "message": EVIL, "remedy": "Shorten the title."}  # fmt: skip
UNSEEN = {
    "system": "salesforce",
    "entity": "contact",
    "field": "title",
    "object": "Contact",
    "native": "Titel",
    "where": "mappings/contacts.toml:65",
    "nearest": "Title",
}
SYSTEMS = {"abmatic": Counts(read=1234, calls=3), "salesforce": Counts(updated=1, failed=1)}


def report(**more):
    return RunReport(**{"run": "01J8", "full": False, "seconds": 1.93, "systems": SYSTEMS} | more)


@pytest.fixture
def drawn():
    """A paper of 100 columns and what was drawn on it."""
    out = io.StringIO()
    sheet = paper.Paper(
        coloured=False,
        console=Console(file=out, width=100, color_system=None, markup=False, highlight=False, emoji=False),
    )
    return sheet, out.getvalue


def test_a_run_shows_record_field_before_after_rule_and_reason(drawn):
    """A change is shown under its record's key, with field, both values, rule, origin and what lost."""
    sheet, seen = drawn
    run.draw_run(sheet, report(operations=[OPERATION]).to_json(), "Sync")
    for word in (
        "ada@x.example",
        "title",
        "CTO",
        "latest from abmatic",
        "; salesforce",
        "changed in abmatic",
        "1,234",
        "E1",
    ):
        assert word in seen()


def test_nothing_remote_reaches_the_terminal_raw(drawn):
    """No screen passes on a control character or obeys markup, whichever value holds it."""
    sheet, seen = drawn
    run.draw_run(
        sheet,
        report(operations=[OPERATION], conflicts=[CONFLICT], quarantined=[QUARANTINED], notes=[EVIL]).to_json(),
        "Sync",
    )
    cell = {"native": EVIL, "seen": EVIL, "agrees": False, "why": EVIL}
    record.draw_record(
        sheet,
        {"entity": "contact", "record": "r", "key": EVIL, "ids": {"abmatic": EVIL},
         "fields": {"title": {"value": EVIL, "from": EVIL, "rule": EVIL, "changed_at": EVIL, "systems": {"abmatic": cell},
                              "held": EVIL, "history": [{"before": EVIL, "after": EVIL, "rule": EVIL, "at": EVIL, "from": EVIL,
                                           "lost": [{"system": EVIL, "value": EVIL, "rule": EVIL}]}]}},
         "links": [{"system": EVIL, "id": EVIL, "state": EVIL, "seen_at": EVIL}], "conflicts": [EVIL]},
    )  # fmt: skip
    status.draw_status(
        sheet,
        {
            "well": False,
            "why": [EVIL, {"what": EVIL, "remedy": EVIL}],
            "systems": {"a": {"error": EVIL}},
            "last_run": EVIL,
        },
    )
    findings.draw_check(
        sheet,
        {
            "well": False,
            "findings": [{"system": EVIL, "what": EVIL, "well": False, "detail": EVIL, "remedy": EVIL}],
            "notes": [{"file": EVIL, "line": 3, "message": EVIL, "remedy": EVIL}],
        },
    )
    findings.draw_consent(
        sheet, {"mailable": False, "why": EVIL, "systems": {EVIL: EVIL}, "ledger": [{"evidence": EVIL}]}
    )
    text = seen()
    assert not set(text) & set("\x1b\x07\r\u202e")
    assert "[bold red]" in text


@pytest.mark.parametrize(("more", "code", "word"), [
    ({}, 3, "needs you"),
    ({"systems": {"abmatic": Counts()}}, 0, "agrees"),
    ({"failures": [Failure("abmatic", "refused", "Renew the key.")]}, 5, "Renew the key."),
    ({"limits_hit": [LimitHit("salesforce", "max_updates", 900, 200)], "failures": [Failure("abmatic", "refused")]}, 4, "crm-sync apply 01J8"),
    ({"in_doubt": 2}, 3, "2 writes"),
    ({"systems": {"abmatic": Counts()}, "unseen": [UNSEEN]}, 3, "mappings/contacts.toml:65, did you mean Title?"),
    ({"systems": {"abmatic": Counts()}, "unseen": [UNSEEN | {"field": ""}]}, 3, "our id of each contact is neither"),
    ({"systems": {"abmatic": Counts()}, "skipped": 1}, 3, "needs you"),
])  # fmt: skip
def test_exit_codes_and_words_of_a_run(drawn, more, code, word):
    """A limit beats an unserved system, which beats open questions; each says what to do."""
    sheet, seen = drawn
    finished = report(**more)
    run.draw_run(sheet, finished.to_json(), "Sync")
    assert finished.exit_code == code
    assert word in seen()


def test_the_published_object_is_complete():
    """A run's JSON has every published key; operations are a sample, counts are not."""
    shown = report(operations=[OPERATION] * 5, conflicts=[CONFLICT], digest="d").to_json(limit=2)
    assert set(shown) >= {
        "run",
        "status",
        "full",
        "seconds",
        "systems",
        "operations",
        "conflicts",
        "quarantined",
        "digest",
    }
    assert len(shown["operations"]) == 2
    assert shown["systems"]["abmatic"] == {
        "read": 1234,
        "created": 0,
        "updated": 0,
        "deleted": 0,
        "engaged": 0,
        "unchanged": 0,
        "failed": 0,
        "calls": 3,
    }


def test_explain_tells_value_origin_rule_and_who_agrees(drawn):
    """A record's screen has, per field, the value, its origin and rule, each system's native value, and what it was before."""
    sheet, seen = drawn
    field = {"value": "VP", "from": "abmatic", "rule": "latest", "changed_at": None, "held": None,
             "systems": {"abmatic": {"native": "VP", "seen": None, "agrees": True}, "salesforce": {"native": "CTO", "agrees": False, "mode": "read"}},
             "history": [{"before": "CTO", "after": "VP", "from": "abmatic", "rule": "latest", "run": "01J", "at": None,
                          "lost": [{"system": "salesforce", "value": "CEO", "rule": "latest"}]}]}  # fmt: skip
    record.draw_record(
        sheet,
        {
            "entity": "contact",
            "record": "r1",
            "key": "ada@x.example",
            "ids": {"abmatic": "77"},
            "fields": {"title": field},
        },
    )
    lines = [" ".join(line.split()) for line in seen().splitlines()]
    assert lines[0] == "contact ada@x.example"
    for line in (
        "abmatic 77",
        "title VP from abmatic · by latest",
        "abmatic VP agrees",
        "salesforce CTO differs: only read",
    ):
        assert line in lines
    assert "was CTO → VP latest from abmatic · run 01J" in lines
    assert "lost CEO salesforce, beaten by latest" in lines


def test_the_list_of_runs(drawn):
    """Each run is a line with what it was, when, how it ended and its totals; no runs is a hint."""
    sheet, seen = drawn
    shown = {
        "run": "01J8",
        "kind": "backfill",
        "status": "ok",
        "started_at": None,
        "seconds": 75,
        "systems": report().to_json()["systems"],
    }
    run.draw_runs(sheet, [shown])
    assert "01J8 backfill never ok 1 min 15 s 1,234 1 1 3" in " ".join(seen().split())
    run.draw_runs(sheet, [])
    assert "crm-sync backfill" in seen()


def test_a_plan_says_that_nothing_was_written(drawn):
    """The plan's first line tells how much would be written, and that nothing was."""
    sheet, seen = drawn
    run.draw_run(sheet, report(systems={}, operations=[OPERATION | {"status": "planned"}]).to_json(), "Plan")
    assert seen().startswith("1 write planned; nothing has been written.")


def test_quarantine_says_the_remedy_once_for_records_with_the_same_cause(drawn):
    """Forty records with one cause show one remedy."""
    sheet, seen = drawn
    inbox.draw_quarantine(sheet, [QUARANTINED | {"id": f"q{n}"} for n in range(40)])
    assert seen().count("Shorten the title.") == 1
    assert "q39" in seen()
    inbox.draw_quarantine(sheet, [QUARANTINED | {"message": "no word for it", "held": "Fin\x1btech"}])
    assert "no word for it: Fin\\x1btech" in seen()


def test_a_conflict_shows_the_command_that_settles_it(drawn):
    """Each side of a conflict has a command of its own, on one line however narrow: it is pasted as it stands."""
    sheet, seen = drawn
    sheet.console.width = 30
    inbox.draw_conflicts(sheet, [CONFLICT])
    for side in CONFLICT["values"]:
        assert f"    crm-sync conflicts resolve c7 --take {side}" in seen().splitlines()
    assert "|" not in seen()


def test_a_table_that_does_not_fit_names_every_number(drawn):
    """On a narrow terminal no column is squeezed to nothing: the system's name stands above, each number beside its word."""
    sheet, seen = drawn
    sheet.console.width = 60
    run.draw_counts(sheet, report().to_json()["systems"])
    told = " ".join(seen().split())
    shown = {
        "run": "01M8FEJ52YE5ES9RZQ0QF2G5N6",
        "kind": "sync",
        "status": "ok",
        "started_at": None,
        "seconds": 1,
        "systems": {},
    }
    run.draw_runs(sheet, [shown])
    assert shown["run"] in seen().splitlines()
    assert "abmatic read 1,234 · created 0 · updated 0 · deleted 0 · unchanged 0 · failed 0 · calls 3" in told


def test_the_number_of_writes_is_the_counts_not_the_sample(drawn):
    """A run of thousands shows some of its writes and says how many there are; what was not written is no write."""
    sheet, seen = drawn
    skipped = OPERATION | {"status": "skipped"}
    ran = report(systems={"salesforce": Counts(created=4000, updated=12)}, operations=[skipped, *[OPERATION] * 999])
    run.draw_run(sheet, ran.to_json(), "Sync")
    assert "Changes  4,012 writes, 1 not written" in seen()


def test_a_stopped_run_that_is_looked_at_says_how_to_release_it(drawn):
    """`crm-sync runs RUN` of a run that a limit stopped tells what to do next, and no number that it does not know."""
    sheet, seen = drawn
    past = report(systems={}, operations=[OPERATION | {"status": "planned"}] * 1000).to_json() | {"status": "stopped"}
    run.draw_run(sheet, past, "Sync")
    assert "crm-sync apply 01J8" in seen()
    counts = {"abmatic": {"created": 4000, "updated": 2, "deleted": 0}}
    run.draw_run(sheet, past | {"planned": counts}, "Sync")
    assert "abmatic 4,000 2 0" in " ".join(seen().split())
    assert "Changes  4,002 planned, the first of them" in seen()
    assert "Changes  the first 1,000 of the plan" in seen()


def test_a_verify_that_could_not_read_everything_does_not_sound_green(drawn):
    """Where a system did not answer, last known values were compared: that is said, and nothing is called agreement."""
    sheet, seen = drawn
    failure = {"system": "abmatic", "message": "abmatic: no connection", "remedy": "Is it up?"}
    findings.draw_verify(sheet, {"agreed": 9, "explained": [], "unexplained": [], "failures": [failure]})
    assert "No unexplained difference" not in seen()
    assert "of abmatic the last known values were compared" in seen()
    assert "Is it up?" in seen()


def test_evidence_has_the_day_and_the_zone(drawn):
    """What a privacy officer prints says when, to the second and in UTC, not how long ago."""
    sheet, seen = drawn
    act = {"at": "2026-11-27T22:58:33+02:00", "state": "UNSUBSCRIBED", "source": "conversion", "evidence": "contacts 7"}
    findings.draw_consent(sheet, {"mailable": False, "why": "opted out", "systems": {}, "ledger": [act]})
    assert "2026-11-27 20:58:33 UTC" in seen()
    assert "says" not in seen()  # no head of a table without rows
    told = {"at": "2026-11-27T20:58:34+00:00", "system": "salesforce", "object": "Contact", "id": "003", "state": "UNSUBSCRIBED",
            "status": "settled", "run": "01J8"}  # fmt: skip
    whole = {
        "mailable": False,
        "why": "opted out",
        "systems": {"salesforce": "UNSUBSCRIBED"},
        "told": [told],
        "ledger": [act],
    }
    findings.draw_consent(sheet, whole | {"seen_at": {"salesforce": "2026-11-28T00:00:00+00:00"}})
    assert "2026-11-28 00:00:00 UTC" in seen()
    assert "2026-11-27 20:58:34 UTC" in seen()


def test_status_begins_with_the_verdict(drawn):
    """The first line answers the question; the next ones say what to do."""
    sheet, seen = drawn
    rows = {
        "abmatic": {"reachable": True, "lag_seconds": 61, "calls_left": 9000},
        "conversion": {"reachable": True, "lag_seconds": None, "linked": 7},
        "letrics": {"reachable": False},
    }
    status.draw_status(
        sheet,
        {
            "well": False,
            "why": [{"what": "letrics is not reachable", "remedy": "Try check."}],
            "systems": rows,
            "last_run": None,
        },
    )
    lines = seen().splitlines()
    assert lines[0] == "1 thing needs you."
    assert "letrics is not reachable" in lines[1]
    assert "1 min 1 s" in seen()
    assert "9,000" in seen()
    assert ["asked by key" in line for line in seen().splitlines() if "conversion" in line] == [True]
    sheet, seen = drawn
    status.draw_status(sheet, {"well": True, "why": [], "systems": {}, "last_run": None})
    assert "All is well." in seen()


def test_five_findings_are_readable(drawn):
    """Each thing to put right has its remedy on the line below; the verdict comes last."""
    sheet, seen = drawn
    rows = [
        {
            "system": "salesforce",
            "what": f"field {n}",
            "well": n > 5,
            "remedy": f"remedy {n}",
            "count": n,
            "example": "003",
        }
        for n in range(1, 8)
    ]
    findings.draw_check(sheet, {"well": False, "findings": rows})
    assert seen().count("fix ") == 5
    assert "remedy 6" not in seen()
    assert "5 findings need you" in seen().splitlines()[-1]


def test_check_shows_what_is_worth_a_look(drawn):
    """A note stands with its place and what to do, above the verdict, and needs nobody."""
    sheet, seen = drawn
    note = {"file": "mappings/contacts.toml", "line": 7, "message": "it may be blank", "remedy": "Say what then."}
    findings.draw_check(sheet, {"well": True, "findings": [], "notes": [note]})
    assert "mappings/contacts.toml:7  it may be blank" in seen() and "Say what then." in seen()
    assert "All is ready" in seen().splitlines()[-1]


def test_verify_groups_what_is_explained_and_lists_what_is_not(drawn):
    """Explained differences are counted by reason; unexplained ones are shown with every value."""
    sheet, seen = drawn
    bare = {
        "entity": "contact",
        "record": "r",
        "key": "a@x.example",
        "field": "title",
        "values": {"abmatic": "A", "salesforce": "B"},
    }
    findings.draw_verify(sheet, {"agreed": 9, "explained": [bare | {"why": "one-way"}] * 3, "unexplained": [bare]})
    assert "3 differences explained: one-way" in seen()
    assert "1 unexplained difference" in seen()


@given(st.floats(min_value=0, max_value=10**8))
def test_lengths_of_time_are_short(amount):
    """Any length of time is at most two units, without a zero unit."""
    said = paper.seconds(amount)
    assert len(said) <= 18
    assert " 0 " not in said


@pytest.mark.parametrize(
    ("moment", "said"), [(-90, "1 min 30 s ago"), (7200, "in 2 h"), (0, "now"), (-172800, "2 days ago")]
)
def test_moments_are_told_from_now(moment, said):
    """Times are distances from now."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert paper.ago((now + timedelta(seconds=moment)).isoformat(), now) == said


def test_progress_in_words():
    """A task tells how much, how fast, how long yet and how many calls are left."""
    assert (
        progress.describe("read salesforce", 500, 2000, 10, 88_000)
        == "read salesforce: 500 of 2,000 · 50/s · 30 s left · 88,000 calls left"
    )


def test_progress_goes_to_stderr_and_masks(capsys, monkeypatch):
    """Progress never touches stdout, is plain lines when nobody looks, bars on a terminal, and tells no address."""
    with progress.progress(coloured=False) as plain:
        plain.start("read", 10)
        plain.advance("read", 10)
        plain.note("about ada@x.example\x1b[2J")
    written = capsys.readouterr()
    assert not written.out
    assert written.err == "about [e-mail]\\x1b[2J\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress.progress(coloured=True) as bars:
        assert isinstance(bars, progress.Bars)
        bars.advance("push salesforce", 3, 12)
        bars.note("ada@x.example")
    assert "ada@" not in capsys.readouterr().err


def test_what_was_told_is_shown(drawn):
    """A run that delivered events has a column for them, another has none; a record says what was told of it."""
    sheet, seen = drawn
    run.draw_counts(sheet, {"abmatic": {"read": 3}})
    assert "engaged" not in seen()
    run.draw_counts(sheet, {"salesforce": {"read": 3, "engaged": 2}})
    assert "engaged" in seen()
    told = {"system": "salesforce", "object": "Task", "id": "00T9", "status": "settled", "at": None, "reason": EVIL}
    shown = {"entity": "contact", "record": "01J9", "key": "ada@x.example", "fields": {}, "engagements": [told]}
    record.draw_record(sheet, shown)
    assert "told salesforce, Task 00T9 settled" in seen()
    assert "\x1b" not in seen()
