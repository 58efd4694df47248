"""Writing to Abmatic: a POST a row, or read, merge, PUT; and the receipt for each.

A POST has no key that would make it repeatable, and a PUT may replace the whole row. So every update reads the row
right before it writes, whatever was read earlier in the round: a row kept for two seconds would save one call and
widen the window in which somebody else's edit is lost (T-A9). The same reading says whether the columns to be changed
still hold what the write expects; where they do not, or where the row already holds what is asked, nothing is sent.

Crash paragraph. A write is sent once; only a positive "did not happen" is tried again. After an answer that leaves
doubt the receipt says so and the runner's in-doubt ladder reads before anybody writes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sync.connectors.abmatic.bodies import camelled, merged, nest, partial, same
from sync.connectors.abmatic.profiles import Endpoint, Profile
from sync.connectors.abmatic.receipts import TIMED_OUT, acked, failed, later, moved, passenger, rejected
from sync.connectors.abmatic.rows import READ_ONLY, Row, Told, is_nameless, is_row_of, key_of, pick, read
from sync.connectors.abmatic.side import is_single
from sync.connectors.abmatic.tenancy import Tenancy, find
from sync.connectors.base import Suppressed
from sync.connectors.http import Answer, Client, Verdict, error_for
from sync.errors import AbortError, DriftError, UnreachableError
from sync.model.remote import Kind, Outcome, Receipt, Write
from sync.model.values import MISSING, Native, is_blank

_STOPS: Final = frozenset({Verdict.DENIED, Verdict.FORBIDDEN, Verdict.THROTTLED, Verdict.UNSENT, Verdict.MISCONFIGURED})
"""Not processed, and the next row would fare no better."""

_OPT_IN: Final = frozenset({"subscribed", "opted_in", "opt_in"})
_NO_ENDPOINT: Final = frozenset({404, 405, 501})


_BLANKS: Final[Mapping[str, Native]] = {"null": None, "empty": ""}


@dataclass(frozen=True, slots=True)
class Style:
    """How to write what the vendor does not document (`apis/` 1.9).

    ``clearing``: what a blank is sent as, ``null`` or ``empty``; ``off``: it is not sent. ``wire_case``: ``snake`` or ``camel``.
    ``put_mode``: ``full``, the whole row goes back with our values in it; ``partial``, what differs alone.
    """

    clearing: str = "off"
    wire_case: str = "snake"
    put_mode: str = "full"


class Writer:
    """Pushes of one connector."""

    def __init__(self, client: Client, profile: Profile, tenancy: Tenancy, gate: Suppressed, style: Style) -> None:
        self._client = client
        self._profile = profile
        self._tenancy = tenancy
        self._gate = gate
        self._style = style
        self.gate_refusals = 0

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """See `sync.connectors.base`. After a failure that is not one row's own, the rest is answered as not sent."""
        receipts: list[Receipt] = []
        for write in writes:
            try:
                receipts.append(self._one(write))
            except DriftError as error:
                receipts.append(rejected(write, "REFUSED", error.message, error.remedy))
            except AbortError as error:
                if not receipts:
                    raise
                return receipts + [later(write, error) for write in writes[len(receipts) :]]
            if receipts[-1].error == TIMED_OUT:
                # The others would only wait as long, one after the other, and end in doubt as well.
                silent = UnreachableError("no answer", system=self._client.system)
                return receipts + [later(write, silent) for write in writes[len(receipts) :]]
        return receipts

    def _one(self, write: Write) -> Receipt:
        endpoint = self._profile.endpoint(write.object)
        values = self._sift(write)
        refusal = self._refusal(endpoint, write, values)
        if refusal is not None:
            return refusal
        if write.kind is Kind.CREATE:
            return self._create(endpoint, write, values)
        return self._update(endpoint, write, values, write.remote_id or "")

    def _sift(self, write: Write) -> dict[str, Native]:
        """What may be sent: no path we put together ourselves, and no blank while clearing is off."""
        own = {path: value for path, value in write.values.items() if not READ_ONLY.fullmatch(path)}
        blank = self._style.clearing
        if blank not in _BLANKS:
            return {path: value for path, value in own.items() if not is_blank(value)}
        return {path: _BLANKS[blank] if is_blank(value) else value for path, value in own.items()}

    def _worded(self, body: dict[str, Any]) -> dict[str, Any]:
        return camelled(body) if self._style.wire_case == "camel" else body

    def _refusal(self, endpoint: Endpoint, write: Write, values: Mapping[str, Native]) -> Receipt | None:
        """The receipt of a write that is not sent at all."""
        updatable = endpoint.updatable and bool(write.remote_id)
        able = {Kind.CREATE: endpoint.creatable, Kind.UPDATE: updatable, Kind.SUBSCRIBE: updatable}
        if not able.get(write.kind, False):
            return self._unsupported(write)
        if _opts_in(write.kind, values) and self._suppresses(write):
            self.gate_refusals += 1
            return rejected(write, "SUPPRESSED", "the address has opted out", "See `crm-sync consent show`.")
        if not values:
            return rejected(write, "NOTHING_TO_SEND", "only blanks or paths that cannot be written", _CLEARING)
        return None

    def _suppresses(self, write: Write) -> bool:
        """Whether one of a write's addresses may never be opted in; where a word of consent is about nobody's, neither."""
        named = {name for name in (write.address, write.values.get("email")) if isinstance(name, str) and name}
        return any(self._gate(name) for name in named) or (not named and write.kind is Kind.SUBSCRIBE)

    def _create(self, endpoint: Endpoint, write: Write, values: Mapping[str, Native]) -> Receipt:
        def is_ours(data: Any) -> bool:
            return is_single(data) and key_of(endpoint, data["data"]) is not None and _same_person(values, data["data"])

        answer = self._client.write("POST", endpoint.route, body=self._worded(nest(values)), shape=is_ours)
        if not answer.done or answer.data is None:
            return self._not_done(write, answer)
        self._client.meter.add(written=1)
        key = key_of(endpoint, answer.data["data"]) or ""
        return acked(write, key, self._stored(endpoint, key, answer.data["data"], write), created=True)

    def _update(self, endpoint: Endpoint, write: Write, values: Mapping[str, Native], key: str) -> Receipt:
        row = find(self._client, endpoint, key)
        if row is None:
            return self._gone(endpoint, write, key)
        if _differs(row, write.expected):
            return moved(write, row)
        if all(same(read(row, path), value) for path, value in values.items()):
            return acked(write, key, row)
        body = partial(row, values) if self._style.put_mode == "partial" else merged(row, values)
        answer = self._client.write(
            "PUT",
            endpoint.one or "",
            parts={"id": key},
            body=self._worded(body),
            shape=lambda data: is_single(data) and (is_row_of(data["data"], key) or is_nameless(data["data"])),
        )
        if answer.verdict is Verdict.ABSENT:
            # Read-only revisions answer every PUT like this, so look whether the row is there.
            there = find(self._client, endpoint, key) is not None
            return self._unsupported(write) if there else self._gone(endpoint, write, key)
        if not answer.done:
            along = self._worded({name: value for name, value in body.items() if value is row.get(name, MISSING)})
            return passenger(self._not_done(write, answer), along.keys() - write.values.keys())
        self._client.meter.add(written=1)
        # An answer that names no row may be an echo of what was sent: what is stored is read, not taken from it.
        told: Row = {} if answer.data is None or is_nameless(answer.data["data"]) else answer.data["data"]
        return acked(write, key, self._stored(endpoint, key, told, write))

    def _stored(self, endpoint: Endpoint, key: str, told: Row, write: Write) -> Row:
        """The row as it now stands: as answered, or read again where the answer does not carry all we wrote."""
        if len(pick(told, write.values)) == len(write.values):
            return told
        with suppress(AbortError):  # the write happened; the next pull tells what became of it
            return find(self._client, endpoint, key) or told
        return told

    def _not_done(self, write: Write, answer: Answer) -> Receipt:
        """The receipt of a write that failed. Raises where no other write would fare better."""
        if answer.verdict in _STOPS:
            raise error_for(answer, self._client.system)
        if answer.status in _NO_ENDPOINT:
            return self._unsupported(write)
        return failed(write, answer)

    def _gone(self, endpoint: Endpoint, write: Write, key: str) -> Receipt:
        """GONE, once it is sure that the tenant still stands; raises TenantError else."""
        self._tenancy.confirm(endpoint, [key])
        return Receipt(write.number, Outcome.GONE, write.remote_id, error="not_found", message="the row does not exist")

    def _unsupported(self, write: Write) -> Receipt:
        text = f"Abmatic profile {self._profile.name} cannot {write.kind.value} {write.object}"
        return rejected(write, "UNSUPPORTED", text, _UNWRITTEN)


_UNWRITTEN: Final = "Set `writes = false`, or the profile that the key belongs to; see `native_salesforce_sync` too."
_CLEARING: Final = "`clearing` is off for Abmatic: empty the field there by hand."


def _differs(row: Row, expected: Mapping[str, Native]) -> bool:
    """Whether a row holds something else than expected. What it does not tell proves nothing.

    Letter by letter: what a mapping would take for equal is worth another decision, and then expected as it stands.
    """
    told = Told(row)
    return any(not same(told[path], value) for path, value in expected.items() if path in told)


def _opts_in(kind: Kind, values: Mapping[str, Native]) -> bool:
    """Whether a payload would state an opt-in. Abmatic documents no consent; a custom column may still hold it, as a word or a flag.

    Which column that is the mapping knows; of the flags that are sent as consent, only one of opt-outs is ever taken away.
    """
    words = any(isinstance(value, str) and value.strip().casefold() in _OPT_IN for value in values.values())
    return words or (kind is Kind.SUBSCRIBE and any(value is False for value in values.values()))


def _same_person(values: Mapping[str, Native], row: Row) -> bool:
    """Whether an answer is about the row we sent, not another request's (a proxy may mix them up)."""
    sent, told = values.get("email"), read(row, "email")
    return not (isinstance(sent, str) and isinstance(told, str)) or sent.strip().casefold() == told.strip().casefold()
