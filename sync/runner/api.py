"""The commands, as functions: each opens and closes the state itself and answers with published rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sync.config import Config
from sync.errors import UsageError
from sync.mapping import Mappings, load
from sync.model.clock import SystemClock
from sync.model.record import Conflict, Status
from sync.model.report import OPERATIONS_SHOWN, RunReport
from sync.runner import check as checking
from sync.runner import explain as explaining
from sync.runner import forget as forgetting
from sync.runner import person, streams
from sync.runner import status as judging
from sync.runner import verify as verifying
from sync.runner.approve import Approval, from_json, plan_holder, planned
from sync.runner.context import Context, Progress, Silence
from sync.runner.cycle import Order, Ran, run_cycle
from sync.runner.decide import Scope
from sync.runner.narrow import left_alone, narrowed
from sync.runner.report import Keys, conflict_rows, failures, operation_row, planned_counts, quarantine_rows, report
from sync.runner.unmapped import with_words
from sync.runner.veil import Veil
from sync.runner.wire import opened, reading, without_limits
from sync.state import RunRow, Store, journal_mode_here

Row = dict[str, Any]


def check(config: Config, mappings: Mappings, *, progress: Progress) -> Row:
    """Findings about every system and mapping; nothing is written anywhere."""
    with opened(config, mappings, progress=progress, copy=True) as context:
        return checking.check(context)


def plan(config: Config, mappings: Mappings, entities: Sequence[str], *, full: bool, progress: Progress) -> RunReport:
    """What a sync would do, computed on a throwaway copy of the state."""
    with opened(config, mappings, progress=progress, entities=entities, copy=True) as context:
        return report(context, run_cycle(context, Order("plan", full=full, dry=True)), every=True)


def sync(
    config: Config, mappings: Mappings, entities: Sequence[str], *, full: bool, init: bool, progress: Progress
) -> RunReport:
    """One run."""
    with opened(config, mappings, progress=progress, entities=entities, init=init) as context:
        return report(context, run_cycle(context, Order("sync", full=full)))


def backfill(
    config: Config,
    mappings: Mappings,
    entities: Sequence[str],
    *,
    source: str | None,
    since: datetime | None,
    init: bool,
    progress: Progress,
) -> RunReport:
    """Everything from the start, or from where an interrupted backfill was."""
    with opened(config, mappings, progress=progress, entities=entities, init=init, command="backfill") as context:
        resume = any(run.kind == "backfill" for run in context.store.open_runs())
        order = Order("backfill", full=True, resume=resume, scope=Scope(source, since))
        notes = ["went on where the interrupted backfill had come to"] if resume else []
        return report(context, run_cycle(context, order), notes=notes)


def apply_plan(config: Config, mappings: Mappings, plan: Mapping[str, Any], *, progress: Progress) -> RunReport:
    """Exactly the operations of a plan file; what moved since is skipped."""
    return _apply(config, mappings, _approval(plan), progress)


def _approval(plan: Mapping[str, Any]) -> Approval:
    try:
        approval = Approval.of(from_json(row) for row in plan["operations"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("it is not a plan that `crm-sync plan --out` wrote", remedy="Make a new one.") from error
    if approval.digest != plan.get("digest"):
        raise UsageError(
            "the plan was changed since it was written: its digest does not fit",
            remedy="Make a new one with `crm-sync plan --out FILE`.",
        )
    return approval


def apply_run(config: Config, mappings: Mappings, run: str, *, progress: Progress) -> RunReport:
    """The plan of a run that a safety limit stopped."""
    with reading(config) as store:
        found = _run_or_error(store, run)
        if found.status != "stopped":
            raise UsageError(
                f"run {run} was not stopped by a safety limit: there is nothing to release",
                remedy="`crm-sync runs` lists the runs.",
            )
        veil = Veil(mappings, store.veiled)
        approval = Approval.of(veil.operation(row.operation) for row in planned(store, plan_holder(found)))
        if not approval.operations:
            raise UsageError(
                f"the plan of run {run} is not kept any more: a later run has made it anew",
                remedy="`crm-sync status` names the newest run that was stopped; apply that one.",
            )
    return _apply(config, mappings, approval, progress, released=run)


def _apply(
    config: Config, mappings: Mappings, approval: Approval, progress: Progress, released: str | None = None
) -> RunReport:
    with opened(config, mappings, progress=progress, command="apply") as context:
        if released is not None:
            context.store.audit("guard released", {"run": released, "digest": approval.digest})
        return report(context, run_cycle(context, Order("apply", approval=approval)))


def undo(
    config: Config, mappings: Mappings, run: str, *, record: str | None, field: str | None, progress: Progress
) -> RunReport:
    """Writes the before-values of a run back where nobody has touched them since."""
    return _undo(config, mappings, run, record, field, progress, dry=False)


def try_undo(
    config: Config, mappings: Mappings, run: str, *, record: str | None, field: str | None, progress: Progress
) -> RunReport:
    """What `undo` would write, computed on a throwaway copy of the state."""
    return _undo(config, mappings, run, record, field, progress, dry=True)


def _undo(
    config: Config,
    mappings: Mappings,
    run: str,
    record: str | None,
    field: str | None,
    progress: Progress,
    *,
    dry: bool,
) -> RunReport:
    with opened(config, mappings, progress=progress, command="undo", copy=dry) as context:
        _run_or_error(context.store, run)
        chosen = narrowed(context.store, mappings, run, record=record, field=field)
        kept: list[person.Kept] = []

        def before(inner: Context, own: str) -> None:
            kept.extend(person.undo(inner, person.Undo(run, frozenset(chosen), field), own))

        order = Order("undo", dry=dry, scope=Scope(records=frozenset(chosen)), before_rounds=before)
        ran = run_cycle(without_limits(context), order)
        _report_kept(context, ran, kept)
        return report(context, ran, notes=left_alone(context.store, run, chosen), undone=run, every=dry)


def _records(context: Context, key: str) -> list[str]:
    return [name for entity in context.mappings.entities for name in context.store.find(entity, key)]


def _report_kept(context: Context, ran: Ran, kept: Sequence[person.Kept]) -> None:
    """What undo left alone stands in its run as skipped operations, with the reason."""
    records = {record.id: record for record in context.store.load_ids(sorted({k.record for k in kept}))}
    skipped = [person.kept_operation(records[k.record], k) for k in kept if k.record in records]
    context.store.plan(ran.run, skipped, Status.SKIPPED)
    ran.missing.extend(skipped)


def verify(config: Config, mappings: Mappings, entities: Sequence[str], *, progress: Progress) -> Row:
    """Every difference, explained or not."""
    with opened(config, mappings, progress=progress, entities=entities, copy=True) as context:
        ran = run_cycle(context, Order("verify", full=True, dry=True))
        verdict = verifying.compare(context, ran)
        judging.remember(config, context, len(verdict.unexplained))
        failed = [asdict(failure) for failure in failures(context)]
        return {
            "agreed": verdict.agreed,
            "explained": verdict.explained,
            "unexplained": verdict.unexplained,
            "failures": failed,
        }


def status(config: Config, mappings: Mappings) -> Row:
    """Is all well?"""
    clock = SystemClock()
    with reading(config, clock) as store:
        return judging.status(config, mappings, store, clock)


def runs(config: Config, *, limit: int) -> list[Row]:
    """Runs, newest first."""
    with reading(config) as store:
        return [_run_row(row) for row in store.runs(limit)]


def run(config: Config, run: str) -> Row:
    """One run's whole object."""
    with reading(config) as store:
        found = _run_or_error(store, run)
        keys = Keys(store, load(config.mappings, {name: system.kind for name, system in config.systems.items()}))
        rows, holder = store.operations(run, limit=OPERATIONS_SHOWN), plan_holder(found)
        if holder != run:
            rows += store.operations(holder, statuses=(Status.PLANNED,), limit=OPERATIONS_SHOWN - len(rows))
        keys.learn(row.operation.record for row in rows)
        turns = [_turn_row(row, keys) for row in store.turns(run=run)]
        shown = [operation_row(row, keys) for row in rows]
        whole = {**_run_row(found), "operations": shown, "turns": turns, "failures": _unserved(found)}
        return whole | ({"planned": planned_counts(store, holder)} if found.status == "stopped" else {})


def _unserved(row: RunRow) -> list[Row]:
    """The systems that a past run did without, and why."""
    unknown = ("could not be served in this run", "`crm-sync check` finds out why.")
    told = ((name, why or unknown) for name, why in row.failed.items())
    return [{"system": name, "message": why, "remedy": remedy, "kind": ""} for name, (why, remedy) in told]


def _turn_row(row: Any, keys: Keys) -> Row:
    changes = [
        {
            "field": t.field,
            "before": t.before,
            "after": t.after,
            "from": t.origin or None,
            "rule": t.rule,
            "lost": [{"system": x.system, "value": x.value, "rule": x.rule} for x in t.lost],
        }
        for t in (keys.shown(row.record, turn) for turn in row.turns)
    ]
    return {"record": row.record, "key": keys.of(row.record), "changes": changes}


def _run_row(row: RunRow) -> Row:
    return {
        "run": row.run,
        "kind": row.kind,
        "status": row.status,
        "full": row.full,
        "started_at": row.started_at.isoformat(),
        "seconds": row.seconds,
        "systems": {name: dict(counts) for name, counts in row.systems.items()},
        "undone": (row.note or None) if row.kind == "undo" else None,
    }


def _run_or_error(store: Store, run: str) -> RunRow:
    found = store.run(run)
    if found is None:
        raise UsageError(f"there is no run {run}", remedy="`crm-sync runs` lists them.")
    return found


def explain(config: Config, mappings: Mappings, entity: str, key: str) -> Row:
    """One record."""
    with reading(config) as store:
        return explaining.explain(store, mappings, entity, key)


def conflicts(config: Config, mappings: Mappings) -> list[Row]:
    """Open conflicts."""
    with reading(config) as store:
        return conflict_rows(store.conflicts(), Keys(store, mappings))


def resolve(config: Config, mappings: Mappings, conflict: str, system: str, *, progress: Progress) -> RunReport:
    """Takes one side of a conflict and writes at once."""
    return resolve_all(config, mappings, {conflict: system}, progress=progress)


def resolve_all(config: Config, mappings: Mappings, choices: Mapping[str, str], *, progress: Progress) -> RunReport:
    """Takes one side of each of these conflicts (`{conflict: system}`) and writes at once, in one run."""
    with opened(config, mappings, progress=progress, command="conflicts resolve") as context:
        waiting = {each.id: each for each in context.store.conflicts()}
        found = [(_conflict_or_error(waiting, name, take), take) for name, take in choices.items()]

        def before(inner: Context, own: str) -> None:
            for conflict, take in found:
                person.resolve_conflict(inner, conflict, take, own)

        scope = Scope(records=frozenset(conflict.record for conflict, _ in found))
        order = Order("resolve", pulls=False, scope=scope, before_rounds=before)
        return report(context, run_cycle(without_limits(context), order))


def _conflict_or_error(waiting: Mapping[str, Conflict], conflict: str, take: str) -> Conflict:
    """An open conflict that has a value from that system; one that is settled stays as it was settled."""
    found = waiting.get(conflict)
    if found is None:
        raise UsageError(f"there is no open conflict {conflict}", remedy="`crm-sync conflicts` lists them.")
    if take not in found.values:
        raise UsageError(
            f"conflict {conflict} has no value from {take}",
            remedy=f"Choose one of: {', '.join(sorted(found.values))}.",
        )
    return found


def quarantine(config: Config, mappings: Mappings) -> list[Row]:
    """Records set aside."""
    with reading(config) as store:
        rows = store.quarantined()
        return with_words(store, mappings, rows, quarantine_rows(rows, Keys(store, mappings)))


def retry(config: Config, mappings: Mappings, ids: Sequence[str], *, progress: Progress) -> RunReport:
    """Releases these rows (none: all) and runs."""
    with opened(config, mappings, progress=progress, command="quarantine retry") as context:
        known = {row.id for row in context.store.quarantined()}
        for name in ids:
            if name not in known:
                raise UsageError(f"there is no quarantined record {name}", remedy="`crm-sync quarantine` lists them.")
        person.retry(context, ids or None)
        return report(context, run_cycle(context, Order("retry")))


def drop(config: Config, mappings: Mappings, quarantined: str) -> Row:
    """Forgets one row of the quarantine."""
    return drop_all(config, mappings, [quarantined])[0]


def drop_all(config: Config, mappings: Mappings, ids: Sequence[str]) -> list[Row]:
    """Forgets these rows of the quarantine; answers them. All or, where one is not there, none."""
    with opened(config, mappings, progress=Silence(), command="quarantine drop") as context:
        known = {row.id: row for row in context.store.quarantined()}
        for name in ids:
            if name not in known:
                raise UsageError(f"there is no quarantined record {name}", remedy="`crm-sync quarantine` lists them.")
        shown = quarantine_rows([known[name] for name in ids], Keys(context.store, mappings))
        with context.store.transaction():
            for name in ids:
                if known[name].entity == streams.ENTITY:
                    streams.drop(context, known[name])
            context.store.release(ids=list(ids))
            for name in ids:
                context.store.audit("quarantine dropped", {"id": name})
        return shown


def consent(config: Config, mappings: Mappings, email: str) -> Row:
    """Why a person may or may not be mailed."""
    with reading(config) as store:
        return forgetting.consent(store, mappings, email)


def grant(config: Config, mappings: Mappings, email: str, evidence: str, *, progress: Progress) -> Row:
    """Lifts an opt-out on the person's own word and writes at once."""
    with opened(config, mappings, progress=progress, command="consent grant") as context:
        touched: list[str] = []

        def before(inner: Context, own: str) -> None:
            touched.extend(person.grant(inner, email, evidence, own))

        scope = Scope(records=frozenset(_records(context, email)))
        done = report(
            context, run_cycle(without_limits(context), Order("grant", pulls=False, scope=scope, before_rounds=before))
        )
        return {**forgetting.consent(context.store, mappings, email), "report": done.to_json()}


def backup(config: Config, file: Path) -> Row:
    """A consistent copy of the state, while running."""
    if file.exists():
        raise UsageError(f"{file} exists already", remedy="Give a new file name.")
    with reading(config) as store:
        store.backup(file)
        return {"file": str(file), "bytes": file.stat().st_size, "records": store.record_count(None)}


def forget(config: Config, mappings: Mappings, email: str, *, remote: bool, progress: Progress) -> Row:
    """Erases a person from the state, and with `remote` from the systems that can."""
    with opened(config, mappings, progress=progress, init=True, command="forget") as context:
        return forgetting.forget(context, email, remote=remote)


def journal_mode(config: Config) -> str:
    """The journal mode that this machine's SQLite allows."""
    return "postgresql" if config.state.url.startswith("postgres") else journal_mode_here(config.state.url)
