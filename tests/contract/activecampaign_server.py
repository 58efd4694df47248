"""A tiny ActiveCampaign written from the vendor's sheet alone, for the connector's own tests; nasty where the sheet is silent."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import httpx

NOW = datetime(2026, 7, 10, 14, tzinfo=UTC)
CENTRAL = timezone(timedelta(hours=-5))
SIDES = ("fieldValues", "contactLists", "contactTags", "accountContacts")


class ActiveCampaign3:
    """Contacts and what hangs on them. `before` may answer instead, `after` may change what is answered.

    ``fine``: the filter by change knows seconds. ``together``: it goes together with the order by id.
    ``includes``: the side tables that ``include=`` brings. ``ignored``: query keys that are passed over without a word.
    """

    def __init__(self):
        self.tables = defaultdict(dict)
        self.tables["fields"] = {
            "1": {"id": "1", "perstag": "JOB_TITLE", "title": "Job title", "type": "text"},
            "2": {"id": "2", "perstag": "COLOURS", "title": "Colours", "type": "listbox"},
        }
        self.tables["lists"] = {"1": {"id": "1", "name": "Newsletter"}, "2": {"id": "2", "name": "Events"}}
        self.tables["automations"] = {"42": {"id": "42", "name": "Welcome", "status": "1"}}
        self.includes = set(SIDES)
        self.ignored = set()
        self.fine, self.together = False, True
        self.before, self.after, self.log = [], [], []
        self.now = NOW
        self.imports = {}
        self.last = 100

    # what stands there -------------------------------------------------------------------------------------------------

    def stamp(self, at=None):
        return (at or self.now).astimezone(CENTRAL).isoformat(timespec="seconds")

    def put(self, table, **row):
        self.last += 1
        row = {"id": str(self.last), **row}
        self.tables[table][row["id"]] = row
        return row

    def person(self, email, at=None, /, **columns):
        row = {"firstName": "", "lastName": "", "phone": "", "deleted": "0", "anonymized": "0", "bounced_hard": "0"}
        times = {"cdate": self.stamp(at), "udate": self.stamp(at), "accountContacts": []}
        return self.put("contacts", **{"email": email} | row | times | columns)["id"]

    def on(self, table, contact):
        return [row for row in self.tables[table].values() if str(row["contact"]) == contact]

    def status(self, contact, on="1"):
        return next((row["status"] for row in self.on("contactLists", contact) if row["list"] == on), None)

    def value(self, contact, field="1"):
        return next((row["value"] for row in self.on("fieldValues", contact) if row["field"] == field), None)

    def set_status(self, contact, status, on="1"):
        row = next((row for row in self.on("contactLists", contact) if row["list"] == on), None)
        row = row or self.put("contactLists", contact=contact, list=on)
        row["status"] = status
        return row

    def set_value(self, contact, value, field="1"):
        row = next((row for row in self.on("fieldValues", contact) if row["field"] == field), None)
        row = row or self.put("fieldValues", contact=contact, field=field)
        row["value"] = value
        return row

    def tag(self, contact, name):
        tag = next((row for row in self.tables["tags"].values() if row["tag"] == name), None) or self.put(
            "tags", tag=name
        )
        return self.put("contactTags", contact=contact, tag=tag["id"])

    def tags(self, contact):
        return sorted(self.tables["tags"][row["tag"]]["tag"] for row in self.on("contactTags", contact))

    # HTTP --------------------------------------------------------------------------------------------------------------

    def __call__(self, request):
        path = request.url.path.removeprefix("/api/3")
        body = json.loads(request.content) if request.content else None
        query = defaultdict(list)
        for key, value in request.url.params.multi_items():
            if key not in self.ignored:
                query[key].append(value)
        call = (request.method, path, body)
        self.log.append((*call, dict(query)))
        for hook in list(self.before):
            answer = hook(*call)
            if answer is not None:
                return answer
        if request.headers.get("api-token") != "canary-key":
            return self.error(403, {"message": "Forbidden"})
        answer = self._route(request.method, path.strip("/").split("/"), body, query)
        for hook in list(self.after):
            answer = hook(*call, answer) or answer
        answer.headers["date"] = format_datetime(self.now, usegmt=True)
        return answer

    def calls(self, method=None, path=None):
        return [one for one in self.log if method in (None, one[0]) and (path is None or one[1] == path)]

    def writes(self):
        return [(method, path) for method, path, *_ in self.log if method != "GET"]

    def error(self, status, body):
        return httpx.Response(status, json=body)

    def invalid(self, code, pointer, status=422):
        source = {"pointer": f"/data/attributes/{pointer}"}
        return self.error(status, {"errors": [{"title": "secret value", "detail": "", "code": code, "source": source}]})

    def missing(self, name="Subscriber", status=404):
        return self.error(status, {"message": f"No Result found for {name} with id 1"})

    def _route(self, method, parts, body, query):
        act = getattr(self, f"_{method}_{parts[0]}".lower(), None)
        if act is not None:
            return act(parts[1:], body, query)
        if method == "GET":
            return self._get(parts, query)
        if method == "DELETE" and len(parts) == 2:
            row = self.tables[parts[0]].pop(parts[1], None)
            return httpx.Response(200, json={}) if row else self.missing("Tag")
        return httpx.Response(404, text="<html>nothing here</html>", headers={"content-type": "text/html"})

    def _get(self, parts, query):
        rows = list(self.tables[parts[0]].values())
        if len(parts) == 2:
            row = self.tables[parts[0]].get(parts[1])
            return httpx.Response(200, json={parts[0][:-1]: row}) if row else self.missing()
        for key, wanted in query.items():
            if key.startswith("filters["):
                column = {"customerAccountId": "accountId"}.get(key[8:-1], key[8:-1])
                rows = [row for row in rows if str(row.get(column)) == wanted[0]]
        start, limit = (
            int(query["offset"][0]) if query["offset"] else 0,
            int(query["limit"][0]) if query["limit"] else 20,
        )
        return httpx.Response(200, json={parts[0]: rows[start : start + limit], "meta": {"total": str(len(rows))}})

    # contacts ----------------------------------------------------------------------------------------------------------

    def _get_contacts(self, parts, body, query):
        if len(parts) == 2:
            start, limit = (
                int(query[name][0]) if query[name] else usual for name, usual in (("offset", 0), ("limit", 20))
            )
            return httpx.Response(200, json={parts[1]: self.on(parts[1], parts[0])[start : start + limit]})
        if parts:
            row = self.tables["contacts"].get(parts[0])
            return httpx.Response(200, json={"contact": row}) if row else self.missing()
        rows = sorted(self.tables["contacts"].values(), key=lambda row: int(row["id"]), reverse=not query["orders[id]"])
        if query["ids[]"]:
            rows = [row for row in rows if row["id"] in query["ids[]"]]
        if query["email"]:
            rows = [row for row in rows if row["email"].lower() == query["email"][0].lower()]
        if query["filters[updated_after]"]:
            rows = [row for row in rows if self._is_since(row, query["filters[updated_after]"][0])]
        if query["filters[updated_after]"] and not self.together:
            rows.sort(key=lambda row: row["email"])
        elif query["id_greater"]:
            rows = [row for row in rows if int(row["id"]) > int(query["id_greater"][0])]
        start, limit = (int(query[name][0]) if query[name] else usual for name, usual in (("offset", 0), ("limit", 20)))
        page = rows[start : start + limit]
        names = {row["id"] for row in page}
        asked = set(",".join(query["include"]).split(",")) & self.includes
        sides = {name: [r for r in self.tables[name].values() if r["contact"] in names] for name in asked}
        return httpx.Response(
            200, json={**sides, "scoreValues": [], "contacts": page, "meta": {"total": str(len(rows))}}
        )

    def _is_since(self, row, wanted):
        if self.fine and "T" in wanted:
            return datetime.fromisoformat(row["udate"]) > datetime.fromisoformat(wanted)
        return row["udate"][:10] > wanted[:10]

    def find(self, email):
        return next((row for row in self.tables["contacts"].values() if row["email"].lower() == email.lower()), None)

    def _stored(self, row, sent):
        row |= {key: value for key, value in sent.items() if key != "fieldValues"} | {"udate": self.stamp()}
        for value in sent.get("fieldValues", ()):
            if value["field"] in self.tables["fields"]:
                self.set_value(row["id"], value["value"], value["field"])
        return {"fieldValues": self.on("fieldValues", row["id"]) if "fieldValues" in sent else [], "contact": row}

    def _post_contacts(self, parts, body, query):
        if self.find(body["contact"]["email"]):
            return self.invalid("duplicate", "email")
        contact = self.person(body["contact"]["email"])
        return httpx.Response(201, json=self._stored(self.tables["contacts"][contact], body["contact"]))

    def _post_contact(self, parts, body, query):
        row = self.find(body["contact"]["email"]) or self.tables["contacts"][self.person(body["contact"]["email"])]
        return httpx.Response(201, json=self._stored(row, body["contact"]))

    def _put_contacts(self, parts, body, query):
        row = self.tables["contacts"].get(parts[0])
        if row is None:
            return self.missing()
        other = self.find(body["contact"].get("email", row["email"]))
        if other is not None and other is not row:
            return self.invalid("duplicate", "email")
        return httpx.Response(200, json=self._stored(row, body["contact"]))

    def _post_contactlists(self, parts, body, query):
        sent = body["contactList"]
        row = self.set_status(str(sent["contact"]), str(sent["status"]), str(sent["list"]))
        return httpx.Response(200, json={"contacts": [], "contactList": row | {"status": sent["status"]}})

    def _post_tags(self, parts, body, query):
        if any(row["tag"].lower() == body["tag"]["tag"].lower() for row in self.tables["tags"].values()):
            return self.invalid("duplicate", "tag")
        return httpx.Response(201, json={"tag": self.put("tags", **body["tag"])})

    def _post_contacttags(self, parts, body, query):
        sent = body["contactTag"]
        there = next(
            (row for row in self.on("contactTags", str(sent["contact"])) if row["tag"] == str(sent["tag"])), None
        )
        row = there or self.put("contactTags", contact=str(sent["contact"]), tag=str(sent["tag"]))
        return httpx.Response(201, json={"contactTag": row})

    def _post_accountcontacts(self, parts, body, query):
        sent = body["accountContact"]
        if self.on("accountContacts", str(sent["contact"])):
            return self.invalid("field_invalid", "account,contact")
        row = self.put("accountContacts", contact=str(sent["contact"]), account=str(sent["account"]))
        return httpx.Response(201, json={"accountContact": row})

    def _put_accountcontacts(self, parts, body, query):
        row = self.tables["accountContacts"].get(parts[0])
        if row is None:
            return self.missing("CustomerAccountSubscriber")
        row["account"] = str(body["accountContact"]["account"])
        return httpx.Response(200, json={"accountContact": row})

    # imports, engagements, the rest --------------------------------------------------------------------------------------

    def _post_import(self, parts, body, query):
        bad = [n for n, row in enumerate(body["contacts"], 1) if "@" not in row["email"]]
        if bad:
            reasons = [{"contact": n, "failureReason": "Field 'email' incorrect format"} for n in bad]
            return self.error(
                400, {"success": 0, "message": "JSON payload did not pass validation.", "failureReasons": reasons}
            )
        name = f"batch-{len(self.imports)}"
        self.imports[name] = {"status": "completed", "success": [], "failure": []}
        for row in body["contacts"]:
            self._import(self.imports[name], row)
        return httpx.Response(200, json={"Success": 1, "queued_contacts": len(body["contacts"]), "batchId": name})

    def _import(self, told, row):
        if row["email"].startswith("excluded"):
            told["failure"].append(row["email"])
            return
        found = self.find(row["email"])
        contact = found["id"] if found else self.person(row["email"])
        names = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}
        self.tables["contacts"][contact] |= {names[k]: v for k, v in row.items() if k in names} | {
            "udate": self.stamp()
        }
        for value in row.get("fields", ()):
            self.set_value(contact, value["value"], str(value["id"]))
        for wanted in row.get("unsubscribe", ()):
            self.set_status(contact, "2", str(wanted["listid"]))
        for name in row.get("tags", ()):
            self.tag(contact, name)
        if row.get("customer_acct_name") and not self.on("accountContacts", contact):
            named = [a["id"] for a in self.tables["accounts"].values() if a["name"] == row["customer_acct_name"]]
            account = named[0] if named else self.put("accounts", name=row["customer_acct_name"])["id"]
            self.put("accountContacts", contact=contact, account=account)
        told["success"].append(contact)

    def _get_import(self, parts, body, query):
        return httpx.Response(200, json=self.imports.get(query["batchId"][0], {"status": False}))

    def _post_contactautomations(self, parts, body, query):
        sent = body["contactAutomation"]
        row = self.put(
            "contactAutomations", contact=sent["contact"], automation=sent["automation"], seriesid=sent["automation"]
        )
        return httpx.Response(201, json={"contacts": [], "contactAutomation": row})

    def _post_notes(self, parts, body, query):
        return httpx.Response(201, json={"contacts": [], "note": self.put("notes", **body["note"])})

    def _post_accounts(self, parts, body, query):
        if any(row["name"] == body["account"]["name"] for row in self.tables["accounts"].values()):
            return self.invalid("duplicate", "name")
        times = {"createdTimestamp": self.stamp(), "updatedTimestamp": self.stamp()}
        return httpx.Response(201, json={"account": self.put("accounts", **times, **body["account"])})

    def _put_accounts(self, parts, body, query):
        row = self.tables["accounts"].get(parts[0])
        if row is None:
            return self.missing("CustomerAccount")
        row |= body["account"] | {"updatedTimestamp": self.stamp()}
        return httpx.Response(200, json={"account": row})

    def _post_campaign(self, parts, body, query):
        row = self.put("campaigns", **body)
        return httpx.Response(200, json=body | {"id": int(row["id"])})

    def _put_campaigns(self, parts, body, query):
        row = self.tables["campaigns"].get(parts[0])
        if row is None:
            return self.error(400, {"message": "Campaign not found"})
        row |= body
        return httpx.Response(200, json=row)

    def _delete_campaigns(self, parts, body, query):
        row = self.tables["campaigns"].get(parts[0])
        if row is None or row.get("locked"):
            return httpx.Response(200, json={"succeeded": 0, "message": "no"})
        del self.tables["campaigns"][parts[0]]
        return httpx.Response(200, json={"succeeded": 1})

    def _get_users(self, parts, body, query):
        return httpx.Response(
            200, json={"user": {"username": "u", "links": {"lists": "https://acme.api-us1.com/api/3/x"}, "id": "1"}}
        )

    def _get_settings(self, parts, body, query):
        return self.error(403, {"message": "Forbidden"})
