"""Words and charts: what a page makes of values, times, durations and series."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.model.values import MISSING
from sync.runner.pulse import SPANS, Window, looks, series
from sync.state import RunRow
from sync.web.drawing import ago, bars, count, line, peak, peak_time, seconds, sentence, stamp, value

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, ""),
        (0, "0 s"),
        (0.26, "0.3 s"),
        (9.99, "10.0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3661, "1 h 1 min"),
        (90061, "1 d"),
        (864000, "10 d"),
    ],
)
def test_durations_are_said_in_two_units(number, said):
    """A duration has at most two units, the largest first; days stand alone."""
    assert seconds(number) == said


@pytest.mark.parametrize(
    ("held", "said"),
    [(None, "nothing"), ("", "empty"), (MISSING, "missing"), (["a"], "[&#34;a&#34;]"), (0, "0"), (False, "false")],
)
def test_the_kinds_of_nothing_are_told_apart(held, said):
    """Nothing, empty, missing, zero and no are five different words."""
    assert said in str(value(held)).lower()


@given(st.text())
def test_no_value_becomes_markup(text):
    """Whatever text a record holds, nothing of it can open a tag or turn the writing direction."""
    drawn = str(value(text))
    inside = drawn.removeprefix("<bdi>").replace("</bdi>", "").replace('<i class="none">', "").replace("</i>", "")
    assert "<" not in inside
    assert "\u202e" not in drawn
    assert "\0" not in drawn


def test_long_values_are_cut():
    """32,000 characters do not make a page of it; how many are missing is said."""
    assert "31,700 more" in str(value("x" * 32_000))


def test_times_are_said_as_people_do():
    """Past, present and future; nothing for none; the exact time to hover over."""
    now = datetime.now(UTC)
    assert "5 min ago" in ago((now - timedelta(minutes=5)).isoformat())
    assert "in 1 h" in ago((now + timedelta(hours=1, seconds=2)).isoformat())
    assert "just now" in ago(now.isoformat())
    assert (ago(None), stamp("")) == ("", "")
    assert stamp("2026-01-01T00:00:00Z") == "01 Jan 2026, 00:00:00 UTC"


def test_counts_and_sentences():
    """One is singular, many have separators; back quotes become code, and markup stays text."""
    assert (count(1, "write"), count(1234, "write"), count(2, "was", "were")) == ("1 write", "1,234 writes", "2 were")
    assert sentence("run `crm-sync <x>` now") == "run <code>crm-sync &lt;x&gt;</code> now"


@given(st.lists(st.lists(st.none() | st.floats(1e-9, 1e9) | st.just(0.0)), max_size=4))
def test_the_scale_holds_every_number(lists):
    """The top of a scale is never below the largest number, and never ten times it."""
    most = max((number for numbers in lists for number in numbers if number is not None), default=0)
    top = peak(lists)
    assert top >= most
    assert not most or top <= 10.1 * most
    assert peak_time(lists) >= most


def test_lines_break_where_nothing_is_known():
    """A gap parts a line in two; a single point becomes a dash that can be seen."""
    assert line([0, 1, None, 2], 30, 10, 2) == ["0.0,10.0 10.0,5.0", "24.0,0.0 30.0,0.0"]
    assert line([None, None], 30, 10, 1) == []


def test_bars_are_seen_even_if_little():
    """Nothing for zero, at least two units for anything else, never above the top."""
    [little, much] = bars([0, 1, 1_000_000], 30, 100, 1000)
    assert (little["h"], much["h"], much["y"]) == (2.0, 100.0, 0.0)


def row(minutes_ago, kind="sync", failed=(), seconds_=1.0, **counts):
    started, systems = NOW - timedelta(minutes=minutes_ago), {"abmatic": counts}
    return RunRow(
        "r",
        kind,
        full=False,
        entities=(),
        status="ok",
        started_at=started,
        seconds=seconds_,
        systems=systems,
        note="",
        failed=dict.fromkeys(failed, ()),
    )


def test_the_pulse_sums_rows_and_finds_the_worst_lag():
    """Rows fall into the span of their run; lag grows between looks; failed and silent runs are no looks."""
    window = Window(NOW - timedelta(hours=48), NOW)
    runs = [
        row(30, read=5, updated=2),
        row(90, kind="resolve"),
        row(150, failed=["abmatic"]),
        row(210, read=1, created=1, failed=()),
        row(60 * 60, read=9),
    ]
    found = series(runs, ["abmatic", "salesforce"], window)
    assert [len(found[name]) for name in ("read", "written", "failed")] == [SPANS] * 3
    assert (found["read"][-1], found["written"][-1], sum(found["read"])) == (5, 2, 6)
    lag = found["lag"]["abmatic"]
    assert lag[-1] == 3 * 3600
    assert lag[0] == 13 * 3600
    assert found["lag"]["salesforce"] == [None] * SPANS
    assert len(looks(runs, "abmatic")) == 3


@given(st.lists(st.integers(0, 60 * 72), max_size=30))
def test_lag_never_exceeds_the_time_since_the_first_look(minutes):
    """Whatever the looks, no lag is negative or longer than the time since the first of them."""
    window = Window(NOW - timedelta(hours=24), NOW)
    lag = series([row(m) for m in sorted(minutes)], ["abmatic"], window)["lag"]["abmatic"]
    for found in lag:
        assert found is None or 0 <= found <= max(minutes) * 60


def test_the_scale_of_durations_is_said_in_one_unit():
    """The top of a scale of durations is a round number that people say."""
    assert [seconds(peak_time([[n]])) for n in (0, 7, 61, 5000, 90_000, 3_000_000)] == [
        "1 s",
        "10 s",
        "2 min",
        "2 h",
        "2 d",
        "57 d",
    ]
