"""Writes of the collections beside contacts: accounts, campaigns, tags, notes. The others are read, or not to be built by API.

None of these creates may be repeated, but for those that the vendor keeps unique by name (accounts, tags): there a second one is
refused, and names the one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sync.connectors.activecampaign.answers import STOPS, Said, stop
from sync.connectors.activecampaign.api import Api
from sync.connectors.activecampaign.directory import META, Directory
from sync.connectors.activecampaign.objects import Endpoint, endpoint_of
from sync.connectors.activecampaign.others import Others
from sync.connectors.activecampaign.receipts import (
    Tray,
    acked,
    doubt,
    failed,
    moved,
    rejected,
    unknown_name,
    unknown_names,
)
from sync.connectors.activecampaign.unseen import Unseen
from sync.connectors.activecampaign.values import account_field, same
from sync.connectors.http import Answer, Verdict
from sync.errors import AbortError, DriftError
from sync.model.remote import Feed, Kind, Outcome, Receipt, Write
from sync.model.values import is_blank

UNIQUE: Final = frozenset({"accounts", "tags"})
_KEYS: Final = {"accounts": ("accountUrl",)}
"""What tells two rows of one name apart."""
_BARE: Final = frozenset({"campaigns"})
"""Bodies without a wrapping key."""


class Rest:
    """Writes rows one at a time."""

    def __init__(self, api: Api, directory: Directory, unseen: Unseen, others: Others) -> None:
        self._api = api
        self._directory = directory
        self._unseen = unseen
        self._others = others

    def push(self, writes: Sequence[Write]) -> list[Receipt]:
        """See `sync.connectors.base`."""
        tray = Tray(writes)
        acts: Mapping[Kind, Callable[[Tray, Endpoint, Write], None]] = {
            Kind.CREATE: self._create,
            Kind.UPDATE: self._update,
            Kind.DELETE: self._delete,
        }
        try:
            for write in writes:
                endpoint = endpoint_of(write.object)
                refusal = _refusal(endpoint, write) or unknown_names(write, self._unseen)
                if refusal is not None:
                    tray.lay(refusal)
                else:
                    self._one(tray, endpoint, write, acts[write.kind])
        except AbortError as error:
            tray.stop(error)
        receipts = tray.receipts()
        self._api.client.meter.add(written=sum(receipt.outcome is Outcome.ACKED for receipt in receipts))
        return receipts

    def _one(self, tray: Tray, endpoint: Endpoint, write: Write, act: Callable[[Tray, Endpoint, Write], None]) -> None:
        try:
            act(tray, endpoint, write)
        except DriftError as error:
            tray.lay(unknown_name(write, error))

    def _create(self, tray: Tray, endpoint: Endpoint, write: Write) -> None:
        body = self._body(endpoint, write)
        if endpoint.object == "campaigns":
            self._create_campaign(tray, write, body)
            return
        if endpoint.object == "tags":
            body |= {"tagType": "contact"}
        if endpoint.object == "notes":
            body.setdefault("reltype", "Subscriber")
        answer, said = self._api.write("POST", endpoint.route, body={endpoint.single: body})
        if said.code == "duplicate" and endpoint.object in UNIQUE:
            self._taken(tray, endpoint, write, said)
        else:
            self._made(
                tray, write, answer, said, answer.data.get(endpoint.single) if answer.done and answer.data else None
            )

    def _create_campaign(self, tray: Tray, write: Write, body: dict[str, Any]) -> None:
        """A draft of a name and a type; all else is an edit of it (`apis/activecampaign.md` 9)."""
        draft = {"name": body.pop("name"), "type": body.pop("type", None) or "single"}
        draft["canSplitContent"] = bool(body.pop("canSplitContent", False))
        answer, said = self._api.write("POST", "/campaign", body=draft)
        made = self._made(tray, write, answer, said, answer.data, last=not body)
        if made is None or not body:
            return
        tray.begin(write)
        _, said = self._api.insist("PUT", "/campaigns/{id}/edit", parts={"id": made}, body=body)
        whole = said.verdict is Verdict.DONE
        tray.lay(
            acked(write, made, created=True) if whole else doubt(write, said.code, "a draft was made, and not edited")
        )

    def _made(self, tray: Tray, write: Write, answer: Answer, said: Said, row: Any, *, last: bool = True) -> str | None:
        """Lays the receipt of a create where it ends here; returns the new row's id."""
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        name = str(row.get("id") or "") if isinstance(row, dict) else ""
        if said.verdict is not Verdict.DONE:
            tray.lay(failed(write, said))
        elif not name:
            tray.lay(doubt(write, "NO_ID", "the answer does not say what was made"))
        else:
            if last:
                tray.lay(acked(write, name, created=True))
            return name
        return None

    def _taken(self, tray: Tray, endpoint: Endpoint, write: Write, said: Said) -> None:
        """The name is somebody's: the same thing made meanwhile, which is named to be linked, or another of the same name."""
        name = str(write.values.get(endpoint.name) or "")
        paths = (endpoint.name, *_KEYS.get(endpoint.object, ()))
        there = self._others.lookup(Feed(endpoint.object, paths), endpoint.name, [name]).get(name, ())
        if there and all(same(write.values.get(path), there[0].values.get(path)) for path in paths[1:]):
            tray.lay(moved(write, there[0].id, f"{endpoint.object} of this name are there already"))
        else:
            tray.lay(failed(write, said, fields=(endpoint.name,)))

    def _update(self, tray: Tray, endpoint: Endpoint, write: Write) -> None:
        body = self._body(endpoint, write)
        bare = endpoint.object in _BARE
        route = f"{endpoint.route}/{{id}}" + ("/edit" if bare else "")
        sent = body if bare else {endpoint.single: body}
        self._told(tray, endpoint, write, *self._api.write("PUT", route, parts={"id": str(write.remote_id)}, body=sent))

    def _delete(self, tray: Tray, endpoint: Endpoint, write: Write) -> None:
        answer, said = self._api.write("DELETE", f"{endpoint.route}/{{id}}", parts={"id": str(write.remote_id)})
        data = answer.data if isinstance(answer.data, dict) else {}
        if said.verdict is Verdict.DONE and str(data.get("succeeded", 1)) != "1":
            # A failed delete of a campaign is a success to HTTP; whether it is gone is asked.
            gone = self._others.alone(endpoint.object, str(write.remote_id)) is None
            said = Said(Verdict.ABSENT if gone else Verdict.REFUSED, "NOT_DELETED")
        self._told(tray, endpoint, write, answer, said)

    def _told(self, tray: Tray, endpoint: Endpoint, write: Write, answer: Answer, said: Said) -> None:
        if said.verdict in STOPS:
            raise stop(answer, said, self._api.system)
        fields = (endpoint.name,) if said.code == "duplicate" else ()
        tray.lay(acked(write, write.remote_id) if said.verdict is Verdict.DONE else failed(write, said, fields=fields))

    def _body(self, endpoint: Endpoint, write: Write) -> dict[str, Any]:
        body: dict[str, Any] = {
            wire: "" if is_blank(write.values[path]) else write.values[path]
            for path, wire in endpoint.writable.items()
            if path in write.values
        }
        fields = [path for path in write.values if path.startswith("fields.")]
        if fields:
            names = [(path, self._directory.id(META, path.partition(".")[2])) for path in fields]
            body["fields"] = [
                account_field(self._directory.row(META, field_id) or {"id": field_id}, write.values[path])
                for path, field_id in names
            ]
        return body


def _refusal(endpoint: Endpoint, write: Write) -> Receipt | None:
    if write.kind not in (Kind.CREATE, Kind.UPDATE, Kind.DELETE) or not endpoint.writable:
        return rejected(
            write,
            "UNSUPPORTED",
            f"unsupported: ActiveCampaign's API cannot {write.kind.value} {endpoint.object}",
            "Do it in ActiveCampaign by hand; contacts can be enrolled in automations, and taken out.",
        )
    known = (*endpoint.writable, *(("fields.",) if endpoint.object == "accounts" else ()))
    strange = tuple(
        sorted(
            path
            for path in write.values
            if path not in known and not ("fields." in known and path.startswith("fields."))
        )
    )
    if strange:
        text = f"{endpoint.object} have no such column to write"
        return rejected(write, "READ_ONLY", text, "Take it out of the mapping.", strange)
    lacking = tuple(path for path in endpoint.needed if is_blank(write.values.get(path)))
    if write.kind is Kind.CREATE and lacking:
        return rejected(write, "field_missing", f"{endpoint.object} need a value there", "Map it, or fill it.", lacking)
    if write.kind is Kind.UPDATE and not write.values:
        return rejected(write, "NOTHING_TO_SEND", "there is nothing to write")
    return None
