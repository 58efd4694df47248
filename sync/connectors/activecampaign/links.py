"""Tags and the account of one contact.

A write names all tags that the contact is to have; only those that stood there when it was read and are named no more are taken
off: what an automation or a person put on since stays. A contact belongs to one account (`apis/activecampaign.md` 7), so another
account is written over the association that is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sync.connectors.activecampaign.answers import Said
from sync.connectors.activecampaign.api import Api, Row, rows_of
from sync.connectors.activecampaign.directory import Directory
from sync.connectors.activecampaign.recall import Seen
from sync.connectors.activecampaign.sides import ACCOUNTS, TAGS, nested
from sync.connectors.http import Verdict
from sync.model.values import Native, is_blank

DONE = Said(Verdict.DONE, "")


class Links:
    """Writes side rows of contacts; every step may be repeated."""

    def __init__(self, api: Api, directory: Directory) -> None:
        self._api = api
        self._directory = directory

    def tags(self, contact: str, value: Native, seen: Seen | None, *, created: bool) -> Said:
        """Puts on and takes off tags until the contact has those of `value`, but for such as came since it was read."""
        wanted = {str(name).strip().casefold(): str(name).strip() for name in value or () if str(name).strip()}
        rows = seen.tags if seen and seen.tags is not None else () if created else nested(self._api, contact, TAGS)
        there = {name: row for row in rows if (name := self._name(row)) is not None}
        for folded in sorted(wanted.keys() - there.keys()):
            said = self.tag(contact, wanted[folded])
            if said.verdict is not Verdict.DONE:
                return said
        for folded in sorted(there.keys() - wanted.keys()):
            said = self._drop("/contactTags/{id}", there[folded])
            if said.verdict is not Verdict.DONE:
                return said
        return DONE

    def tag(self, contact: str, name: str, *, once: bool = False) -> Said:
        """Puts one tag on, making it where nobody has it. With `once` an unknown outcome is given back, not repeated."""
        tag_id = self._directory.find("tags", name) or self._make(name)
        said = self._put_on(contact, tag_id, once=once)
        if said.verdict is Verdict.REFUSED or (said.verdict is Verdict.ABSENT and said.field == "tag"):
            self._directory.forget("tags")  # somebody may have deleted it since it was learnt
            fresh = self._directory.find("tags", name) or self._make(name)
            if fresh != tag_id:
                return self._put_on(contact, fresh, once=once)
        return said

    def _put_on(self, contact: str, tag_id: str | Said, *, once: bool) -> Said:
        if isinstance(tag_id, Said):
            return tag_id
        send = self._api.write if once else self._api.insist
        _, said = send("POST", "/contactTags", body={"contactTag": {"contact": contact, "tag": tag_id}})
        return said

    def account(self, contact: str, value: Native, seen: Seen | None, *, created: bool) -> Said:
        """Makes the contact one of the account `value`, or of none."""
        rows: Sequence[Row] = () if created else seen.accounts if seen and seen.accounts is not None else ()
        if not created and (seen is None or seen.accounts is None):
            rows = nested(self._api, contact, ACCOUNTS)
        if is_blank(value) or str(value) == "0":
            return self._leave(rows)
        if not rows:
            return self._join(contact, str(value))
        return self._move(contact, str(value), rows[0])

    def _join(self, contact: str, account: str) -> Said:
        sent = {"accountContact": {"contact": int(contact), "account": int(account)}}
        _, said = self._api.write("POST", "/accountContacts", body=sent)
        if said.code == "field_invalid":
            there = nested(self._api, contact, ACCOUNTS)
            return self._move(contact, account, there[0]) if there else said
        return _of_account(said)

    def _move(self, contact: str, account: str, row: Row) -> Said:
        if str(row.get("account")) == account:
            return DONE
        sent = {"accountContact": {"account": int(account)}}
        _, said = self._api.write("PUT", "/accountContacts/{id}", parts={"id": str(row["id"])}, body=sent)
        if said.verdict is Verdict.ABSENT and said.field != "account":
            return self._join(contact, account)
        return _of_account(said)

    def _leave(self, rows: Sequence[Row]) -> Said:
        for row in rows:
            said = self._drop("/accountContacts/{id}", row)
            if said.verdict is not Verdict.DONE:
                return said
        return DONE

    def _drop(self, route: str, row: Row) -> Said:
        """Deletes a side row; one that is gone already is as good."""
        _, said = self._api.insist("DELETE", route, parts={"id": str(row["id"])})
        return DONE if said.verdict is Verdict.ABSENT else said

    def _name(self, row: Row) -> str | None:
        tag = self._directory.row("tags", str(row.get("tag")))
        return str(tag.get("tag")).strip().casefold() if tag else None

    def _make(self, name: str) -> str | Said:
        """The id of a new tag; of the old one where somebody was quicker, or the list did not show it."""
        sent = {"tag": {"tag": name, "tagType": "contact", "description": ""}}
        answer, said = self._api.write("POST", "/tags", body=sent)
        self._directory.forget("tags")
        made = rows_of(answer.data, "tag")
        if said.verdict is Verdict.DONE and made:
            return str(made[0]["id"])
        return self._directory.find("tags", name) or (
            said if said.verdict is not Verdict.DONE else Said(Verdict.DOUBT, "NO_ID")
        )


def _of_account(said: Said) -> Said:
    """An account that is not there is no news of the contact, which may well be."""
    gone = said.verdict is Verdict.ABSENT and said.field == "account"
    return Said(Verdict.REFUSED, "ACCOUNT_GONE", said.field) if gone else said
