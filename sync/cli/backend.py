"""What the commands ask of the runner: `sync.runner.api` has a function for each method here.

All of them open and close the state themselves, take the lock where they write, and raise errors of `sync.errors`:
UsageError for an argument that names nothing, LockedError, StateError, AbortError where nothing at all could be done.
A system that could not be served is not an error but a `Failure` in the report; a limit that was hit is a `LimitHit`.
Rows and objects are JSON-shaped, as product.md and contract-details.md publish them.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sync.model.report import RunReport

if TYPE_CHECKING:
    from sync.config import Config
    from sync.mapping import Mappings

Row = dict[str, Any]


class Progress(Protocol):
    """Where a person watches; `sync.runner.context` has the same."""

    def start(self, task: str, total: int | None) -> None:
        """Begins a task, e.g. ``read salesforce``; `total` rows, where known."""

    def advance(self, task: str, rows: int, calls_left: int | None = None) -> None:
        """`rows` more are done."""

    def note(self, text: str) -> None:
        """One line for a person."""


class Runner(Protocol):
    """The functions of `sync.runner.api`."""

    def check(self, config: Config, mappings: Mappings, *, progress: Progress) -> Row:
        """`{"well", "findings": [row], "drift": bool, "unreachable": [system]}`.

        A finding: system, what, well, detail, remedy; count and example of the records that would fail.
        """

    def plan(
        self, config: Config, mappings: Mappings, entities: Sequence[str], *, full: bool, progress: Progress
    ) -> RunReport:
        """What a sync would do; operations are `planned`; nothing is written anywhere. All operations, with `digest`."""

    def sync(
        self, config: Config, mappings: Mappings, entities: Sequence[str], *, full: bool, init: bool, progress: Progress
    ) -> RunReport:
        """One run."""

    def backfill(
        self,
        config: Config,
        mappings: Mappings,
        entities: Sequence[str],
        *,
        source: str | None,
        since: datetime | None,
        init: bool,
        progress: Progress,
    ) -> RunReport:
        """Everything, resumable; `source` and `since` narrow it to records of that system, changed since."""

    def apply_plan(
        self, config: Config, mappings: Mappings, plan: Mapping[str, Any], *, progress: Progress
    ) -> RunReport:
        """Exactly the operations of a plan's JSON; UsageError if digest, mapping or state do not belong to it."""

    def apply_run(self, config: Config, mappings: Mappings, run: str, *, progress: Progress) -> RunReport:
        """The plan of a run that a limit stopped."""

    def undo(
        self, config: Config, mappings: Mappings, run: str, *, record: str | None, field: str | None, progress: Progress
    ) -> RunReport:
        """Writes before-values back; what was changed since is `skipped`."""

    def try_undo(
        self, config: Config, mappings: Mappings, run: str, *, record: str | None, field: str | None, progress: Progress
    ) -> RunReport:
        """What `undo` would write."""

    def verify(self, config: Config, mappings: Mappings, entities: Sequence[str], *, progress: Progress) -> Row:
        """`{"agreed": n, "explained": [row], "unexplained": [row], "failures": [Failure]}`.

        A row: entity, record, key, field, values (by system), why.
        """

    def status(self, config: Config, mappings: Mappings) -> Row:
        """contract-details.md's `status`; `why` rows are texts or `{"what", "remedy"}`."""

    def runs(self, config: Config, *, limit: int) -> list[Row]:
        """Newest first."""

    def run(self, config: Config, run: str) -> Row:
        """One run's whole object."""

    def explain(self, config: Config, mappings: Mappings, entity: str, key: str) -> Row:
        """One record; `key` is a match key, our id or a remote id."""

    def conflicts(self, config: Config, mappings: Mappings) -> list[Row]:
        """Open conflicts."""

    def resolve(
        self, config: Config, mappings: Mappings, conflict: str, system: str, *, progress: Progress
    ) -> RunReport:
        """Takes one system's value and writes at once."""

    def quarantine(self, config: Config, mappings: Mappings) -> list[Row]:
        """Records set aside."""

    def retry(self, config: Config, mappings: Mappings, ids: Sequence[str], *, progress: Progress) -> RunReport:
        """Releases these (none: all) and runs."""

    def drop(self, config: Config, mappings: Mappings, quarantined: str) -> Row:
        """Forgets one row of the quarantine; answers it."""

    def consent(self, config: Config, mappings: Mappings, email: str) -> Row:
        """`{"email", "state", "mailable": bool, "why": text, "systems": {name: state}, "ledger": [row]}`.

        A row of the ledger: at, source, state, evidence.
        """

    def grant(self, config: Config, mappings: Mappings, email: str, evidence: str, *, progress: Progress) -> Row:
        """Lifts an opt-out; answers the consent afterwards, with `"report"`: the run's object."""

    def backup(self, config: Config, file: Path) -> Row:
        """`{"file", "bytes", "records"}`. UsageError if the file exists."""

    def forget(self, config: Config, mappings: Mappings, email: str, *, remote: bool, progress: Progress) -> Row:
        """`{"erased": n records, "systems": {name: "deleted" | "cannot delete" | ...}}`."""


def runner() -> Runner:
    """The runner's functions, imported now: they bring the database and the vendors' clients.

    Beside a running service those that write are done by it (`sync.cli.remote`).
    """
    from sync.cli.remote import relayed  # noqa: PLC0415 - not for a help text

    found = importlib.import_module("sync.runner.api")
    _spare_the_collector()
    return relayed(found)


def _spare_the_collector() -> None:
    """What is imported stays, so it need not be looked through with every batch of rows: a tenth of a large run's CPU."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
