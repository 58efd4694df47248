"""Plan the writes that bring every link of one record to the merged values, and the creates that are due.

Never writes over a change that is not merged, never repeats what a system has shown it cannot hold better or has refused for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sync.engine.consent import is_opt_out
from sync.engine.detect import readable
from sync.engine.gone import deleted_in, edited_since
from sync.engine.merge import canonical_values
from sync.engine.refusals import create_hash, payload_hash
from sync.engine.surroundings import Surroundings
from sync.engine.unshown import may_fill
from sync.mapping import Cell, EntityMapping, FieldMapping, SystemMapping
from sync.model.record import Change, Exchange, HubCell, Link, LinkState, Operation, Record
from sync.model.remote import Kind
from sync.model.values import HELD, MISSING, UNRESOLVED, Absence, Canonical, Native, is_blank

PENDING_REF = "$record"
"""A native reference to a record that this same run creates first: ``{"$record": RECORD}``, resolved when it is sent."""


@dataclass(slots=True)
class Planned:
    """Operations for one record, and why others are not there. ``record`` has the exchanges as the comparison left them."""

    record: Record
    operations: list[Operation] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Systems where something has to wait for a parent."""
    uncleared: list[tuple[str, str]] = field(default_factory=list)
    wordless: list[tuple[Link, str]] = field(default_factory=list)
    """Fields whose value has no word in that system."""
    unmade: list[tuple[str, str]] = field(default_factory=list)
    """(System, field) of creates whose value has no word there: made without it, or, where it is required, not made."""
    refused: set[str] = field(default_factory=set)
    """Systems that have refused for good what would have to be written."""
    questions: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Systems where a create is due but somebody holds the key already."""
    doubtful: list[tuple[Link, str]] = field(default_factory=list)
    """Links whose deletion elsewhere meets an edit here."""


def plan(record: Record, mapping: EntityMapping, around: Surroundings) -> Planned:
    """All operations that are due for one record now."""
    return _Work(record, mapping, around).run()


def address_of(record: Record, mapping: EntityMapping) -> str | None:
    """The person's e-mail, where the entity has one."""
    cell = record.cells.get(mapping.address_field) if mapping.address_field else None
    return cell.value if cell is not None and isinstance(cell.value, str) else None


class _Work:
    def __init__(self, record: Record, mapping: EntityMapping, around: Surroundings) -> None:
        self.record = record
        self.mapping = mapping
        self.around = around
        self.values = canonical_values(record.cells)
        self.exchanges: dict[int, dict[str, Exchange]] = {}
        self.out = Planned(record)

    def run(self) -> Planned:
        for link in self.record.links:
            if readable(link) and link.system in self.around.writable and link.system in self.mapping.systems:
                self._link(link)
        for system in self.mapping.systems.values():
            if self._create_is_due(system):
                self._create(system)
        self._settle_exchanges()
        return self.out

    # existing links --------------------------------------------------------------------------------------------------

    def _link(self, link: Link) -> None:
        system = self.mapping.systems[link.system]
        if system.mode == "read" or self._deletes(link, system):
            return
        changes: list[Change] = []
        consent: list[Change] = []
        for name, cell in self.around.cells(system, link.observed.object).items():
            if not cell.writes or self._is_told(link, name, cell) or self._is_withheld(link, name):
                continue
            change = self._change(link, cell, self.mapping.fields[name])
            if change is not None:
                (consent if name == self.mapping.consent_field else changes).append(change)
        if consent:
            self._operation(link, Kind.SUBSCRIBE, consent)
        if changes:
            self._operation(link, Kind.UPDATE, changes)

    def _is_withheld(self, link: Link, name: str) -> bool:
        """A former address stays the key of its row, and nobody is opted in there."""
        if link.state is not LinkState.FORMER:
            return False
        hub = self.record.cells.get(name)
        opts_in = name == self.mapping.consent_field and not (hub is not None and is_opt_out(hub.value))
        return opts_in or name in self.mapping.match_keys

    def _operation(self, link: Link, kind: Kind, changes: list[Change]) -> None:
        reason = ", ".join(sorted({f"{c.field}: {c.rule}" for c in changes}))
        seen = link.observed
        self.out.operations.append(
            Operation(
                self.record.entity,
                self.record.id,
                seen.system,
                seen.object,
                kind,
                seen.remote_id,
                tuple(changes),
                reason,
                address_of(self.record, self.mapping),
            )
        )

    def _change(self, link: Link, cell: Cell, mapped: FieldMapping) -> Change | None:
        hub = self._hub(mapped, cell)
        if hub is None or hub.held:
            return None
        native = link.observed.values.get(cell.path, MISSING)
        exchange = link.exchange.get(mapped.name)
        value = self._value(cell)
        if native is MISSING:
            sparse, unread = link.system in self.around.sparse, link.system in self.around.unread
            if not may_fill(cell, mapped, hub, exchange, value, sparse=sparse, unread=unread):
                return None
        elif not self._may_write(cell, native, exchange):
            return None
        if is_blank(value) and not self._may_clear(link, mapped, hub, native, exchange):
            return None
        return self._desire(link, cell, mapped, hub, native, exchange, value)

    def _is_told(self, link: Link, name: str, cell: Cell) -> bool:
        """Whether the link has acknowledged the very value that stands there: most have, and no lens need be asked."""
        hub, exchange = self.record.cells.get(name), link.exchange.get(name)
        if hub is None or hub.held or exchange is None or not cell.verbatim:
            return False
        native = link.observed.values.get(cell.path, MISSING)
        return (
            native.__class__ is hub.value.__class__
            and bool(native == hub.value == exchange.seen)
            and exchange.acked == hub.version
            and exchange.rejected is None
            and not is_blank(native)
        )

    def _value(self, cell: Cell) -> Canonical:
        return cell.source(self.values, self.around.related)

    def _hub(self, mapped: FieldMapping, cell: Cell) -> HubCell | None:
        """The cell that is written: the field's own, or a stand-in where it is made of other fields."""
        own = self.record.cells.get(mapped.name)
        if own is not None:
            return own
        return HubCell(None, 0, "", "compute") if not is_blank(self._value(cell)) else None

    def _may_write(self, cell: Cell, native: Native, exchange: Exchange | None) -> bool:
        """Never over an unmerged change."""
        return not cell.reads or (exchange is not None and cell.eq(native, exchange.seen))

    def _may_clear(
        self, link: Link, mapped: FieldMapping, hub: HubCell, native: Native | Absence, exchange: Exchange | None
    ) -> bool:
        """A blank travels only where something was exchanged before, the field may be blank, and the system can be told so."""
        if is_blank(native) or native is MISSING or exchange is None or hub.version == 0 or not mapped.clearable:
            return False
        if link.system not in self.around.clearable:
            self.out.uncleared.append((link.system, mapped.name))
            return False
        return True

    def _desire(
        self,
        link: Link,
        cell: Cell,
        mapped: FieldMapping,
        hub: HubCell,
        native: Native | Absence,
        exchange: Exchange | None,
        value: Canonical,
    ) -> Change | None:
        refs = self.around.refs
        granted = mapped.type == "consent" and hub.rule == "granted"
        if native is not MISSING and not granted and cell.agrees(value, native, refs):
            self._acknowledge(link, mapped.name, exchange, native, hub)
            return None
        desired = cell.grant(native) if granted else cell.put(value, native, refs)
        comes = desired is UNRESOLVED and (link.system, value) in self.around.coming
        if comes:
            desired = {PENDING_REF: value}
        if isinstance(desired, Absence):
            self._wordless(link, mapped.name, desired, barred=(link.system, value) in self.around.barred)
            return None
        if not comes and native is not MISSING and cell.eq(desired, native):
            self._acknowledge(link, mapped.name, exchange, native, hub)
            return None
        if not comes and exchange is not None and self._is_refused(cell, exchange, desired):
            return None
        if not comes and exchange is not None and self._is_futile(cell, native, exchange, desired):
            self._acknowledge(link, mapped.name, exchange, exchange.seen, hub)
            return None
        before = None if native is MISSING else native
        return Change(
            mapped.name,
            cell.path,
            before,
            desired,
            hub.origin,
            hub.rule,
            hub.version,
            self.around.lost.get(mapped.name, ()),
        )

    def _is_refused(self, cell: Cell, exchange: Exchange, desired: Native) -> bool:
        """Refused for good. Nobody there has seen the value, so the link's version stays what it was."""
        refused = exchange.rejected is not None and exchange.rejected == payload_hash(desired)
        if refused:
            self.out.refused.add(cell.system)
        return refused

    def _is_futile(self, cell: Cell, native: Native | Absence, exchange: Exchange, desired: Native) -> bool:
        """Sent before and still held as the system then made of it: it cannot hold it better."""
        as_left = native is MISSING or cell.eq(native, exchange.seen)
        return as_left and cell.eq(desired, exchange.sent)

    def _wordless(self, link: Link, name: str, absence: Absence, *, barred: bool) -> None:
        if absence is HELD:
            self.out.wordless.append((link, name))
        elif absence is UNRESOLVED and not barred:
            self.out.waiting.append(link.system)

    def _acknowledge(
        self,
        link: Link,
        name: str,
        exchange: Exchange | None,
        native: Native,
        hub: HubCell,
    ) -> None:
        """The link has seen this version; what was refused before is over."""
        known = exchange or Exchange(native, native, hub.version)
        fresh = replace(known, acked=hub.version, rejected=None)
        if fresh != exchange:
            self.exchanges.setdefault(link.number, {})[name] = fresh

    def _coming(self, system: str, value: Canonical) -> Native | Absence:
        return {PENDING_REF: value} if (system, value) in self.around.coming else UNRESOLVED

    # deletes ---------------------------------------------------------------------------------------------------------

    def _deletes(self, link: Link, system: SystemMapping) -> bool:
        """Carries a deletion elsewhere to this link where the mapping says so; an edit here makes it a question."""
        origin = deleted_in(self.record, link)
        if system.deleted != "delete" or origin is None or link.system not in self.around.deletable:
            return False
        if edited_since(self.record, link):
            self.out.doubtful.append((link, origin))
            return True
        operation = Operation(
            self.record.entity,
            self.record.id,
            link.system,
            link.observed.object,
            Kind.DELETE,
            link.observed.remote_id,
            (),
            f"deleted in {origin}",
            address_of(self.record, self.mapping),
        )
        self.out.operations.append(operation)
        return True

    # creates ---------------------------------------------------------------------------------------------------------

    def _create_is_due(self, system: SystemMapping) -> bool:
        if not system.create or system.mode == "read" or system.system not in self.around.creatable:
            return False
        if system.system in self.record.occupied or any(link.system == system.system for link in self.record.links):
            return False
        if not any(link.state is LinkState.LINKED for link in self.record.links):
            return False
        if any(link.state is LinkState.TOMBSTONE or link.quarantined for link in self.record.links):
            return False
        if any(is_blank(self._create_value(name)) or self._held(name) for name in self.mapping.required):
            return False
        return system.when is None or bool(
            system.when.evaluate(canonical_values(self.record.cells, self.around.related))
        )

    def _held(self, name: str) -> bool:
        cell = self.record.cells.get(name)
        return cell is not None and cell.held is not None

    def _create_value(self, name: str) -> Canonical:
        value = self.values.get(name)
        return self.mapping.fields[name].default if is_blank(value) else value

    def _create(self, system: SystemMapping) -> None:
        rivals = self.around.rivals.get(system.system, ())
        if rivals:
            self.out.questions.append((system.system, rivals))
            return
        values = {**self.values, **{name: self._create_value(name) for name in self.mapping.fields}}
        natives = {
            name: self._create_native(system, cell, self.mapping.fields[name], values)
            for name, cell in self.around.cells(system, system.objects[-1]).items()
            if cell.writes and not self._held(name) and name not in self.around.left_out.get(system.system, ())
        }
        if UNRESOLVED in natives.values():
            self.out.waiting.append(system.system)
            return
        wordless = [name for name, native in natives.items() if native is HELD]
        self.out.unmade += [(system.system, name) for name in wordless]
        if any(self.mapping.fields[name].required for name in wordless):
            return
        said = {
            name: native for name, native in natives.items() if not (isinstance(native, Absence) or is_blank(native))
        }
        changes = [self._create_change(name, system.cells[name], native) for name, native in said.items()]
        if self.around.refused.get(system.system) == create_hash(changes):
            self.out.refused.add(system.system)
        else:
            self.out.operations.append(self._create_operation(system, changes))

    def _create_native(
        self, system: SystemMapping, cell: Cell, mapped: FieldMapping, values: Mapping[str, Canonical]
    ) -> Native | Absence:
        value = cell.source(values, self.around.related)
        if is_blank(value) or (
            mapped.type == "consent" and not is_opt_out(value) and (self.around.suppressed or not cell.subscribe)
        ):
            return MISSING
        native = cell.put(value, MISSING, self.around.refs)
        if native is HELD and value == mapped.default and is_blank(self.values.get(mapped.name)):
            return MISSING  # nobody has said it
        if native is not UNRESOLVED:
            return native
        return MISSING if (system.system, value) in self.around.barred else self._coming(system.system, value)

    def _create_change(self, name: str, cell: Cell, native: Native) -> Change:
        hub = self.record.cells.get(name) or HubCell(None, 0, "", "default")
        return Change(name, cell.path, None, native, hub.origin, hub.rule, hub.version, self.around.lost.get(name, ()))

    def _create_operation(self, system: SystemMapping, changes: list[Change]) -> Operation:
        home = next(link.system for link in self.record.links if link.state is LinkState.LINKED)
        return Operation(
            self.record.entity,
            self.record.id,
            system.system,
            system.objects[-1],
            Kind.CREATE,
            None,
            tuple(changes),
            f"not there yet; known from {home}",
            address_of(self.record, self.mapping),
        )

    def _settle_exchanges(self) -> None:
        if self.exchanges:
            links = tuple(
                replace(link, exchange={**link.exchange, **self.exchanges[link.number]})
                if link.number in self.exchanges
                else link
                for link in self.record.links
            )
            self.out.record = replace(self.record, links=links)
