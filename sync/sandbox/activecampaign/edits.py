"""What people do in the vendor's own screens, by the native paths of a mapping; with the stamps that follow from it."""

from __future__ import annotations

from typing import Any

from sync.sandbox.activecampaign import accounts, schema
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row
from sync.sandbox.vendor import EditRefused

TIMES = ("cdate", "udate", "createdTimestamp", "updatedTimestamp")
HEADS = ("fields", "lists")


def create(state: State, name: str, sent: Row, at: str | None) -> str:
    """Makes a row; a given id is kept."""
    _known(name)
    if sent.get("id") and not str(sent["id"]).isdigit():
        raise EditRefused(f"activecampaign ids are numbers, not {sent['id']!r}")
    if name == "contacts":
        return _create_contact(state, sent, at)
    if name == "accounts":
        return _create_account(state, sent, at)
    row = {key: _side_text(name, key, value) for key, value in sent.items()}
    twin = _twin(state, name, row)
    if twin:
        return change(state, name, twin["id"], sent, at)
    if name == "fields":
        row.setdefault("perstag", str(row.get("title", "")).upper().replace(" ", "_"))
    made = state.insert(name, row, at)
    _follow(state, name, made, at)
    return str(made["id"])


def change(state: State, name: str, row_id: str, sent: Row, at: str | None) -> str:
    """Sets native paths of a row."""
    row = _row(state, name, row_id)
    if name == "contacts":
        _write_contact(state, row, sent, at)
    elif name == "accounts":
        _refuse_name(state, sent.get("name"), row_id)
        paths = _flat(sent)
        state.update("accounts", row, {key: value for key, value in paths.items() if "." not in key}, at)
        _write_account_fields(state, row_id, paths, at)
    else:
        changed = {key: _side_text(name, key, value) for key, value in sent.items() if key != "id"}
        if name == "contactLists" and "status" in changed:
            more = {key: value for key, value in changed.items() if key != "status"}
            state.set_status(row["contact"], row["list"], changed["status"], at, **more)
        else:
            state.update(name, row, changed, at)
        _follow(state, name, row, at)
    return str(row["id"])


def delete(state: State, name: str, row_id: str, at: str | None) -> str:
    """Removes a row as the vendor does."""
    row = _row(state, name, row_id)
    if name == "contacts":
        state.remove_contact(row)
    elif name == "accounts":
        accounts.remove(state, row)
    else:
        state.remove(name, row)
        _follow(state, name, row, at)
    return str(row["id"])


def undelete(state: State, name: str, row_id: str, at: str | None) -> str:
    """Brings an archived row back with the same id; a contact with all that hung on it."""
    _known(name)
    row = state.get(f"{name}:deleted", row_id)
    if row is None:
        raise EditRefused(f"activecampaign has no deleted {row_id} in {name!r}")
    if name == "contacts" and state.emails.get(row["email"]):
        raise EditRefused("activecampaign already has a contact with this e-mail address")
    state.store.drop(f"{name}:deleted", row["id"])
    sides = row.get("_sides", {})
    plain = {key: value for key, value in row.items() if key != "_sides"}
    state.store.put(name, row["id"], {**plain, "udate": state.stamp(at)} if name == "contacts" else plain)
    for table, rows in sides.items():
        for side in rows:
            state.store.put(table, side["id"], side)
    return str(row["id"])


def merge(state: State, name: str, loser_id: str, winner_id: str, at: str | None) -> str:
    """The losing contact disappears; the winner takes what it lacks, and keeps its own consent."""
    if name != "contacts":
        raise EditRefused("activecampaign merges contacts only")
    loser, winner = _row(state, name, loser_id), _row(state, name, winner_id)
    if loser["id"] == winner["id"]:
        raise EditRefused("a contact cannot be merged into itself")
    sides = state.contact_sides(loser["id"])
    state.remove_contact(loser)
    for table, other in (("fieldValues", "field"), ("contactLists", "list"), ("contactTags", "tag")):
        have = {row[other] for row in state.contact_side(winner["id"], table)}
        for side in sides[table]:
            if side[other] not in have:
                state.store.put(table, side["id"], {**side, "contact": winner["id"]})
    if not state.contact_side(winner["id"], "accountContacts"):
        for side in sides["accountContacts"]:
            state.store.put("accountContacts", side["id"], {**side, "contact": winner["id"]})
    blanks = {key: loser[key] for key in schema.CONTACT_WRITABLE if not winner.get(key) and loser.get(key)}
    state.update("contacts", winner, blanks, at)
    return str(loser["id"])


def _create_contact(state: State, sent: Row, at: str | None) -> str:
    if sent.get("email") and state.emails.get(sent["email"]):
        raise EditRefused("activecampaign already has a contact with this e-mail address")
    start: Row = {"email": "", "id": sent["id"]} if sent.get("id") else {"email": ""}
    now = state.stamp(at)
    start["id"] = start.get("id") or state.new_id("contacts")
    return _write_contact(state, {**start, "id": state.claim_id("contacts", start["id"]), "cdate": now}, sent, at)


def _write_contact(state: State, row: Row, sent: Row, at: str | None) -> str:
    paths = _flat(sent)
    columns = {
        key: _text(key, value)
        for key, value in paths.items()
        if key in (*schema.CONTACT, *TIMES) and key != "email_empty"
    }
    if state.emails.get(columns.get("email")) not in (None, row["id"]):
        raise EditRefused("activecampaign already has a contact with this e-mail address")
    contact_id = str(row["id"])
    for path, value in paths.items():
        _write_path(state, contact_id, path, value, at)
    stamps = {"udate": state.stamp(at), **{key: columns[key] for key in TIMES if key in columns}}
    state.store.put("contacts", contact_id, {**row, **columns, **stamps})
    return contact_id


def _write_path(state: State, contact_id: str, path: str, value: Any, at: str | None) -> None:
    head, _, tail = path.partition(".")
    if head == "fields" and tail:
        state.set_value(contact_id, _field_id(state, tail), value, at)
    elif head == "lists" and tail:
        _write_status(state, contact_id, _list_id(state, tail), value, at)
    elif path == "account":
        _write_employer(state, contact_id, value, at)
    elif path == "tags":
        _write_tags(state, contact_id, value, at)
    elif path not in (*schema.CONTACT, *TIMES, *schema.CONTACT_DERIVED):
        raise EditRefused(f"activecampaign contacts have no {path!r}")


def _write_status(state: State, contact_id: str, list_id: str, value: Any, at: str | None) -> None:
    if value in (None, ""):
        row = state.side("contactLists", state.memberships, contact_id, list_id)
        if row is not None:
            state.store.drop("contactLists", row["id"])
        return
    state.set_status(contact_id, list_id, _status(value), at)


def _write_employer(state: State, contact_id: str, value: Any, at: str | None) -> None:
    for row in state.contact_side(contact_id, "accountContacts"):
        if str(value or "") == row["account"]:
            return
        state.store.drop("accountContacts", row["id"])
    if value not in (None, "", "0"):
        if state.get("accounts", value) is None:
            raise EditRefused(f"activecampaign has no account {value}")
        state.insert("accountContacts", {"contact": contact_id, "account": str(value), "jobTitle": ""}, at)


def _write_tags(state: State, contact_id: str, value: Any, at: str | None) -> None:
    names = [str(item.get("tag", item.get("name")) if isinstance(item, dict) else item) for item in value or []]
    keep = {state.add_tag(contact_id, name, at)["tag"] for name in names}
    for row in state.contact_side(contact_id, "contactTags"):
        if row["tag"] not in keep:
            state.store.drop("contactTags", row["id"])


def _create_account(state: State, sent: Row, at: str | None) -> str:
    _refuse_name(state, sent.get("name"), None)
    paths = _flat(sent)
    row = state.insert("accounts", {key: value for key, value in paths.items() if "." not in key}, at)
    _write_account_fields(state, row["id"], paths, at)
    return str(row["id"])


def _refuse_name(state: State, name: Any, own_id: str | None) -> None:
    if name and state.account_names.get(name) not in (None, own_id):
        raise EditRefused("activecampaign already has an account with this name")


def _write_account_fields(state: State, account_id: str, paths: Row, at: str | None) -> None:
    for path, value in paths.items():
        head, _, tail = path.partition(".")
        if head == "fields" and tail:
            field_id = _named(state, "accountCustomFieldMeta", tail, ("fieldLabel", "personalization"))
            accounts.set_field(state, account_id, field_id, value, at)


def _flat(sent: Row) -> Row:
    paths: Row = {}
    for path, value in sent.items():
        if path in HEADS and isinstance(value, dict):
            paths |= {f"{path}.{tail}": inner for tail, inner in value.items()}
        elif path == "fieldValues":
            paths |= {f"fields.{item['field']}": item.get("value") for item in value}
        else:
            paths[path] = value
    return paths


def _text(column: str, value: Any) -> Any:
    return "" if value is None and schema.CONTACT.get(column) == "" else value


def _side_text(name: str, key: str, value: Any) -> Any:
    if name == "contactLists" and key == "status":
        return _status(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _status(value: Any) -> str:
    text = schema.STATUS_WORDS.get(str(value).upper(), str(value))
    if text not in ("0", "1", "2", "3"):
        raise EditRefused(f"{value!r} is no list status: 0 to 3, or one of {', '.join(schema.STATUS_WORDS)}")
    return text


def _field_id(state: State, name: str) -> str:
    return _named(state, "fields", name, ("perstag", "title"))


def _list_id(state: State, name: str) -> str:
    return _named(state, "lists", name, ("name", "stringid"))


def _named(state: State, table: str, name: str, columns: tuple[str, ...]) -> str:
    wanted = name.strip("%").lower()
    for row in state.all(table):
        if row["id"] == name or any(str(row.get(column) or "").lower() == wanted for column in columns):
            return str(row["id"])
    raise EditRefused(f"activecampaign has no {name!r} in {table!r}")


def _known(name: str) -> None:
    names = (*schema.OBJECTS, *schema.SIDE_TABLES)
    if name not in names:
        raise EditRefused(f"activecampaign has no object {name!r}; it has {', '.join(names)}")


def _row(state: State, name: str, row_id: str) -> Row:
    _known(name)
    row = state.get(name, row_id)
    if row is None:
        raise EditRefused(f"activecampaign has no {row_id} in {name!r}")
    return row


def _twin(state: State, name: str, row: Row) -> Row | None:
    pairs = {
        "fieldValues": (state.values, "field"),
        "contactLists": (state.memberships, "list"),
        "contactTags": (state.tagged, "tag"),
    }
    if name == "automations":  # a person who makes one of that name edits the one that is there
        return next((each for each in state.all(name) if each["name"] == row.get("name")), None)
    if name not in pairs:
        return None
    index, other = pairs[name]
    return state.side(name, index, row.get("contact"), row.get(other))


def _follow(state: State, name: str, row: Row, at: str | None) -> None:
    """A contact's ``udate`` moves when its values, tags or lists do."""
    if name in ("fieldValues", "contactLists", "contactTags"):
        state.touch(row["contact"], at)
