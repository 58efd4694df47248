"""The live schema: columns, custom fields by tag and title, lists by name, and what may be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync.connectors.activecampaign.api import Api, Row, rows_of
from sync.connectors.activecampaign.directory import META, Directory
from sync.connectors.activecampaign.objects import Endpoint, endpoint_of
from sync.model.remote import FieldSchema, ObjectSchema

_CHOICES: Final = frozenset({"dropdown", "radio", "listbox", "checkbox", "multiselect"})
_READ: Final = (
    *("id", "cdate", "udate", "orgname", "bounced_hard", "bounced_soft", "bounced_date", "sentcnt", "score"),
    *("last_click_date", "last_open_date", "anonymized", "hash"),
)


class Schema:
    """Describes objects."""

    def __init__(self, api: Api, directory: Directory) -> None:
        self._api = api
        self._directory = directory

    def describe(self, object_name: str) -> ObjectSchema:
        """One object. Raises DriftError for one that the API has not."""
        if object_name == "contacts":
            return ObjectSchema(object_name, {field.path: field for field in self._contact()})
        endpoint = endpoint_of(object_name)
        fields = [*_plain(endpoint), *(self._account_fields() if object_name == "accounts" else ())]
        able = bool(endpoint.writable)
        return ObjectSchema(object_name, {f.path: f for f in fields}, able, able, endpoint.deletable)

    def _contact(self) -> Iterator[FieldSchema]:
        yield FieldSchema("email", "string", required=True, unique=True)
        for name in ("firstName", "lastName", "phone"):
            yield FieldSchema(name, "string")
        for name in _READ:
            yield FieldSchema(name, "string", createable=False, updateable=False)
        yield FieldSchema("tags", "tags")
        yield FieldSchema("account", "reference", refers_to=("accounts",))
        for row in self._directory.rows("lists").values():
            for name in map(str, (row.get("name") or "", row.get("stringid") or "")):
                if name:
                    yield FieldSchema(f"lists.{name}", "status")
        yield from self._custom()

    def _custom(self) -> Iterator[FieldSchema]:
        options = self._options()
        for row in self._directory.rows("fields").values():
            kind = str(row.get("type") or "text").lower()
            values = tuple(options.get(str(row["id"]), ())) if kind in _CHOICES else None
            for name in map(str, (str(row.get("perstag") or "").strip("%"), row.get("title") or "", row["id"])):
                if name:
                    yield FieldSchema(f"fields.{name}", kind, values=values, restricted=bool(values))

    def _options(self) -> dict[str, list[str]]:
        """What each field allows; the definitions bring it along."""
        found: dict[str, list[str]] = {}
        for page in self._api.pages("/fields", "fields"):
            for row in rows_of(page.answer.data, "fieldOptions"):
                words = found.setdefault(str(row.get("field")), [])
                if (word := str(row.get("value") or "")) and word not in words:
                    words.append(word)
        return found

    def _account_fields(self) -> Iterator[FieldSchema]:
        for row in self._directory.rows(META).values():
            kind = str(row.get("fieldType") or "text").lower()
            values = _choices(row) if kind in _CHOICES else None
            for name in map(
                str, (row.get("fieldLabel") or "", str(row.get("personalization") or "").strip("%"), row["id"])
            ):
                if name:
                    yield FieldSchema(f"fields.{name}", kind, values=values, restricted=bool(values))


def _choices(row: Row) -> tuple[str, ...] | None:
    options = row.get("fieldOptions")
    return tuple(str(option) for option in options) if isinstance(options, list) else None


def _plain(endpoint: Endpoint) -> Iterator[FieldSchema]:
    for path in endpoint.writable:
        yield FieldSchema(path, "string", required=path in endpoint.needed, unique=path == endpoint.name)
    fixed = {"id", endpoint.name, endpoint.changed, endpoint.created, *endpoint.columns}
    for name in sorted(str(path) for path in fixed - set(endpoint.writable) if path):
        yield FieldSchema(name, "string", createable=False, updateable=False)
