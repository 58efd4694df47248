"""Writing to Conversion: upserts in batches, consent in its own call, and the receipt for each row.

A new address makes a new contact and leaves the old one (T-C2), so a changed address is written as: read the old row, upsert the
new one with the old variables below the changed ones, opt it out if the old one was out. The old row stays, and the receipt says
so under `OLD_ROW_LEFT`: to delete it would lose its history there, to opt it out for the move alone would opt the person out when the
address is changed back; an opt-out of the person is planned for it like for any row. C2 can change the address of a contact, and does.

Crash paragraph. Every upsert names its row by key and carries full values, so that it may be sent again after any outcome; what is
in doubt is left to the runner all the same, because only the journal knows whether it is still wanted. Opt-outs are repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sync.connectors.base import Suppressed
from sync.connectors.conversion.answers import Said, is_done, is_made, understand
from sync.connectors.conversion.batches import STOPS, UNTOLD, Batches, Item, Post, stopping
from sync.connectors.conversion.canary import Canary
from sync.connectors.conversion.consent import Consent
from sync.connectors.conversion.profiles import Endpoint, Profile
from sync.connectors.conversion.reader import UNKNOWN, Reader
from sync.connectors.conversion.receipts import Tray, acked, failed, rejected
from sync.connectors.conversion.rows import STATUS, Row, bag_of, is_key, is_writable, item, normal, read
from sync.connectors.http import Client, Verdict
from sync.errors import AbortError
from sync.model.clock import Clock
from sync.model.remote import OLD_ROW_LEFT, Kind, Receipt, Write
from sync.model.values import Native, is_blank


class Writer:
    """Pushes of one connector."""

    def __init__(
        self,
        client: Client,
        profile: Profile,
        reader: Reader,
        gate: Suppressed,
        clock: Clock,
        *,
        batch_size: int,
        clearing: str,
        external_contact: str,
        replaces: bool,
    ) -> None:
        self._client = client
        self._profile = profile
        self._reader = reader
        self._clearing = clearing
        self._external_contact = external_contact
        self._replaces = replaces
        self._batches = Batches(client, clock, min(batch_size, profile.batch_max))
        self._consent = Consent(profile, reader, self._batches, gate)
        self._canary = Canary(profile, reader, client.system)

    @property
    def gate_refusals(self) -> int:
        """Payloads that would have opted a suppressed address in."""
        return self._consent.refusals

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """See `sync.connectors.base`."""
        tray = Tray(writes)
        try:
            for act in self._acts(writes[0] if writes else None):
                act(tray)
        except AbortError as error:
            tray.stop(error)
        return tray.receipts()

    def _acts(self, first: Write | None) -> tuple[Callable[[Tray], None], ...]:
        if first is None:
            return ()
        acts: Mapping[Kind, tuple[Callable[[Tray], None], ...]] = {
            Kind.SUBSCRIBE: (self._refuse, self._subscribe),
            Kind.CREATE: (self._refuse, self._upsert),
            Kind.UPDATE: (self._refuse, self._rename, self._upsert),
            Kind.DELETE: (self._refuse, self._delete),
        }
        return acts.get(first.kind, (self._refuse,))

    # what is not sent at all ---------------------------------------------------------------------------------------

    def _refuse(self, tray: Tray) -> None:
        taken: set[str] = set()
        for write in tray.open():
            endpoint = self._profile.endpoint(write.object)
            refusal = self._refusal(endpoint, write) or self._consent.refusal(write)
            key = self._key(endpoint, write)
            if refusal is None and write.kind is Kind.CREATE and key in taken:
                refusal = rejected(write, "DUPLICATE_KEY", "two records carry this key", fields=(endpoint.key,))
            taken.add(key)
            if refusal is not None:
                tray.lay(refusal)

    def _refusal(self, endpoint: Endpoint, write: Write) -> Receipt | None:
        if write.kind not in (Kind.CREATE, Kind.UPDATE, Kind.DELETE, Kind.SUBSCRIBE) or (
            write.kind is Kind.DELETE and not (endpoint.deletable and endpoint.one)
        ):
            text = f"Conversion {self._profile.name} cannot {write.kind.value} {write.object}"
            return rejected(write, "UNSUPPORTED", text, "Do it in Conversion by hand.")
        if not is_key(endpoint, self._key(endpoint, write)):
            text = f"{write.object} need a usable {endpoint.key}"
            return rejected(write, "INVALID_KEY", text, f"Correct the {endpoint.key}.", (endpoint.key,))
        strange = tuple(sorted(path for path in write.values if path != STATUS and not is_writable(endpoint, path)))
        if strange:
            return rejected(
                write, "READ_ONLY", "it has no such column to write", "Take it out of the mapping.", strange
            )
        if write.kind is Kind.UPDATE and not self._sift(write.values):
            return rejected(write, "NOTHING_TO_SEND", "only blanks", _CLEARING)
        return None

    def _sift(self, values: Mapping[str, Native]) -> dict[str, Native]:
        """The values without consent; blanks as the vendor takes them, or not at all."""
        plain = {path: value for path, value in values.items() if path != STATUS}
        if self._clearing == "off":
            return {path: value for path, value in plain.items() if not is_blank(value)}
        blank = "" if self._clearing == "empty" else None
        return {path: blank if is_blank(value) else value for path, value in plain.items()}

    def _key(self, endpoint: Endpoint, write: Write) -> str:
        """What the row is called: its remote id; of a new one its address, or our record's id."""
        if write.remote_id is not None:
            return self._reader.key(endpoint, write.remote_id)
        return normal(write.values.get("email")) if endpoint.key == "email" else write.record

    # upserts -------------------------------------------------------------------------------------------------------

    def _upsert(self, tray: Tray) -> None:
        items = [self._item(write) for write in tray.open()]
        if not items:
            return
        endpoint = self._profile.endpoint(items[0].write.object)
        post = self._post(endpoint, create=items[0].write.kind is Kind.CREATE)
        done: list[tuple[Item, Row]] = []

        def settle(one: Item, told: Mapping[str, Any] | Said | None) -> None:
            if isinstance(told, Said):
                tray.lay(failed(one.write, told))
            elif self._profile.silent and (told is None or told is UNTOLD):
                done.append((one, {}))
            elif told is None or not is_done(told):
                self._look(tray, endpoint, one, done, named=told is not UNTOLD)
            else:
                done.append((one, told))

        def mend(one: Item) -> None:
            self._batches.send(post, [one], lambda _one, _told: None)

        try:
            for group in self._canary.groups(endpoint, items):
                with self._canary.watching(endpoint, group, mend):
                    self._batches.send(post, group, settle)
        finally:
            self._settle(tray, done)

    def _item(self, write: Write) -> Item:
        endpoint = self._profile.endpoint(write.object)
        key = self._key(endpoint, write)
        return Item(write, key, self._body(endpoint, key, write, self._sift(write.values)))

    def _body(self, endpoint: Endpoint, key: str, write: Write, values: Mapping[str, Native]) -> dict[str, Any]:
        body = item(self._profile, endpoint, key, values)
        if self._replaces and write.kind is Kind.UPDATE:
            row = self._reader.row(endpoint, key) or UNKNOWN
            body[self._profile.bag] = bag_of(self._profile, row) | body.get(self._profile.bag, {})
        if endpoint.object == "contacts" and self._external_contact != "omit":
            body["externalContact"] = {"id": write.record} if self._external_contact == "object_id" else write.record
        return body

    def _post(self, endpoint: Endpoint, *, create: bool) -> Post:
        flags = {}
        if self._profile.positional:
            # A create fills: what it meets there was never seen by us. An update never brings a deleted row back.
            flags = {"preserveExistingFields": True} if create else {"updateOnly": True}
        return Post(endpoint.batch, endpoint.listed, endpoint.key, flags, self._profile.positional)

    def _look(self, tray: Tray, endpoint: Endpoint, one: Item, done: list[tuple[Item, Row]], *, named: bool) -> None:
        """A row that the answer does not mention, or in words that we do not know, is looked at.

        An answer that `named` others left it out; one that names nobody says that it was taken, and reads may lag (`apis/` 2.6).
        """
        row = self._reader.row(endpoint, one.key)
        if row is None and named:
            tray.lay(failed(one.write, Said(Verdict.REFUSED, "NOT_STORED")))
        elif row is not None and self._holds(endpoint, one, row):
            done.append((one, {}))
        else:
            tray.lay(failed(one.write, Said(Verdict.DOUBT, "UNSEEN")))

    def _holds(self, endpoint: Endpoint, one: Item, row: Row) -> bool:
        sent = self._sift(one.write.values)
        held = {path: read(self._profile, endpoint, one.key, row, path) for path in sent if path != endpoint.key}
        return row is not UNKNOWN and all(held[path] == sent[path] for path in held)

    def _settle(self, tray: Tray, done: Sequence[tuple[Item, Row]]) -> None:
        """Receipts of rows that are there now; consent that a create brings is sent first."""
        self._client.meter.add(written=len(done))
        with_consent = [one for one, _ in done if STATUS in one.write.values]
        made = {one.write.number for one, told in done if is_made(told)}
        self._consent.send(tray, with_consent, created=True, made=made)
        sampled = False
        for one, told in done:
            new = (
                one.write.kind is Kind.CREATE and told.get("operation") == "created" and STATUS not in one.write.values
            )
            # What was made just now is what was sent; one of them is read again, in case that is not so.
            values = self._sift(one.write.values) if new and sampled else None
            sampled = sampled or new
            tray.lay(acked(one.write, one.key, created=one.write.kind is Kind.CREATE, values=values))

    # another address -----------------------------------------------------------------------------------------------

    def _rename(self, tray: Tray) -> None:
        for write in tray.open():
            address = normal(write.values.get("email"))
            if write.object == "contacts" and address and address != normal(write.remote_id):
                self._rename_one(tray, write, normal(write.remote_id), address)

    def _rename_one(self, tray: Tray, write: Write, old: str, new: str) -> None:
        endpoint = self._profile.endpoint(write.object)
        rows = self._reader.rows(endpoint, [old, new])
        before, there = rows[old], rows[new]
        if before is None:
            tray.lay(failed(write, Said(Verdict.ABSENT, "NOT_FOUND", told=True)))
            return
        if before is UNKNOWN and endpoint.assumed:
            text = "the row under the old address cannot be read, nor what to take over from it"
            tray.lay(rejected(write, "UNREADABLE", text, "Change the address in Conversion by hand.", ("email",)))
            return
        if self._profile.positional:
            self._rename_in_place(tray, write, before, new)
            return
        values = {path: value for path, value in self._sift(write.values).items() if path != "email"}
        body = self._body(endpoint, new, write, values)
        below = {**bag_of(self._profile, before), **_filled(bag_of(self._profile, there or UNKNOWN))}
        body[self._profile.bag] = _filled(below) | body.get(self._profile.bag, {})
        one = Item(write, new, body)

        def settle(_one: Item, told: Mapping[str, Any] | Said | None) -> None:
            if isinstance(told, Said):
                tray.lay(failed(write, told))

        self._batches.send(self._post(endpoint, create=False), [one], settle)
        if write in tray.open():
            self._client.meter.add(written=1)
            self._consent.carry(tray, one, before, there)
            tray.lay(acked(write, new, created=there is None, note=OLD_ROW_LEFT))

    def _rename_in_place(self, tray: Tray, write: Write, before: Row, new: str) -> None:
        """C2: the vendor's id names the contact, and its address is changed."""
        name = before.get("cnvContactId") or before.get("id")
        if not isinstance(name, str):
            tray.lay(rejected(write, "NO_ID", "the contact's own id is not known", "Change the address by hand."))
            return
        endpoint = self._profile.endpoint(write.object)
        values = {path: value for path, value in self._sift(write.values).items() if path != "email"}
        body = item(self._profile, endpoint, new, values) | {"cnvContactId": name, "updateOnly": True}
        answer = self._client.write("POST", "/contacts", body=body)
        said = understand(answer)
        if said.verdict in STOPS:
            raise stopping(answer, said, self._client.system)
        tray.lay(acked(write, new) if said.verdict is Verdict.DONE else failed(write, said))

    # consent and deletes -------------------------------------------------------------------------------------------

    def _subscribe(self, tray: Tray) -> None:
        endpoint = self._profile.endpoint("contacts")
        items = [Item(write, self._key(endpoint, write), {}) for write in tray.open()]
        self._consent.send(tray, items, created=False)
        for one in items:
            tray.lay(acked(one.write, one.key))

    def _delete(self, tray: Tray) -> None:
        for write in tray.open():
            endpoint = self._profile.endpoint(write.object)
            key = self._key(endpoint, write)
            answer = self._client.write("DELETE", endpoint.one or "", parts={"id": key})
            said = understand(answer)
            if said.verdict in STOPS:
                raise stopping(answer, said, self._client.system)
            if said.verdict is Verdict.ABSENT and not self._reader.knows_absence(endpoint):
                text = f"Conversion {self._profile.name} may have no route to delete {write.object}"
                tray.lay(rejected(write, "UNSUPPORTED", text, "Do it in Conversion by hand."))
            if said.verdict is Verdict.DONE:
                self._client.meter.add(written=1)
            tray.lay(acked(write, key) if said.verdict is Verdict.DONE else failed(write, said))


_CLEARING: Final = "`clearing` is off for Conversion: empty the field there by hand."


def _filled(bag: Mapping[str, Native]) -> dict[str, Native]:
    return {name: value for name, value in bag.items() if not is_blank(value)}
