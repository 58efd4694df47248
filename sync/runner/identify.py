"""Identity before values: merged rows, tombstones, then links for the rows that have none.

Crash: each batch is one transaction, and a record's id follows from its first row, so that the same work done again makes the same records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sync.engine.consent import is_opt_out
from sync.engine.match import Claim, Decision, Unmatched, Verdict, match
from sync.mapping import NO_REFS, EntityMapping
from sync.model.ids import quarantine_id
from sync.model.record import LinkState, Observation, Quarantined, Record
from sync.model.remote import NativeRecord
from sync.model.values import MISSING, UNSUBSCRIBED
from sync.runner.context import Context
from sync.runner.doubted import Doubted, hides_key
from sync.runner.fetching import Read
from sync.runner.pull import Pulled
from sync.state import Holder, NewRecord, Suppression, Unlinked

BATCH = 1000
ABSENT_TWICE = 2
HIDDEN_KEY = "KEY_NOT_SHOWN"


def identify(context: Context, entity: EntityMapping) -> None:
    """Brings the links of one entity up to date with what was observed."""
    follow_merges(context, entity)
    bury(context, entity)
    link(context, entity)


def record_id(entity: str, system: str, name: str, remote_id: str) -> str:
    """The id of the record that begins with this remote row: always the same."""
    digest = hashlib.blake2b(f"{entity}\0{system}\0{name}\0{remote_id}".encode(), digest_size=10).hexdigest()
    return f"{entity[:3]}_{digest}"


# links -----------------------------------------------------------------------------------------------------------------


def link(context: Context, entity: EntityMapping) -> None:
    """Matches every observed row that has no link yet."""
    after, doubted = 0, None
    while rows := context.store.unlinked(entity.name, after=after, limit=BATCH):
        after = rows[-1].observation.number
        doubted = doubted or Doubted(context, entity)
        with context.store.transaction():
            _Matching(context, entity, rows, doubted).run()
        context.breathe()


def link_these(context: Context, entity: EntityMapping, rows: set[tuple[str, str, str]]) -> None:
    """Matches those of these rows (system, object, remote id) that have no link yet."""
    found: dict[tuple[str, str], list[str]] = {}
    for system, name, remote_id in sorted(rows):
        found.setdefault((system, name), []).append(remote_id)
    unlinked = [row for (system, name), ids in found.items() for row in context.store.unlinked_of(system, name, ids)]
    if not unlinked:
        return
    doubted = Doubted(context, entity)
    for start in range(0, len(unlinked), BATCH):
        with context.store.transaction():
            _Matching(context, entity, unlinked[start : start + BATCH], doubted).run()


class _Matching:
    """One batch of unlinked rows; what it decides for one row, the next row knows."""

    def __init__(self, context: Context, entity: EntityMapping, rows: Sequence[Unlinked], doubted: Doubted) -> None:
        self.store = context.store
        self.context = context
        self.entity = entity
        self.rows = rows
        self.doubted = doubted
        self.holders = {
            key: list(found)
            for key, found in self.store.by_key(entity.name, sorted({k for row in rows for k in row.keys})).items()
        }
        self.made: list[NewRecord] = []
        self.joined: list[tuple[str, int]] = []
        self.answered: list[str] = []
        self.ignored: list[int] = []
        self.slots: dict[str, set[str]] = {}
        self.occupied: dict[str, frozenset[str]] = {}
        self.stamps = self._stamps()
        self._learn(
            sorted(
                {h.record for found in self.holders.values() for h in found if h.record}
                | set(self.stamps.values())
                | self.doubted.records
            )
        )

    def run(self) -> None:
        for row in self.rows:
            self._settle(row, self._decide(row))
        self.store.create_records(self.made)
        self.store.add_links(self.joined, by_us=False)
        self.store.release(self.answered)
        self.store.mark_clean(self.ignored)
        self.doubted.ask()

    def _stamps(self) -> dict[int, str]:
        """Rows that carry the id of one of our records in their external-id field."""
        carried = {row.observation.number: stamp for row in self.rows if (stamp := self._stamp(row)) is not None}
        known = {record.id for record in self.store.load_ids(sorted(set(carried.values())))}
        aliases = {stamp: r.id for stamp in set(carried.values()) - known for r in self.store.load_ids([stamp])}
        return {
            number: aliases.get(stamp, stamp) for number, stamp in carried.items() if stamp in known | aliases.keys()
        }

    def _stamp(self, row: Unlinked) -> str | None:
        path = self.entity.systems[row.observation.system].external_id
        value = row.observation.values.get(path) if path else None
        return value if isinstance(value, str) and value else None

    def _learn(self, ids: list[str]) -> None:
        for record in self.store.load_ids(ids):
            self.slots[record.id] = {
                x.system for x in record.links if x.state is LinkState.LINKED and not x.observed.deleted
            }
            self.occupied[record.id] = record.occupied

    def _decide(self, row: Unlinked) -> Decision:
        seen = row.observation
        claims = [[_claim(h) for h in self.holders.get(key, ())] for key in row.keys]
        stamped = self.stamps.get(seen.number)
        sent = self.doubted.by_key
        sent_for, is_open = next(
            (sent[seen.system, key] for key in row.keys if (seen.system, key) in sent), (None, False)
        )
        question = Unmatched(
            seen.system,
            seen.object,
            seen.remote_id,
            seen.deleted,
            stamped,
            claims,
            sent_for=sent_for,
            open=is_open,
            hidden=self._is_hidden(row),
        )
        near = self._near(claims, {name for name in (stamped, sent_for) if name})
        decision = match(question, {k: frozenset(v) for k, v in near.items()}, self.occupied)
        return self._unless_suspected(row, decision) if decision.verdict is Verdict.NEW else decision

    def _unless_suspected(self, row: Unlinked, decision: Decision) -> Decision:
        """Nobody new, as long as the row may be what a create in doubt has made."""
        suspicions = self.doubted.suspicions(row.observation)
        self.doubted.hold(row.observation, suspicions)
        return Decision(Verdict.WAIT, suspicions[0].create.operation.record) if suspicions else decision

    def _is_hidden(self, row: Unlinked) -> bool:
        return hides_key(self.entity, row)

    def _near(self, claims: list[list[Claim]], others: set[str]) -> dict[str, set[str]]:
        names = {claim.record for found in claims for claim in found if claim.record} | others
        return {name: self.slots.get(name, set()) for name in names if name}

    def _settle(self, row: Unlinked, decision: Decision) -> None:
        seen = row.observation
        if decision.verdict is Verdict.NEW:
            self._join(row, self._new(row))
        elif decision.verdict in (Verdict.LINK, Verdict.TOMBSTONE):
            assert decision.record is not None
            self.joined.append((decision.record, seen.number))
            self._join(row, decision.record)
        elif decision.verdict is Verdict.AMBIGUOUS:
            self._quarantine(row, decision)
            return
        if decision.verdict is Verdict.WAIT and decision.record is None:
            self._hide(row)
        elif decision.verdict is not Verdict.WAIT:
            place = (seen.system, seen.object, seen.remote_id)
            self.answered += [quarantine_id(error, *place) for error in ("AMBIGUOUS_MATCH", HIDDEN_KEY)]
        if decision.verdict is Verdict.IGNORE:
            self.ignored.append(seen.number)

    def _new(self, row: Unlinked) -> str:
        seen = row.observation
        name = record_id(self.entity.name, seen.system, seen.object, seen.remote_id)
        self.made.append(NewRecord(name, self.entity.name, (seen.number,)))
        return name

    def _join(self, row: Unlinked, record: str) -> None:
        seen = row.observation
        if not seen.deleted:
            self.slots.setdefault(record, set()).add(seen.system)
        for key in row.keys:
            found = self.holders.setdefault(key, [])
            found[:] = [h for h in found if h.number != seen.number]
            state = LinkState.TOMBSTONE if seen.deleted else LinkState.LINKED
            found.append(Holder(seen.number, seen.system, seen.object, seen.remote_id, seen.deleted, record, state))

    def _hide(self, row: Unlinked) -> None:
        """A row whose match key cannot be seen is set aside, and nothing is created in its system meanwhile: it may be there."""
        seen = row.observation
        self.context.blind.add((self.entity.name, seen.system))
        self.store.quarantine(
            Quarantined(
                id=quarantine_id(HIDDEN_KEY, seen.system, seen.object, seen.remote_id),
                entity=self.entity.name,
                system=seen.system,
                record=None,
                object=seen.object,
                remote_id=seen.remote_id,
                error=HIDDEN_KEY,
                message=f"{seen.system} does not show the match key of {seen.object} {seen.remote_id}",
                remedy=f"Let the user of crm-sync read that column in {seen.system}; then run `crm-sync sync --full`.",
            )
        )

    def _quarantine(self, row: Unlinked, decision: Decision) -> None:
        seen = row.observation
        self.store.quarantine(
            Quarantined(
                id=quarantine_id("AMBIGUOUS_MATCH", seen.system, seen.object, seen.remote_id),
                entity=self.entity.name,
                system=seen.system,
                record=decision.record,
                object=seen.object,
                remote_id=seen.remote_id,
                error="AMBIGUOUS_MATCH",
                message=f"{len(decision.candidates)} rows claim to be the same {self.entity.name}: {', '.join(decision.candidates)}",
                remedy="Merge or delete the duplicates, or give them different keys; then run `crm-sync quarantine retry`.",
                candidates=decision.candidates,
            )
        )


def _claim(holder: Holder) -> Claim:
    linked = holder.record is not None and holder.link_state is LinkState.LINKED
    over = holder.deleted and holder.link_state is LinkState.FORMER
    record = None if over else holder.record
    return Claim(holder.system, holder.object, holder.remote_id, holder.deleted, record, linked)


# merges and deletes ------------------------------------------------------------------------------------------------------


def follow_merges(context: Context, entity: EntityMapping) -> None:
    """A row merged away hands its record to the winner's; chains are followed, opt-outs joined, partners elsewhere reported."""
    for loser, winner in context.store.merged_rows(entity.name):
        with context.store.transaction():
            _hand_over(context, entity, loser, winner)


def _hand_over(context: Context, entity: EntityMapping, loser: int, winner: int) -> None:
    store = context.store
    lost, kept = store.record_of_row(loser), store.record_of_row(winner)
    if lost is None or lost == kept:
        return
    out = _is_out(context, entity, lost)
    if kept is None:
        store.relink(loser, winner)
    else:
        store.bury_row(loser)
        _report_partners(context, entity, lost, kept)
        store.mark_pending(records=[lost, kept])
    if out:
        _join_consent(context, entity, lost, kept or lost)


def _report_partners(context: Context, entity: EntityMapping, lost: str, kept: str) -> None:
    for record in context.store.load_ids([lost]):
        for partner in record.links:
            if partner.state is LinkState.LINKED and not partner.observed.deleted:
                _report_duplicate(
                    context, entity, kept, partner.observed.system, partner.observed.object, partner.observed.remote_id
                )


def _is_out(context: Context, entity: EntityMapping, lost: str) -> bool:
    """Whether somebody has opted out on a record or in the last image of one of its rows, which nothing has merged yet."""
    name = entity.consent_field
    if name is None:
        return False
    return any(
        (name in record.cells and is_opt_out(record.cells[name].value)) or UNSUBSCRIBED in _shown(entity, record, name)
        for record in context.store.load_ids([lost])
    )


def _join_consent(context: Context, entity: EntityMapping, lost: str, kept: str) -> None:
    """The opt-out of the row that was merged away binds the address of the one that stayed, whatever row shows it."""
    address = entity.address_field
    if address is None:
        return
    for winner in context.store.load_ids([kept]):
        known = winner.cells[address].value if address in winner.cells else None
        found = _shown(entity, winner, address) | ({known} if isinstance(known, str) else set())
        fresh = context.store.suppress([Suppression(value, "merge", f"merged from {lost}") for value in sorted(found)])
        context.store.mark_pending_by_key(entity.name, address, fresh)


def _shown(entity: EntityMapping, record: Record, name: str) -> set[str]:
    """What the rows of a record hold in a field of text, deleted rows too."""
    found = set()
    for link in record.links:
        cell = entity.systems[link.system].cells.get(name) if link.system in entity.systems else None
        if cell is not None and cell.reads and cell.path in link.observed.values:
            value = cell.get(link.observed.values[cell.path], NO_REFS)
            found |= {value} if isinstance(value, str) else set()
    return found


def _report_duplicate(
    context: Context, entity: EntityMapping, kept: str, system: str, name: str, remote_id: str
) -> None:
    context.store.quarantine(
        Quarantined(
            id=quarantine_id("DUPLICATE", system, name, remote_id),
            entity=entity.name,
            system=system,
            record=kept,
            object=name,
            remote_id=remote_id,
            error="DUPLICATE",
            message=f"its partner was merged away, so {name} {remote_id} is a duplicate of the record that stayed",
            remedy=f"Merge it with its twin in {system}, or delete it there. It is not touched until then.",
            candidates=(f"{system}:{remote_id}",),
        )
    )


def bury(context: Context, entity: EntityMapping) -> None:
    """Links of deleted rows become tombstones; a row that came back revives its link."""
    with context.store.transaction():
        context.store.bury_deleted(entity.name)
        context.store.revive_undeleted(entity.name)


def absent(context: Context, pulled: Iterable[Pulled], run: str) -> None:
    """Rows that a verified complete read did not show, checked by id; gone twice, a run apart, is a deletion."""
    for done in pulled:
        if done.complete and done.read.sweep is not None:
            _check_absent(context, done, run)


def _check_absent(context: Context, done: Pulled, run: str) -> None:
    read, after = done.read, 0
    assert read.sweep is not None
    while rows := context.store.not_in_sweep(
        read.entity.name, read.system.name, read.feed.object, read.sweep, after=after, limit=BATCH
    ):
        after = rows[-1].number
        found = read.system.connector.fetch(read.feed, [row.remote_id for row in rows])
        gone = [row.number for row in rows if found.get(row.remote_id) is None]
        with context.store.transaction():
            context.store.mark_absent(gone, run=run, times=ABSENT_TWICE)
            _hear_opt_outs(context, read, rows, found)


def _hear_opt_outs(
    context: Context, read: Read, rows: Sequence[Observation], found: Mapping[str, NativeRecord | None]
) -> None:
    """Rows that are there and were not listed have left the mapping's filter: they are not heard any more, but for an opt-out."""
    name = read.entity.consent_field
    cell = read.mapping.cells.get(name) if name is not None else None
    if cell is None or not cell.reads:
        return
    for row in rows:
        fresh = found.get(row.remote_id)
        word = fresh.values.get(cell.path, MISSING) if fresh is not None and not fresh.deleted else MISSING
        if fresh is None or word is MISSING or not is_opt_out(cell.get(word, NO_REFS)):
            continue
        if not cell.eq(word, row.values.get(cell.path)) and context.store.is_linked(
            row.system, row.object, row.remote_id
        ):
            heard = replace(fresh, values={**row.values, cell.path: word})
            context.store.observe(read.entity.name, row.system, row.object, heard, at=context.clock.now())
