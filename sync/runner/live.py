"""Live changes in the middle of a long run: what changed in the systems since their last poll is carried at once, and nothing else.

A backfill or a full compare may take hours. At its safe points a service looks for news (`carry_news`): it pulls what changed, links
what is new, decides for the records concerned, and pushes; with connectors of its own, because those of the long run may be in use.
A record for which the long run has planned or sent something is left to it; so is an entity that had not been read to its end before
the long run began: there is no news before the first load.

Crash: this is a run like any other, within another; after a crash both are recomputed. What the long run has sent is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.engine.guard import guard
from sync.model.ids import run_id
from sync.model.report import RunReport
from sync.runner.context import Alone, Context, System
from sync.runner.cycle import Order, Ran, loads, ripe
from sync.runner.decide import Decided, decide_these
from sync.runner.identify import link_these
from sync.runner.pull import pull, reads
from sync.runner.push import push
from sync.runner.report import report


class Brief(Alone):
    """What surrounds it: nothing comes between, and nobody waits long for a silent system."""

    def patience_s(self, system: str) -> float | None:
        """Less than a minute: the long run waits meanwhile."""
        del system
        return 10.0


def carry_news(outer: Context, systems: Mapping[str, System]) -> RunReport:
    """One look for news within the run of `outer`, with these connectors."""
    store, touched = outer.store, set[tuple[str, str, str, str]]()
    calls = {name: system.connector.usage().calls for name, system in systems.items()}
    context = replace(
        outer,
        systems=systems,
        failed=dict(outer.failed),
        errors=dict(outer.errors),
        around=Brief(),
        calls_before=calls,
        touched=touched,
        entities=(),
    )
    of = ripe(context) if outer.ripe is None else outer.ripe
    ran = Ran(run_id(context.clock.now()), Order("live"))
    started = context.clock.monotonic()
    store.start_run(ran.run, "live", full=False, entities=[entity.name for entity in context.chosen()])
    try:
        wanted = [read for read in reads(context, full=False) if read.entity.name in of and read.cursor is not None]
        for done in pull(context, wanted):
            name = done.read.system.name
            ran.read[name] = ran.read.get(name, 0) + done.rows
        _decide_and_push(context, ran, touched)
        ran.seconds = context.clock.monotonic() - started
        return report(context, ran)
    finally:
        store.drop_planned(ran.run)
        store.resume_run(outer.run)


def _decide_and_push(context: Context, ran: Ran, touched: set[tuple[str, str, str, str]]) -> None:
    decided = Decided()
    for entity in context.chosen():
        rows = {(system, name, remote_id) for of, system, name, remote_id in touched if of == entity.name}
        link_these(context, entity, rows)
        decide_these(context, entity, ran.run, decided, _news(context, rows))
    ran.breaches = guard(loads(context, ran.run), context.limits, backfill=False, consent_mapping_changed=False)
    if not any(breach.what == "opt_outs" for breach in ran.breaches):
        push(context, ran.run, only_consent=bool(ran.breaches))
    context.store.settle_pending(ran.run, decided.waiting)


def _news(context: Context, rows: set[tuple[str, str, str]]) -> list[int]:
    places = {(system, name) for system, name, _ in rows}
    found = {
        number
        for system, name in places
        for number in context.store.news_of(system, name, [i for s, n, i in rows if (s, n) == (system, name)])
    }
    return sorted(found)
