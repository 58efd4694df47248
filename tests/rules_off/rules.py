"""The rules of the program, each with a patch that switches it off, and where its absence must show.

A rule is caught by the simulation (a law breaks within a number of histories) or, where the simulation has no word for it, by tests of the
suite that then fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest import mock

from sync.connectors.activecampaign.consent import Consent as ListConsent
from sync.connectors.memory import Memory
from sync.engine import detect, merge, plan, refusals
from sync.mapping import Cell
from sync.model.values import MISSING
from sync.runner import afresh, cycle, fetching, identify, recover, settle
from sync.runner.doubted import Doubted
from sync.state import Store

Patch = tuple[object, str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """``suite``: tests of the suite that must fail without it; empty: the simulation must break a law."""

    name: str
    says: str
    patches: Sequence[Patch]
    suite: Sequence[str] = ()

    @contextmanager
    def off(self) -> Iterator[None]:
        """Switches the rule off."""
        with ExitStack() as stack:
            for owner, name, stand_in in self.patches:
                stack.enter_context(mock.patch.object(owner, name, stand_in))
            yield


def _though_busy(link: Any, real: Any = detect.readable) -> bool:
    return real(replace(link, busy_until=None))


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


def _as_planned(_work: object, _place: object, rows: Any) -> Any:
    return rows
    yield


def _everybody_edits(self: Any, mapped: Any, seen: Any) -> None:
    """Consent merged like any other field."""
    news = [s for s in seen if s.news in (merge.News.EDIT, merge.News.FIRST)]
    if news:
        self._decide(mapped, self.cells.get(mapped.name), news)


def _one_way(self: Cell, value: Any, native: Any, refs: Any) -> bool:
    return native is not MISSING and self.lens.get(native, refs) == value


def _blank_where_missing(link: Any, mapped: Any, hub: Any, refs: Any, real: Any = detect.detect) -> Any:
    cell = mapped.cells.get(link.system)
    if cell is not None and cell.path not in link.observed.values:
        observed = replace(link.observed, values={**link.observed.values, cell.path: None})
        return real(replace(link, observed=observed), mapped, hub, refs)
    return real(link, mapped, hub, refs)


def _without_losers(
    self: Any, mapped: Any, winner: Any, rule: str, _: Any, real: Any = merge._Work._turn, **more: Any
) -> None:
    real(self, mapped, winner, rule, [], **more)


def _due_at_once(_: Any, row: Any, real: Any = recover._due) -> Any:
    return row.sent_at or real(_, row)


def _looked_in_vain_at_once(row: Any) -> Any:
    return row.looked_at


def _after_the_clock(self: Any, since: Any) -> Any:
    return since + timedelta(microseconds=1)


def _without_shadow(link: Any, _changes: Any) -> Any:
    return link


def _never_deleted(self: Any, system: Any, real: Any = plan._Work._create_is_due) -> bool:
    from sync.model.record import LinkState

    record = self.record
    self.record = replace(record, links=tuple(x for x in record.links if x.state is not LinkState.TOMBSTONE))
    try:
        return real(self, system)
    finally:
        self.record = record


def _all_complete(pages: Any, real: Any = fetching._with_end) -> Any:
    for (page, asked_at), last in real(pages):
        yield (replace(page, complete=last), asked_at), last


SIMULATED = (
    Rule(
        "sent beside seen",
        "what was asked is remembered beside what was then held, so that a system which cuts is not asked again",
        [(plan._Work, "_is_futile", _constant(value=False))]),
    Rule(
        "hub as contender",
        "an edit made without having seen the record's value competes with it",
        [(merge._Work, "_hub_runs", _constant(value=False))],
    ),
    Rule(
        "careful read-back",
        "a read-back that differs is somebody's edit unless it can be shown to be the server's doing",
        [(Cell, "variant", _constant(value=True))],
    ),
    Rule("verify-read", "what is to be overwritten is read again just before", [(afresh, "verify", _as_planned)]),
    Rule(
        "conditional update",
        "a connector that reads the row itself writes only over what was expected there",
        [("sync.connectors.abmatic.writer", "_differs", _constant(value=False))],
        suite=["tests/scenario/test_edits.py"],
    ),
    Rule("fresh look-up", "a create looks its key up afresh", [(afresh, "look_afresh", _as_planned)]),
    Rule("journal", "a write is durably in the journal before its first byte", [(Store, "mark_sent", _nothing)]),
    Rule("recovery", "nothing is planned on top of doubt", [(cycle, "recover", _constant(0))]),
    Rule(
        "horizon",
        "a write that timed out may still land: its record is frozen until it no longer can",
        [
            (recover._Case, "_is_over", _constant(value=True)),
            (recover, "_due", _due_at_once),
            (recover, "_looked_in_vain_at", _looked_in_vain_at_once),
            (recover, "_apart", _constant(timedelta(0))),
        ],
    ),
    Rule("another key", "a row that only its key speaks against may be what a create in doubt has made", [(Doubted, "suspicions", _constant([]))]),
    Rule("two looks", "a create is given up only after two looks some time apart", [(recover, "_apart", _constant(timedelta(0)))], suite=["tests/simulation/test_create_in_doubt.py"]),
    Rule("busy", "nothing is merged from or written to a row with a write in doubt", [(merge, "readable", _though_busy), (plan, "readable", _though_busy)]),
    Rule("hidden keys", "a row that does not show its key is matched with nobody", [(identify._Matching, "_is_hidden", _constant(value=False))]),
    Rule("consent joins", "consent is a join, not a merge", [(merge._Work, "_join", _everybody_edits)]),
    Rule("agreement both ways", "either side may be the coarser one", [(Cell, "agrees", _one_way)]),
    Rule("missing is no blank", "a column that is not returned says nothing", [(merge, "detect", _blank_where_missing), (merge._Work, "is_quiet", _constant(value=False))]),
    Rule("losers are kept", "a value that loses is kept with the rule that beat it", [(merge._Work, "_turn", _without_losers)]),
    Rule("never over news", "nothing is written over a change that is not merged", [(plan._Work, "_may_write", _constant(value=True)), (plan, "may_fill", _constant(value=True))]),
    Rule("echo", "our own write, seen again, is no news", [("sync.runner.book", "_exchanged", _without_shadow)]),
    Rule("flapping", "a field that alternates is frozen", [(merge._Work, "_flaps", _constant(value=False))]),
    Rule("zombie watch", "a write that lands after it was given up is not taken for a person's", [(merge._Work, "_is_ghost", _constant(value=False))]),
    Rule("tombstones", "what was deleted is not made anew", [(plan._Work, "_create_is_due", _never_deleted)]),
    Rule("last image", "what was edited in a row before it was deleted stands elsewhere", [(merge, "has_last_image", _constant(value=False))]),
    Rule("refusals do not count as seen", "a value that was refused was seen by nobody there", [(plan._Work, "_is_refused", None)]),
    Rule("overlap", "a feed is read from the cursor on, rows of the same time included", [(Memory, "_floor", _after_the_clock)]),
    Rule("only mapped columns", "columns that are not mapped never enter the state", [(settle, "answered", None)]),
)  # fmt: skip


def _acks_refusals(self: Any, cell: Any, exchange: Any, desired: Any) -> bool:
    """As it was: the link counts as having seen what it refused."""
    if exchange.rejected is None or exchange.rejected != refusals.payload_hash(desired):
        return False
    for link in self.record.links:
        for name, known in link.exchange.items():
            if known is exchange:
                self.exchanges.setdefault(link.number, {})[name] = replace(
                    exchange, acked=self.record.cells[name].version
                )
    self.out.refused.add(cell.system)
    return True


def _whole_answer(place: Any, row: Any, receipt: Any) -> Any:
    from sync.model.remote import NativeRecord

    if receipt.values is None:
        return None
    remote_id = str(receipt.remote_id or row.operation.remote_id)
    return NativeRecord(place.feed.object, remote_id, receipt.values, receipt.version, receipt.changed_at, by_us=True)


_LATE = {"refusals do not count as seen": _acks_refusals, "only mapped columns": _whole_answer}


def _filled(rule: Rule) -> Rule:
    import importlib

    patches = [
        (importlib.import_module(owner) if isinstance(owner, str) else owner, name, _LATE.get(rule.name, stand_in))
        for owner, name, stand_in in rule.patches
    ]
    return replace(rule, patches=patches)


_HISTORIES = ["tests/consent/test_consent_histories.py::test_no_request_turns_an_opt_out_and_every_system_is_told"]

SUITE = (
    Rule("ledger", "an address that is out stays out", [(Store, "suppress", _constant(set())), (Store, "suppressed", _constant(set()))], ["tests/scenario/test_consent.py::test_an_address_that_opted_out_stays_out_for_whoever_has_it_next"]),
    Rule("ledger file", "an older copy of the state learns the opt-outs that it lacks", [(Store, "_reconcile", _constant(""))], ["tests/unit/state/test_state_ledger.py::test_a_restored_backup_forgets_no_opt_out"]),
    Rule("absence proves nothing", "only a verified complete read, twice, proves that a row is gone", [(fetching, "_with_end", _all_complete), (identify, "ABSENT_TWICE", 1)], ["tests/scenario/test_deletes_and_merges.py::test_absence_from_one_read_is_no_deletion"]),
    Rule("guard", "a plan beyond the limits writes nothing", [(cycle, "guard", _constant([]))], ["tests/scenario/test_guards.py::test_updates"]),
    Rule("last gate", "no payload opts in an address that is out", [("sync.connectors.abmatic.writer", "_opts_in", _constant(value=False))], ["tests/contract/test_abmatic_connector.py::test_the_last_gate_refuses_an_opt_in_of_a_suppressed_address"]),
    Rule(
        "last gates",
        "no connector lets out what would opt in an address that is out",
        [
            ("sync.connectors.abmatic.writer", "_opts_in", _constant(value=False)),
            ("sync.connectors.salesforce.gate", "refuses", _constant(value=False)),
            ("sync.connectors.conversion.consent", "OPT_INS", frozenset()),
            (ListConsent, "suppresses", _constant(value=False)),
        ],
        _HISTORIES,
    ),
    Rule("consent joins at every vendor", "consent is a join, and what no vendor sees is a payload that the gate must stop", [(merge._Work, "_join", _everybody_edits)], _HISTORIES),
    Rule("shared addresses", "whoever has an address that goes out is told too, without news of their own", [(Store, "mark_pending_by_key", _constant(0))], ["tests/scenario/test_consent.py::test_whoever_else_has_an_address_that_goes_out_is_told_in_the_same_run"]),
    Rule("plan digest", "apply carries out the plan that was approved and no other", [(Store, "forget_planned", _constant(0))], ["tests/scenario/test_guards.py::test_a_release_approves_that_plan_and_no_other"]),
    Rule("refusals are remembered", "what was refused for good is not sent again", [(plan._Work, "_is_refused", _constant(value=False))], ["tests/scenario/test_quarantine.py::test_a_refused_value_is_not_sent_again"]),
)  # fmt: skip

RULES = tuple(_filled(rule) for rule in (*SIMULATED, *SUITE))
