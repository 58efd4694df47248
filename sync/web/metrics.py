"""`/metrics`: numbers for Prometheus. Gauges are read from the state at every scrape; counters begin at nothing with the process.

Labels are names of systems, entities, kinds and outcomes; no metric holds a value of a record. docs/dashboard.md and
docs/monitoring say what to do about each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sync.errors import SyncError
from sync.model.clock import SystemClock
from sync.runner import api
from sync.runner.desk import Desk
from sync.runner.pulse import opt_outs
from sync.runner.wire import reading
from sync.state import RunRow, Store, state_file

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_RUNS: Final = 500
Found = Mapping[tuple[str, ...], float]
_OUTCOMES: Final = ("created", "updated", "deleted", "failed")


class Metrics(Collector):
    """The collector of one service."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tally = Tally()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._lock = Lock()

    def text(self) -> bytes:
        """The page; one scrape at a time."""
        with self._lock:
            return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything; where the state does not open, that."""
        facts = self._desk.facts()
        yield _gauge("info", "The version in use.", {(str(facts.get("version") or ""),): 1}, "version")
        yield _gauge("reload_failed", "1 if changed files were not taken.", 1 if facts.get("reload_error") else 0)
        yield _gauge("alerts", "Alerts that are open.", len(facts.get("alerts") or ()))
        try:
            families = list(self._of_state())
        except SyncError:
            yield _gauge("state_open", "1 if the state opens.", 0)
            return
        yield _gauge("state_open", "1 if the state opens.", 1)
        yield from families

    def _of_state(self) -> Iterator[Metric]:
        config, mappings = self._desk.config, self._desk.mappings
        yield from _of_status(api.status(config, mappings))
        with reading(config, SystemClock()) as store:
            runs = store.runs(_RUNS)
            yield from _of_opt_outs(opt_outs(store, mappings, datetime.now(UTC)))
            yield from _of_inbox(store, int(self._desk.facts().get("spooled") or 0))
        self._tally.take(runs)
        yield from self._tally.families()
        yield from _of_last_run(runs)
        file = state_file(config.state.url)
        yield _gauge("state_bytes", "Size of the state's file.", file.stat().st_size if file.exists() else 0)


class Tally:
    """Counts what finished runs did, each run once, from the first look on."""

    def __init__(self) -> None:
        self._known: set[str] | None = None
        self._runs: Counter[tuple[str, ...]] = Counter()
        self._operations: Counter[tuple[str, ...]] = Counter()
        self._read: Counter[tuple[str, ...]] = Counter()
        self._calls: Counter[tuple[str, ...]] = Counter()

    def take(self, runs: Iterable[RunRow]) -> None:
        """Adds the runs that were not seen before; those of before the process began are not counted."""
        finished = [run for run in runs if run.seconds is not None]
        if self._known is not None:
            for run in finished:
                if run.run not in self._known:
                    self._add(run)
        self._known = {run.run for run in finished}

    def _add(self, run: RunRow) -> None:
        self._runs[run.kind, run.status] += 1
        for system, counts in run.systems.items():
            self._read[system,] += counts.get("read", 0)
            self._calls[system,] += counts.get("calls", 0)
            for outcome in _OUTCOMES:
                self._operations[system, outcome] += counts.get(outcome, 0)

    def families(self) -> Iterator[Metric]:
        """The counters."""
        yield _counter("runs", "Runs that ended.", self._runs, "kind", "status")
        yield _counter("operations", "Rows written, or refused by the system.", self._operations, "system", "outcome")
        yield _counter("rows_read", "Rows read.", self._read, "system")
        yield _counter("calls", "Requests made.", self._calls, "system")


def _of_status(status: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("well", "1 if nothing needs a person.", int(status["well"]))
    for name, key, text in (
        ("conflicts", "conflicts", "Values that a person must choose between."),
        ("quarantined", "quarantined", "Records set aside."),
        ("in_doubt", "in_doubt", "Writes of unknown outcome."),
        ("pending_records", "pending", "Records that the next run looks at."),
    ):
        yield _gauge(name, text, status[key])
    records: Found = {(name,): n for name, n in status["records"].items()}
    yield _gauge("records", "Live records.", records, "entity")
    for name, key, text in (
        ("lag_seconds", "lag_seconds", "Time since a system was last read with success."),
        ("calls_left", "calls_left", "Requests that the vendor still allows."),
        ("links", "linked", "Rows that are linked to a record."),
        ("reachable", "reachable", "1 if the last run served the system."),
    ):
        rows: Found = {
            (system,): float(row[key]) for system, row in status["systems"].items() if row.get(key) is not None
        }
        yield _gauge(name, text, rows, "system")


def _of_opt_outs(found: Mapping[str, Any]) -> Iterator[Metric]:
    took: Found = {
        (which,): found[f"{which}_seconds"] for which in ("median", "worst") if found[f"{which}_seconds"] is not None
    }
    yield _gauge("opt_out_seconds", "How long opt-outs of the last 7 days took to be everywhere.", took, "which")
    yield _gauge("opt_outs_waiting", "Opt-outs that are not everywhere yet.", found["waiting"])
    oldest = found["oldest_waiting_seconds"] or 0
    yield _gauge("opt_out_oldest_waiting_seconds", "Age of the oldest of them.", oldest)


def _of_inbox(store: Store, spooled: int) -> Iterator[Metric]:
    waiting = store.waiting_events()
    age = (datetime.now(UTC) - waiting.oldest_at).total_seconds() if waiting.oldest_at else 0
    yield _gauge("inbox_events", "Webhook events that wait.", waiting.count + spooled)
    yield _gauge("inbox_oldest_seconds", "Age of the oldest of them.", age)


def _of_last_run(runs: Iterable[RunRow]) -> Iterator[Metric]:
    last = next((run for run in runs if run.seconds is not None), None)
    if last is not None:
        yield _gauge("last_run_timestamp_seconds", "When the last run that ended began.", last.started_at.timestamp())
        yield _gauge("last_run_seconds", "How long it took.", last.seconds or 0)


def _gauge(name: str, text: str, found: float | Found, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"crm_sync_{name}", text, labels=labels)
    rows = found if isinstance(found, Mapping) else {(): found}
    for values, number in rows.items():
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, found: Found, *labels: str) -> Metric:
    family = CounterMetricFamily(f"crm_sync_{name}", text, labels=labels)
    for values, number in sorted(found.items()):
        family.add_metric(values, number)
    return family
