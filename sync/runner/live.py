"""Live changes in the middle of a long run: what changed in the systems since their last poll is carried at once, and nothing else.

A backfill or a full compare may take hours. At its safe points a service looks for news (`carry_news`): it pulls what changed, links
what is new, decides for the records concerned, and pushes; with connectors of its own, because those of the long run may be in use.
What the long run has planned for such a record and not sent is taken back: the look decides anew. A record of which it has sent
something that is not settled is left to it; so is an entity that had not been read to its end before the long run began: there is no
news before the first load.

Crash: this is a run like any other, within another; after a crash both are recomputed. What the long run has sent is never touched;
what was taken back leaves its record pending.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from sync.engine.guard import Breach, guard
from sync.model.ids import run_id
from sync.model.report import RunReport
from sync.runner.context import Alone, Context, System
from sync.runner.cycle import Order, Ran, loads, ripe
from sync.runner.decide import Decided, decide_these
from sync.runner.identify import link_these
from sync.runner.lingering import Lingering
from sync.runner.pin import consent_changed
from sync.runner.pull import Pulled, reads, store_fetched
from sync.runner.push import push
from sync.runner.report import report

NEWS_MAX: Final = 200
"""Records of an entity in one look; more wait for the next."""


def carry_news(outer: Context, systems: Mapping[str, System]) -> RunReport:
    """One look for news within the run of `outer`, with these connectors."""
    store = outer.store
    calls = {name: system.connector.usage().calls for name, system in systems.items()}
    context = replace(
        outer,
        systems=systems,
        failed=dict(outer.failed),
        errors=dict(outer.errors),
        around=Alone(),
        calls_before=calls,
        touched=set(),
        entities=(),
    )
    of = ripe(context) if outer.ripe is None else outer.ripe
    ran = Ran(run_id(context.clock.now()), Order("live"))
    started = context.clock.monotonic()
    store.start_run(ran.run, "live", full=False, entities=[entity.name for entity in context.chosen()])
    try:
        _read(context, ran, of)
        _decide_and_push(context, ran, outer)
        ran.seconds = context.clock.monotonic() - started
        return report(context, ran)
    finally:
        store.drop_planned(ran.run)
        store.resume_run(outer.run)


def _read(context: Context, ran: Ran, of: frozenset[str]) -> None:
    """What changed, as far as it comes soon; what comes late is for the next look."""
    lingering = context.between.lingering = context.between.lingering or Lingering(context.clock)
    lingering.begin(read for read in reads(context, full=False) if read.entity.name in of and read.cursor is not None)
    done: dict[tuple[str, str, str], Pulled] = {}
    for item in lingering.pages():
        store_fetched(context, lingering.fetching, item, done)
    for pulled in done.values():
        name = pulled.read.system.name
        ran.read[name] = ran.read.get(name, 0) + pulled.rows


def _decide_and_push(context: Context, ran: Ran, outer: Context) -> None:
    decided, numbers, between = Decided(), list[int](), outer.between
    for entity in context.chosen():
        rows = {(system, name, remote_id) for of, system, name, remote_id in context.touched or () if of == entity.name}
        link_these(context, entity, rows)
        found = _news(outer, rows) | outer.store.pending_among(between.left.get(entity.name, ()))
        between.left[entity.name] = found
        news = _taken_over(outer, found)
        decide_these(context, entity, ran.run, decided, news)
        numbers += news
    backlog = _guarded(context, ran, outer.run)
    if not any(breach.what == "opt_outs" for breach in ran.breaches):
        push(context, ran.run, only_consent=bool(ran.breaches))
    context.store.settle_pending(ran.run, {*decided.waiting, *backlog})
    between.left = {name: _unfinished(outer, found, backlog) for name, found in between.left.items()}
    between.carried(context.store.rows_of(numbers), context.clock.monotonic())


def _guarded(context: Context, ran: Ran, long_run: str) -> set[str]:
    """Holds the plan against the limits; the ids of the records whose creates are left to the long run.

    Creates that it has planned are its own, and too many are a backlog, not news.
    """
    backlog = context.store.forget_creates(ran.run, planned_by=long_run)
    ran.breaches = _breaches(context, ran)
    if any(breach.what == "creates" for breach in ran.breaches):
        backlog |= context.store.forget_creates(ran.run)
        ran.breaches = _breaches(context, ran)
    return backlog


def _breaches(context: Context, ran: Ran) -> list[Breach]:
    return guard(
        loads(context, ran.run), context.limits, backfill=False, consent_mapping_changed=consent_changed(context)
    )


def _unfinished(outer: Context, found: Mapping[int, str], backlog: Collection[str]) -> dict[int, str]:
    """Those of these records that are for the next look."""
    return {number: record for number, record in outer.store.pending_among(found).items() if record not in backlog}


def _news(outer: Context, rows: set[tuple[str, str, str]]) -> dict[int, str]:
    """Number and id of the records with news on these rows."""
    found: dict[int, str] = {}
    for system, name in {(system, name) for system, name, _ in rows}:
        there = [remote_id for s, n, remote_id in rows if (s, n) == (system, name)]
        found |= outer.store.news_of(system, name, there)
    return found


def _taken_over(outer: Context, found: Mapping[int, str]) -> list[int]:
    """The numbers of some of these records that are not under way in the long run; it has nothing planned for them any more.

    Those that are known for longest come first: whoever is new may be one of a multitude that the long run is about.
    """
    busy = outer.between.busy()
    free = {
        number: found[number] for number in sorted(n for n, record in found.items() if record not in busy)[:NEWS_MAX]
    }
    outer.between.taken += outer.store.take_back(outer.run, free.values(), "there was news of it before it was sent")
    return sorted(free)
