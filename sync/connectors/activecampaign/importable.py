"""Rows of the bulk import: other names than everywhere else, and a company by its name alone.

The import links a contact to the account that is called so, and makes one where none is (`apis/activecampaign.md` 6). That saves a
call a contact, so it is used, with care: for names that stand there just now and are spelled plainly, the first of a connector's
life goes alone and is looked at, and every link is checked with the read that follows an import anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sync.connectors.activecampaign.answers import holds
from sync.connectors.activecampaign.api import Api, Row, rows_of
from sync.connectors.activecampaign.consent import LIST_PATH, OUT
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.values import text
from sync.model.remote import Kind, Write
from sync.model.values import is_blank

COMPANY: Final = "customer_acct_name"
_COLUMNS: Final = {"firstName": "first_name", "lastName": "last_name", "phone": "phone"}
_PLAIN: Final = re.compile(r"\w+(?:(?:[.,]? |[-.])\w+)*\.?")
_LENGTH_MAX: Final = 100
_FEW: Final = 3
_LIFE_S: Final = 60.0

Entry = tuple[Write, Row]


class Shapes:
    """Makes rows of the import."""

    def __init__(self, api: Api, directory: Directory) -> None:
        self._api = api
        self._directory = directory
        self._names: dict[str, str] = {}
        self._read_at: float | None = None
        self.trusted: bool | None = None
        """Whether a company's name leads to its account; None: not seen yet."""

    def prepare(self, writes: Iterable[Write]) -> None:
        """Reads the names of the accounts that new contacts are to belong to."""
        wanted = {account for write in writes if (account := account_of(write)) is not None}
        now = self._api.clock.monotonic()
        if self._read_at is None or now - self._read_at > _LIFE_S:
            self._names, self._read_at = {}, now
        missing = sorted(wanted - self._names.keys())
        if not missing or self.trusted is False:
            return
        rows = self._few(missing) if len(missing) <= _FEW else self._api.all("/accounts", "accounts").rows.values()
        self._names |= {str(row["id"]): str(row.get("name") or "") for row in rows}

    def entry(self, write: Write, address: str) -> Row:
        """A write as a row of the import. Raises DriftError for a name that is not there."""
        row: Row = {"email": address}
        row |= {wire: text(write.values[path]) for path, wire in _COLUMNS.items() if path in write.values}
        fields = [
            {"id": int(self._directory.id("fields", path.partition(".")[2])), "value": text(value)}
            for path, value in write.values.items()
            if path.startswith("fields.") and not is_blank(value)
        ]
        lists = [
            {"listid": int(self._directory.id("lists", path.partition(".")[2]))}
            for path, value in write.values.items()
            if path.startswith(LIST_PATH) and str(value) == OUT
        ]
        more = {"fields": fields, "unsubscribe": lists, "tags": list(write.values.get("tags") or ())}
        name = self._names.get(account_of(write) or "", "")
        if self.trusted is not False and len(name) <= _LENGTH_MAX and _PLAIN.fullmatch(name):
            more[COMPANY] = name
        return row | {key: value for key, value in more.items() if value}

    def canary(self, entries: Sequence[Entry]) -> Entry | None:
        """The row that goes alone, because nobody has seen yet what becomes of a company's name."""
        return next((entry for entry in entries if COMPANY in entry[1]), None) if self.trusted is None else None

    def plain(self, row: Row) -> Row:
        """The row as it may be sent by now."""
        return row if self.trusted else {key: value for key, value in row.items() if key != COMPANY}

    def learn(self, row: Row, *, right: bool) -> None:
        """Takes in what a company's name came to; one that led astray is enough."""
        if COMPANY in row and not (self.trusted and right):
            self.trusted = right

    def _few(self, names: Iterable[str]) -> list[Row]:
        found: list[Row] = []
        for name in names:
            answer = self._api.read("/accounts/{id}", parts={"id": name}, shape=holds("account"), accept=(404,))
            found += rows_of(answer.data, "account") if answer.done else []
        return found


def account_of(write: Write) -> str | None:
    """The account that a new contact is to belong to."""
    value: Any = write.values.get("account") if write.kind is Kind.CREATE else None
    return None if is_blank(value) or str(value) == "0" else str(value)
