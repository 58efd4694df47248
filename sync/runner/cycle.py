"""One run: recover, pull, identify, merge, plan, guard, journal, push, settle; then once more where the world moved meanwhile.

Crash: at every instant the state holds all that is needed to go on: cursors behind persisted rows, records pending until their plan
is carried out, writes journalled before they are sent. The next run begins with recovery and computes its plan anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sync.engine.guard import Breach, Load, guard
from sync.errors import AbortError
from sync.model.ids import run_id
from sync.model.record import Operation, Status
from sync.model.remote import Kind
from sync.runner import streams
from sync.runner.approve import Approval, restrict
from sync.runner.context import Context
from sync.runner.decide import Decided, Scope, decide
from sync.runner.identify import absent, identify
from sync.runner.pin import adopt_mappings, consent_changed, consent_seen_to, pin_tenants
from sync.runner.pull import Pulled, drop_other_feeds, pull, reads
from sync.runner.push import push
from sync.runner.recover import recover
from sync.runner.relook import look_again
from sync.runner.unseen import note_unseen
from sync.runner.veil import Veil

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What kind of run is wanted. ``dry``: stop before the first write. ``approval``: carry out exactly these operations."""

    kind: str = "sync"
    full: bool = False
    dry: bool = False
    resume: bool = False
    scope: Scope = field(default_factory=Scope)
    approval: Approval | None = None
    pulls: bool = True
    look_share: float = 0.0
    """Of what cannot be listed: the share (0..1) that is looked at again; a full run looks at all."""
    before_rounds: Callable[[Context, str], None] | None = None
    """What a person decided, applied to the state after the pull and before the plan (`undo`)."""

    @property
    def streams(self) -> bool:
        """Whether such a run tells other systems what happened: no repair of records does, nor the first fill."""
        return self.kind not in ("backfill", "verify", "undo", "resolve", "grant")


@dataclass(slots=True)
class Ran:
    """What a run came to; its operations are in the journal under `run`."""

    run: str
    order: Order
    seconds: float = 0.0
    read: dict[str, int] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    in_doubt: int = 0
    missing: list[Operation] = field(default_factory=list)
    uncleared: int = 0
    notes: list[str] = field(default_factory=list)
    taken: streams.Taken | None = None
    """The events that this run looked at; None where it takes no part in streams."""


def run_cycle(context: Context, order: Order) -> Ran:
    """Runs one cycle and leaves its record in the state."""
    ran = Ran(run_id(context.clock.now()), order)
    context.run = ran.run
    started = context.clock.monotonic()
    context.store.start_run(ran.run, order.kind, full=order.full, entities=[e.name for e in context.chosen()])
    try:
        _run(context, ran)
    finally:
        context.between.close()
    ran.in_doubt = len(context.store.in_doubt())
    ran.seconds = context.clock.monotonic() - started
    return ran


def _run(context: Context, ran: Ran) -> None:
    order = ran.order
    _prepare(context, ran.run)
    recover(context)
    streaming = order.streams and context.streaming()
    if streaming:
        streams.look_up(context)
    if order.pulls:
        context.ripe = ripe(context) if order.full else None
        wanted = reads(context, full=order.full, resume=order.resume)
        pulled = pull(context, wanted)
        note_unseen(context, wanted)
        _count(ran, pulled)
        _check_absence(context, pulled, ran.run)
        _look_again(context, ran)
    failed = _listen(context, ran) if streaming else {}
    if order.pulls:
        context.around.interlude(context, due=True)
    if order.before_rounds is not None:
        order.before_rounds(context, ran.run)
    _rounds(context, ran)
    if _is_whole(context, ran):
        consent_seen_to(context)
    if ran.taken is not None and not order.dry and not ran.breaches:
        streams.deliver(context, ran.run)
        streams.look_up(context)
        streams.tidy(context, ran.taken)
    for name, why in failed.items():
        context.fail(name, why)


def ripe(context: Context) -> frozenset[str]:
    """The entities of which every feed has been read to its end: only there is a change news."""
    found: dict[str, bool] = {}
    for read in reads(context, full=False):
        found[read.entity.name] = found.get(read.entity.name, True) and read.cursor is not None
    return frozenset(name for name, each in found.items() if each)


def _is_whole(context: Context, ran: Ran) -> bool:
    """Whether everything was looked at and nothing was held back; what a person approves is only what they saw."""
    order = ran.order
    return order.pulls and order.approval is None and not (order.dry or ran.breaches or context.failed)


def _prepare(context: Context, own: str) -> None:
    """Tenants, mapping changes, leftovers of runs that died."""
    _drop_leftovers(context, own)
    context.seen_before = {name: at for name in context.systems if (at := context.store.seen_at(name)) is not None}
    pin_tenants(context)
    drop_other_feeds(context)
    adopt_mappings(context)


def _drop_leftovers(context: Context, own: str) -> None:
    """The plans of runs that died are computed anew; the plan of a stopped run waits for `apply`.

    A backfill that died stays open: the next one goes on from there.
    """
    for run in context.store.open_runs():
        context.store.drop_planned(run.run)
        if run.kind != "backfill" and run.run != own:
            context.store.finish_run(run.run, "failed", 0.0, {})


def _count(ran: Ran, pulled: list[Pulled]) -> None:
    for done in pulled:
        ran.read[done.read.system.name] = ran.read.get(done.read.system.name, 0) + done.rows


def _listen(context: Context, ran: Ran) -> dict[str, str]:
    """Receives what streams have to tell, and reads again what events are about; systems whose stream failed.

    A stream that fails is reported at the end: the records of its system go on.
    """
    polled = streams.poll(context)
    for name, rows in polled.read.items():
        ran.read[name] = ran.read.get(name, 0) + rows
    ran.notes += polled.notes
    streams.refetch(context)
    ran.taken = streams.Taken()
    return polled.failed


def _look_again(context: Context, ran: Ran) -> None:
    """What cannot be listed is seen by full runs alone, or by a service's rolling share (`look_share`)."""
    share = 1.0 if ran.order.full else ran.order.look_share
    if share:
        for done in look_again(context, ran.run, share):
            ran.read[done.system] = ran.read.get(done.system, 0) + done.rows


def _check_absence(context: Context, pulled: list[Pulled], run: str) -> None:
    for done in pulled:
        if context.alive(done.read.system.name):
            try:
                absent(context, [done], run)
            except AbortError as error:
                context.fail(done.read.system.name, error)


def _rounds(context: Context, ran: Ran) -> None:
    for number in range(ROUNDS):
        decided = Decided()
        for entity in context.chosen():
            context.around.safe_point()
            identify(context, entity)
            decide(context, entity, ran.run, decided, ran.order.scope)
        if ran.taken is not None and number == 0:
            ran.taken = streams.plan_events(context, ran.run)
        ran.uncleared = decided.uncleared
        again = _carry_out(context, ran, decided)
        context.store.settle_pending(ran.run, decided.waiting)
        if not again:
            return


def _carry_out(context: Context, ran: Ran, decided: Decided) -> bool:
    """Guards and pushes what is planned; whether another round has something to do."""
    if ran.order.approval is not None:
        ran.missing = restrict(context.store, ran.run, ran.order.approval, Veil(context.mappings, context.store.veiled))
    else:
        ran.breaches = guard(
            loads(context, ran.run),
            context.limits,
            backfill=ran.order.kind == "backfill",
            consent_mapping_changed=consent_changed(context),
        )
    if ran.order.dry:
        return False
    if ran.breaches:
        if not any(breach.what == "opt_outs" for breach in ran.breaches):
            push(context, ran.run, only_consent=True)
        return False
    pushed = push(context, ran.run)
    if pushed.doubts:
        recover(context)
    moved, context.between.taken = pushed.moved + context.between.taken, 0
    return ran.order.approval is None and (moved > 0 or pushed.doubts > 0 or decided.woken > 0)


def loads(context: Context, run: str) -> dict[str, Load]:
    """What this run's plan does to each system, what is done already included."""
    counts = context.store.counts(run)
    clears = context.store.clear_counts(run)
    found = {}
    for name in context.systems:
        number = {
            kind: sum(n for (s, k, status), n in counts.items() if s == name and k == kind and _weighs(status))
            for kind in Kind
        }
        linked = sum(context.store.linked_count(entity.name, name) for entity in context.chosen())
        found[name] = Load(
            creates=number[Kind.CREATE],
            updates=number[Kind.UPDATE],
            deletes=number[Kind.DELETE],
            opt_outs=number[Kind.SUBSCRIBE],
            clears=clears.get(name, 0),
            linked=linked,
        )
    return found


def _weighs(status: Status) -> bool:
    return status in (Status.PLANNED, Status.SENT, Status.SETTLED, Status.IN_DOUBT)
