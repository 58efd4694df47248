"""Merge what the links of one record say into one value per field, and keep every loser.

The rules, their reasons and the laws are in docs/merge.md. In short: nothing is concluded from what is unknown; what agrees
is absorbed; what nobody who edited had seen (the hub value) is itself in the running; consent is joined, not merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson

from sync.engine.consent import is_opt_out, join, strictness
from sync.engine.detect import News, Seen, detect, has_last_image, readable
from sync.engine.policy import Choice, Contender, choose, prefer
from sync.engine.standing import is_first_word, standing
from sync.mapping import EntityMapping, FieldMapping, Refs
from sync.model.record import Conflict, Exchange, HubCell, Link, LinkState, Lost, Past, Record, Turn
from sync.model.values import MISSING, UNSUBSCRIBED, Absence, Canonical, Native, is_blank

PAST_MAX = 8
NO_CELL = HubCell(None, 0, "", "")
FLAP_LIMIT = 6
FLAP_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the merge may know of the world: handed in, never asked for.

    ``margins`` widen a system's change times. ``suppressed``: an address of this record stands in the suppression ledger.
    ``taken``: fields whose new match key belongs to another record already. ``related``: canonical fields of referred records.
    ``ghosts``: (system, remote id, field) -> what we sent there in vain not long ago; seen now, it has landed after all.
    """

    now: datetime
    refs: Refs
    margins: Mapping[str, timedelta] = field(default_factory=dict)
    suppressed: bool = False
    taken: frozenset[str] = frozenset()
    related: Mapping[str, Mapping[str, Canonical]] = field(default_factory=dict)
    ghosts: Mapping[tuple[str, str, str], tuple[Native, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Merged:
    """The record after the merge and what is to be told about it. ``waiting`` fields could not be decided yet; they need another run."""

    record: Record
    turns: list[Turn] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    held: list[tuple[Seen, str]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


def merge(record: Record, mapping: EntityMapping, circumstances: Circumstances) -> Merged:
    """Merges every field of a record; computed fields last."""
    work = _Work(record, mapping, circumstances)
    for mapped in mapping.fields.values():
        if mapped.compute is None and not work.is_quiet(mapped):
            work.merge_field(mapped)
    for mapped in mapping.fields.values():
        if mapped.compute is not None:
            work.compute(mapped)
    return work.finish()


def canonical_values(
    cells: Mapping[str, HubCell], related: Mapping[str, Mapping[str, Canonical]] | None = None
) -> dict[str, Canonical]:
    """Field -> canonical value; a ref is replaced by the fields of its target where these are given."""
    return {name: cell.value for name, cell in cells.items()} | dict(related or {})


class _Work:
    """One merge in progress: the cells and exchanges that change, everything else as it was."""

    def __init__(self, record: Record, mapping: EntityMapping, circumstances: Circumstances) -> None:
        self.record = record
        self.mapping = mapping
        self.around = circumstances
        self.links = [link for link in record.links if readable(link)]
        self.tombstones = [link for link in record.links if has_last_image(link)]
        self.cells: dict[str, HubCell] = dict(record.cells)
        self.exchanges: dict[int, dict[str, Exchange]] = {}
        self.out = Merged(record)

    def finish(self) -> Merged:
        if self.exchanges or self.cells != self.record.cells:
            links = tuple(self._link(link) for link in self.record.links)
            self.out.record = replace(self.record, cells=self.cells, links=links)
        return self.out

    def is_quiet(self, mapped: FieldMapping) -> bool:
        """Whether every link that shows the field holds to the letter what it held at the last exchange: nothing to detect.

        Most fields of most records are; this is the shortest way to know it. Consent is joined all the same.
        """
        hub = self.cells.get(mapped.name)
        if mapped.type == "consent" or (hub is not None and hub.held):
            return False
        for link in self._speakers(mapped):
            cell = mapped.cells.get(link.observed.system)
            if cell is None or cell.mode == "write":
                continue
            exchange, native = link.exchange.get(mapped.name), link.observed.values.get(cell.path, MISSING)
            if native is MISSING:
                continue  # nothing may be concluded from it
            if exchange is None or native.__class__ is not exchange.seen.__class__ or native != exchange.seen:
                return False
        return True

    def _speakers(self, mapped: FieldMapping) -> list[Link]:
        """The links that have a say: what was edited in a row just before it was deleted counts, but for its key and its parents."""
        if not self.tombstones or mapped.type in ("consent", "ref") or mapped.name in self.mapping.match_keys:
            return self.links
        return self.links + self.tombstones

    def merge_field(self, mapped: FieldMapping) -> None:
        hub = self.cells.get(mapped.name)
        found = (detect(link, mapped, hub, self.around.refs) for link in self._speakers(mapped))
        seen = [s for s in found if s is not None and s.news is not News.NOTHING]
        self._report(mapped, seen)
        if mapped.type == "consent":
            self._join(mapped, seen)
            return
        if mapped.name in self.around.taken and any(s.news is News.EDIT for s in seen):
            self._hold_taken(mapped, seen)
            return
        for s in seen:
            if s.news is News.ABSORBED:
                self._exchanged(mapped, s, hub.version if hub else 0)
        ghosts = [s for s in seen if s.news is News.EDIT and self._is_ghost(mapped, s)]
        for s in ghosts:
            self._exchanged(mapped, s, s.acked)
        news = [s for s in seen if s.news in (News.EDIT, News.FIRST) and s not in ghosts]
        if news:
            self._decide(mapped, hub, news)
        elif (
            hub is not None
            and hub.held
            and all(readable(link) for link in self.record.links if link.state is LinkState.LINKED)
        ):
            self._release(mapped, hub)

    def _is_ghost(self, mapped: FieldMapping, s: Seen) -> bool:
        """Whether this is a write of ours that landed after it had been given up: nobody's edit, and put right by the plan."""
        sent = self.around.ghosts.get((s.link.system, s.link.observed.remote_id, mapped.name), ())
        return any(s.cell.eq(s.native, value) for value in sent)

    def compute(self, mapped: FieldMapping) -> None:
        assert mapped.compute is not None
        value = mapped.compute.evaluate(canonical_values(self.cells, self.around.related))
        hub = self.cells.get(mapped.name)
        if hub is None and is_blank(value):
            return
        if hub is None or hub.value != value:
            self._turn(mapped, Contender("", value, self.around.now), "compute", [])

    # reports -------------------------------------------------------------------------------------------------------

    def _report(self, mapped: FieldMapping, seen: list[Seen]) -> None:
        for s in seen:
            if s.news is News.HELD:
                self.out.held.append((s, mapped.name))
            elif s.news is News.UNKNOWN and isinstance(s.value, Absence):
                self.out.waiting.append(mapped.name)

    # ordinary fields -----------------------------------------------------------------------------------------------

    def _decide(self, mapped: FieldMapping, hub: HubCell | None, news: list[Seen]) -> None:
        """Chooses among the news and, where nobody had seen it, the hub value; see docs/merge.md."""
        voices, silent = self._voices(mapped, hub, news)
        voices, coarse = self._precise(voices)
        silent += coarse
        if not voices:
            self._take_note(mapped, hub, silent)
            return
        if mapped.type == "multi" and all(s.news is News.EDIT for s in voices):
            self._merge_sets(mapped, hub, voices)
            self._take_note(mapped, self.cells.get(mapped.name), silent)
            return
        contenders = [self._contender(s) for s in voices]
        if self._hub_runs(hub, voices):
            assert hub is not None
            contenders.append(self._hub_contender(hub))
        choice = self._choose(mapped, voices, standing(voices, contenders))
        if choice.winner is None or (
            mapped.blank == "hold" and is_blank(choice.winner.value) and hub and not is_blank(hub.value)
        ):
            self._hold(mapped, hub, contenders, choice.rule)
            return
        self._accept(mapped, hub, voices, silent, contenders, choice)

    def _voices(self, mapped: FieldMapping, hub: HubCell | None, news: list[Seen]) -> tuple[list[Seen], list[Seen]]:
        """Splits the news into those that count and those that do not (other sides than the owner, fill, blanks without a say)."""
        voices = [s for s in news if self._counts(mapped, hub, s)]
        return voices, [s for s in news if s not in voices]

    def _precise(self, voices: list[Seen]) -> tuple[list[Seen], list[Seen]]:
        """Sets aside coarse views (a band, a truncation) that another voice says more exactly."""
        coarse = [s for s in voices if s.cell.lossy and any(self._says_more(other, s) for other in voices)]
        return [s for s in voices if s not in coarse], coarse

    def _says_more(self, other: Seen, s: Seen) -> bool:
        return (
            other.value != s.value and not other.cell.lossy and s.cell.agrees(other.value, s.native, self.around.refs)
        )

    def _counts(self, mapped: FieldMapping, hub: HubCell | None, s: Seen) -> bool:
        if mapped.owner is not None and s.link.system != mapped.owner:
            return False
        filled = hub is not None and not is_blank(hub.value)
        if filled and (s.cell.mode == "fill" or (s.news is News.FIRST and s.link.state is LinkState.TOMBSTONE)):
            return False
        if is_blank(s.value):
            return s.news is News.EDIT and mapped.clearable and mapped.blank != "keep"
        return True

    def _hub_runs(self, hub: HubCell | None, voices: list[Seen]) -> bool:
        if hub is None or (is_blank(hub.value) and any(s.news is News.FIRST for s in voices)):
            return False
        if any(s.news is News.EDIT and s.acked == hub.version for s in voices):
            return False
        return all(s.news is News.EDIT for s in voices) or not is_blank(hub.value)

    def _choose(self, mapped: FieldMapping, voices: list[Seen], contenders: list[Contender]) -> Choice:
        if mapped.owner is not None:
            mine = [c for c in contenders if c.system == mapped.owner and not c.hub]
            return Choice(prefer(mine, mapped.prefer), "owner")
        if any(is_first_word(s) for s in voices) or all(s.news is News.FIRST for s in voices):
            filled = [c for c in contenders if not is_blank(c.value)] or contenders
            values = {_text(c.value) for c in filled}
            return Choice(prefer(filled, mapped.prefer), "first" if len(values) == 1 else "prefer")
        return choose(contenders, mapped.conflict, mapped.prefer)

    def _accept(
        self,
        mapped: FieldMapping,
        hub: HubCell | None,
        voices: list[Seen],
        silent: list[Seen],
        contenders: list[Contender],
        choice: Choice,
    ) -> None:
        winner = choice.winner
        assert winner is not None
        losers = [c for c in contenders if c.value != winner.value]
        if self._flaps(hub, winner.value):
            self._hold(mapped, hub, contenders, "flapping")
            return
        if hub is None or hub.value != winner.value or losers or hub.held:
            met = any(s.news is News.FIRST for s in voices)
            self._turn(mapped, winner, choice.rule, losers, filled=not met)
        self._take_note(mapped, self.cells.get(mapped.name), [*voices, *silent])

    def _take_note(self, mapped: FieldMapping, hub: HubCell | None, seen: list[Seen]) -> None:
        """Records what each link holds now; a link that agrees with the hub has seen its version."""
        for s in seen:
            agrees = hub is not None and s.cell.agrees(hub.value, s.native, self.around.refs)
            self._exchanged(mapped, s, hub.version if hub is not None and agrees else s.acked)

    def _merge_sets(self, mapped: FieldMapping, hub: HubCell | None, voices: list[Seen]) -> None:
        """Sets merge by element: what was added anywhere is in, what was removed and not added is out."""
        base = set(hub.value or ()) if hub else set()
        added: set[str] = set()
        removed: set[str] = set()
        for s in voices:
            before = s.cell.get(s.link.exchange[mapped.name].seen, self.around.refs)
            old, new = set(before or ()), set(s.value or ())  # type: ignore[arg-type]
            added |= new - old
            removed |= old - new
        value = sorted((base | added) - (removed - added)) or None
        if hub is None or hub.value != value:
            first = voices[0]
            self._turn(
                mapped, Contender(first.link.system, value, first.link.observed.changed_at), "sets", [], filled=True
            )
        self._take_note(mapped, self.cells.get(mapped.name), voices)

    # conflicts -----------------------------------------------------------------------------------------------------

    def _hold(self, mapped: FieldMapping, hub: HubCell | None, contenders: list[Contender], reason: str) -> None:
        """Leaves everything where it is and asks: exchanges stay, so the question stays the same until somebody acts."""
        values: dict[str, Canonical] = {c.system or "record": c.value for c in reversed(contenders)}
        conflict = _conflict(self.record, mapped.name, values, reason)
        self.out.conflicts.append(conflict)
        base = hub or NO_CELL
        self.cells[mapped.name] = replace(base, held=conflict.id)

    def _hold_taken(self, mapped: FieldMapping, seen: list[Seen]) -> None:
        contenders = [self._contender(s) for s in seen if s.news is News.EDIT]
        self._hold(mapped, self.cells.get(mapped.name), contenders, "key_taken")

    def _release(self, mapped: FieldMapping, hub: HubCell) -> None:
        self.cells[mapped.name] = replace(hub, held=None)
        self.out.settled.append(mapped.name)

    def _flaps(self, hub: HubCell | None, value: Canonical) -> bool:
        if hub is None or hub.value == value:
            return False
        recent = [past for past in hub.past if past.version and past.until > self.around.now - FLAP_WINDOW]
        returns = [past for past in recent if past.value == value]
        return len(recent) >= FLAP_LIMIT and len(returns) > 1

    # consent -------------------------------------------------------------------------------------------------------

    def _join(self, mapped: FieldMapping, seen: list[Seen]) -> None:
        """The strictest state of all links, deleted images and the ledger; never lower than it was, unless a person granted it."""
        hub = self.cells.get(mapped.name)
        known = [hub.value if hub else None, UNSUBSCRIBED if self.around.suppressed else None]
        live = [s for s in seen if s.news in (News.FIRST, News.EDIT, News.ABSORBED)]
        said = [(s.link.system, s.cell.get(s.native, self.around.refs)) for s in live]
        said += self._last_words(mapped)
        value = join([*known, *(state for _, state in said)])
        if strictness(value) > strictness(hub.value if hub else None):
            origin = next((system for system, state in said if state == value), "ledger")
            losers = [Contender(system, state) for system, state in said if state is not None and state != value]
            self._turn(mapped, Contender(origin, value, self._change_time(origin)), "consent", losers)
        self._take_note(mapped, self.cells.get(mapped.name), live)

    def _last_words(self, mapped: FieldMapping) -> list[tuple[str, Canonical]]:
        """Consent in the last image of rows that are deleted, in doubt or set aside: an opt-out there still counts."""
        words = []
        for link in self.record.links:
            cell = mapped.cells.get(link.system)
            if readable(link) or cell is None or not cell.reads or cell.path not in link.observed.values:
                continue
            native, exchange = link.observed.values[cell.path], link.exchange.get(mapped.name)
            if exchange is not None and cell.eq(native, exchange.seen):
                continue
            state = cell.get(native, self.around.refs)
            if not isinstance(state, Absence) and is_opt_out(state):
                words.append((link.system, state))
        return words

    def _change_time(self, system: str) -> datetime | None:
        return next((link.observed.changed_at for link in self.links if link.system == system), None)

    # bookkeeping ---------------------------------------------------------------------------------------------------

    def _contender(self, s: Seen) -> Contender:
        return Contender(s.link.system, s.value, s.link.observed.changed_at, self._margin(s.link.system))

    def _hub_contender(self, hub: HubCell) -> Contender:
        return Contender(hub.origin, hub.value, hub.changed_by, self._margin(hub.origin), hub=True)

    def _margin(self, system: str) -> timedelta:
        return self.around.margins.get(system, timedelta(0))

    def _turn(
        self, mapped: FieldMapping, winner: Contender, rule: str, losers: list[Contender], *, filled: bool = False
    ) -> None:
        """A new value. `filled`: all links were known to hold none, so an undo may empty them again."""
        hub = self.cells.get(mapped.name)
        before = hub.value if hub else None
        lost = tuple(Lost(c.system or "record", c.value, rule) for c in losers)
        if hub is not None and hub.value == winner.value:
            self.cells[mapped.name] = replace(hub, held=None)
        else:
            self.cells[mapped.name] = self._cell(hub, winner, rule, filled=filled)
        if lost or before is not None or self.record.cells:
            self.out.turns.append(Turn(mapped.name, before, winner.value, winner.system, rule, lost))
        if hub is not None and hub.held:
            self.out.settled.append(mapped.name)

    def _cell(self, hub: HubCell | None, winner: Contender, rule: str, *, filled: bool) -> HubCell:
        hub = hub or NO_CELL
        past = (Past(hub.value, hub.version, self.around.now), *hub.past)[:PAST_MAX] if hub.version or filled else ()
        return HubCell(winner.value, hub.version + 1, winner.system, rule, changed_by=winner.changed_at, past=past)

    def _exchanged(self, mapped: FieldMapping, s: Seen, acked: int) -> None:
        self.exchanges.setdefault(s.link.number, {})[mapped.name] = Exchange(s.native, s.native, acked)

    def _link(self, link: Link) -> Link:
        changed = self.exchanges.get(link.number)
        return replace(link, exchange={**link.exchange, **changed}) if changed else link


def _conflict(record: Record, name: str, values: Mapping[str, Canonical], reason: str) -> Conflict:
    digest = hashlib.blake2b(
        orjson.dumps([record.id, name, values], option=orjson.OPT_SORT_KEYS), digest_size=8
    ).hexdigest()
    return Conflict(digest, record.entity, record.id, name, values, reason)


def _text(value: Canonical) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
