"""The bulk import: up to 250 contacts a request, done by the vendor some seconds later, told by address.

Facts: `apis/activecampaign.md` 6. One bad row refuses the whole request and is named by its place, counted from 1; the limit of the
import is answered 400; success is a list of contact ids without addresses, failure a list of addresses without reasons.
``exclude_automations`` is always set: no mail goes out because a record was copied.

Crash: an import that was sent may land after a restart. It is an upsert by address, so what is planned again meets the same contact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sync.connectors.activecampaign.answers import STOPS, Said, holds, stop
from sync.connectors.activecampaign.api import Api, Row
from sync.connectors.activecampaign.contacts import Contacts
from sync.connectors.activecampaign.importable import Entry, Shapes
from sync.connectors.activecampaign.landed import Landed
from sync.connectors.activecampaign.receipts import Tray, doubt, rejected, unknown_name
from sync.connectors.http import Answer, Throttle, Verdict
from sync.connectors.http.body import encode
from sync.errors import AbortError, DriftError
from sync.model.remote import Kind, Write

ROWS_MAX: Final = 250
BYTES_MAX: Final = 399_999
PER_MINUTE: Final = 90
"""The vendor's limit is 100 a minute (20 for imports of one)."""
_FEW: Final = 10
"""The vendor wants fewer than that one by one; there it also says what is wrong with them."""
SETTLES_S: Final = 6.0
_PAUSE_S: Final = (1.0, 2.0, 3.0, 5.0, 10.0)
_PATIENCE_S: Final = 60.0
"""An import is waited for this long at least, however short the horizon of other writes is."""
_OVER: Final = frozenset({"completed", "failed", "interrupted"})


class Bulk:
    """The imports of one connector."""

    def __init__(
        self, api: Api, contacts: Contacts, shapes: Shapes, landed: Landed, rows_max: int, horizon_s: float
    ) -> None:
        self._api = api
        self._contacts = contacts
        self._shapes = shapes
        self._landed = landed
        self._rows_max = min(rows_max, ROWS_MAX)
        self._horizon_s = horizon_s
        self._pace = Throttle(api.clock, PER_MINUTE)
        self._sent_at = 0.0

    def send(self, tray: Tray, writes: Sequence[Write], emails: Mapping[int, str]) -> None:
        """Imports what can be imported and lays receipts; what is left open is for the caller to send alone."""
        addresses = self._addresses(writes, emails)
        self._shapes.prepare(writes)
        known = [write for write in writes if write.number in addresses]
        entries = [entry for write in known if (entry := self._entry(tray, write, addresses[write.number]))]
        entries = [entry for entry in entries if len(encode(entry[1])) < BYTES_MAX // 2]
        if canary := self._shapes.canary(entries):
            self._run(tray, [canary])
            entries = [(write, self._shapes.plain(row)) for write, row in entries if tray.is_open(write)]
        self._run(tray, entries)

    def _entry(self, tray: Tray, write: Write, address: str) -> Entry | None:
        try:
            return write, self._shapes.entry(write, address)
        except DriftError as error:
            tray.lay(unknown_name(write, error))
            return None

    def _addresses(self, writes: Sequence[Write], emails: Mapping[int, str]) -> dict[int, str]:
        """The address each row has there now: an import under another would make a second contact."""
        found = {w.number: str(w.values["email"]).strip() for w in writes if w.kind is Kind.CREATE} | dict(emails)
        unknown = {w.number: str(w.remote_id) for w in writes if not found.get(w.number) and w.remote_id}
        rows, _ = self._contacts.bare(sorted(set(unknown.values()))) if unknown else ({}, None)
        found |= {number: str(rows[name].get("email") or "") for number, name in unknown.items() if name in rows}
        return {number: address for number, address in found.items() if address}

    def _run(self, tray: Tray, entries: Sequence[Entry]) -> None:
        """Sends all, then waits for all."""
        sent: list[tuple[str, list[Entry]]] = []
        trouble: AbortError | None = None
        queue = list(self._batches(entries))
        while queue and trouble is None:
            batch = queue.pop(0)
            try:
                queue[:0] = self._submit(tray, batch, sent)
            except AbortError as error:
                trouble = error
        self._settle(tray, sent)
        if trouble is not None:
            raise trouble

    def _batches(self, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
        """As many rows as a request may hold, by count and by bytes."""
        batch: list[Entry] = []
        size = len(encode(_body([])))
        for entry in entries:
            length = len(encode(entry[1])) + 1
            if batch and (len(batch) == self._rows_max or size + length > BYTES_MAX):
                yield batch
                batch, size = [], len(encode(_body([])))
            batch.append(entry)
            size += length
        if batch:
            yield batch

    def _submit(self, tray: Tray, batch: list[Entry], sent: list[tuple[str, list[Entry]]]) -> list[list[Entry]]:
        """Sends one request. Returns what is to be sent again: the rest of a refused batch, or its halves."""
        self._pace.take(60.0)
        answer, said = self._post(batch)
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        name = answer.data.get("batchId") if isinstance(answer.data, dict) else None
        if said.verdict is Verdict.DONE and isinstance(name, str):
            sent.append((name, batch))
            self._sent_at = self._api.clock.monotonic()
            return []
        if said.verdict is not Verdict.REFUSED:
            for write, _ in batch:
                tray.lay(doubt(write, said.code or "NO_BATCH", "the import may have been taken"))
            return []
        return self._refused(tray, batch, answer)

    def _post(self, batch: Sequence[Entry]) -> tuple[Answer, Said]:
        for pause_s in (15.0, 30.0, 30.0):
            answer, said = self._api.write("POST", "/import/bulk_import", body=_body([row for _, row in batch]))
            if answer.status != 400 or said.verdict is not Verdict.THROTTLED:  # noqa: PLR2004 - the import's own limit
                break
            self._api.clock.sleep(pause_s)
        return answer, said

    def _refused(self, tray: Tray, batch: list[Entry], answer: Answer) -> list[list[Entry]]:
        """Rows that the answer blames are refused; where it blames none, the batch is halved, and the last few are left to go alone."""
        reasons = answer.data.get("failureReasons") if isinstance(answer.data, dict) else None
        blamed = {
            int(r["contact"]) for r in reasons or () if isinstance(r, dict) and str(r.get("contact", "")).isdecimal()
        }
        bad = [entry for place, entry in enumerate(batch, 1) if place in blamed]
        for write, _ in bad:
            text = "the import takes no such contact"
            tray.lay(rejected(write, "IMPORT_INVALID", text, "Correct the e-mail address and the values."))
        rest = [entry for entry in batch if tray.is_open(entry[0])]
        if bad:
            return [rest] if rest else []
        if len(batch) < _FEW:
            return []
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]

    def _wait(self, batch_id: str) -> dict[str, Any]:
        """The end of an import; empty where it did not come within the horizon."""
        clock = self._api.clock
        pauses = iter(_PAUSE_S)
        while (early_s := self._sent_at + SETTLES_S - clock.monotonic()) > 0:
            clock.sleep(early_s)
        ends = clock.monotonic() + max(self._horizon_s, _PATIENCE_S)
        while True:
            answer = self._api.read("/import/info", params={"batchId": batch_id}, shape=holds("status"))
            if answer.data.get("status") in _OVER:
                found: dict[str, Any] = answer.data
                return found
            if clock.monotonic() >= ends:
                return {}
            clock.sleep(next(pauses, _PAUSE_S[-1]))

    def _settle(self, tray: Tray, sent: Sequence[tuple[str, list[Entry]]]) -> None:
        """Receipts of imports. They were sent: what cannot be found out about one is doubt, whatever the reason."""
        ended: list[tuple[list[Entry], dict[str, Any]]] = []
        code = "IMPORT_UNFINISHED"
        try:
            for batch_id, batch in sent:
                told = self._wait(batch_id)
                if told.get("status") == "completed":
                    ended.append((batch, told))
        except AbortError as error:
            code = type(error).__name__
        try:
            left = self._landed.settle(tray, ended) if ended else []
        except AbortError as error:
            code, left = type(error).__name__, []
        alone = {write.number for write in left}
        for write in (write for _, batch in sent for write, _ in batch if write.number not in alone):
            tray.lay(doubt(write, code, "the import was sent, and what became of it is not known"))


def _body(rows: Sequence[Row]) -> dict[str, Any]:
    return {"contacts": list(rows), "exclude_automations": True}
