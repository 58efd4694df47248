"""A small Salesforce org on loopback, built from the documents alone: enough of REST and Bulk 2.0 to hold the connector to its word.

Scripted: `org.faults` are consumed in order by the requests they match; `org.errors` fails rows of collections by key.
"""

import base64
import contextlib
import csv
import io
import json
import re
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
PREFIXES = {"Account": "001", "Contact": "003", "Lead": "00Q", "CampaignMember": "00v"}
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
US, THEM = "005000000000001", "005000000000002"
STANDARD = ("Id", "IsDeleted", "SystemModstamp", "LastModifiedDate", "LastModifiedById", "CreatedDate")
EXTRA = {
    "Account": ("MasterRecordId", "Name", "Industry", "AnnualRevenue", "Key__c"),
    "Contact": (
        "MasterRecordId",
        "FirstName",
        "LastName",
        "Email",
        "Title",
        "AccountId",
        "HasOptedOutOfEmail",
        "Key__c",
    ),
    "Lead": ("MasterRecordId", "IsConverted", "ConvertedContactId", "LastName", "Company", "Email", "Key__c"),
    "CampaignMember": ("Status", "Key__c"),
}
TYPES = {
    "Id": "id",
    "Email": "email",
    "HasOptedOutOfEmail": "boolean",
    "IsDeleted": "boolean",
    "IsConverted": "boolean",
    "AnnualRevenue": "currency",
    "AccountId": "reference",
} | dict.fromkeys(("SystemModstamp", "LastModifiedDate", "CreatedDate"), "datetime")


def full(short):
    short = short[:15]
    return short + "".join(
        ALPHABET[sum(1 << k for k, c in enumerate(short[j : j + 5]) if "A" <= c <= "Z")] for j in (0, 5, 10)
    )


def stamp(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


@dataclass
class Fault:
    """`status`/`body`/`headers` answer instead; `drop` cuts the connection before or after the work; `html` is a 200 login page."""

    match: str
    status: int = 0
    body: object = None
    headers: dict = field(default_factory=dict)
    drop: str = ""
    html: bool = False
    after_work: bool = False
    raw: bytes | None = None
    drip_s: float = 0.0


class Org:
    def __init__(self, clock):
        self.clock = clock
        self.tables = {name: {} for name in PREFIXES}
        self.fields = {name: [*STANDARD, *EXTRA[name]] for name in PREFIXES}
        self.tokens, self.logins, self.calls = set(), 0, Counter()
        self.audiences = []
        self.log, self.faults, self.errors = [], [], {}
        self.page_size, self.limit, self.used = 2000, 100_000, 0
        self.rotating, self.refresh, self.spent = False, "refresh-0", set()
        self.connections, self.tenant, self.identity = 0, "00D000000000001", None
        self.instance, self.stuck_after, self.open_since = None, None, None
        self.locators, self.jobs, self.purged = {}, {}, []
        self.numbers = iter(range(1, 10**6))
        self.lock = threading.RLock()
        handler = type("Bound", (Handler,), {"org": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # what people do behind the API

    def add(self, name, by=THEM, at=None, **values):
        number = next(self.numbers)
        rid = full(f"{PREFIXES[name]}ak0000{number:06d}")
        now = stamp(at or self.clock.now())
        row = dict.fromkeys(self.all_fields(name))
        row |= {"Id": rid, "IsDeleted": False, "CreatedDate": now, "LastModifiedById": full(by)}
        row |= {f: False for f in row if TYPES.get(f) == "boolean"}
        row |= values | {"SystemModstamp": now, "LastModifiedDate": now}
        self.tables[name][rid] = row
        return rid

    def all_fields(self, name):
        return [*STANDARD, *EXTRA[name]]

    def edit(self, name, rid, by=THEM, at=None, **values):
        now = stamp(at or self.clock.now())
        self.tables[name][rid] |= values | {
            "SystemModstamp": now,
            "LastModifiedDate": now,
            "LastModifiedById": full(by),
        }

    def delete(self, name, rid, into=None):
        self.edit(name, rid, IsDeleted=True, **({"MasterRecordId": into} if into else {}))

    def purge(self, name, rid):
        del self.tables[name][rid]
        self.purged.append({"id": rid, "deletedDate": stamp(self.clock.now())})

    def delete_log(self, start, end):
        """Deletions in the window, whose seconds do not count; what an open transaction deleted is not visible yet."""
        first, last = (datetime.fromisoformat(text).replace(second=0) for text in (start, end))
        if first >= last or first < self.clock.now() - timedelta(days=15):
            raise RefusalError(400, "INVALID_REPLICATION_DATE", "bad window")
        seen = [row for row in self.purged if stamp(first) <= row["deletedDate"] < stamp(last)]
        held = self.open_since and stamp(self.open_since)
        return {
            "deletedRecords": [row for row in seen if held is None or row["deletedDate"] < held],
            "earliestDateAvailable": stamp(self.clock.now() - timedelta(days=15)),
            "latestDateCovered": held or stamp(min(last, self.clock.now().replace(second=0))),
        }

    def by_key(self, name, path, value):
        return [
            r
            for r in self.tables[name].values()
            if not r["IsDeleted"] and str(r.get(path)).lower() == str(value).lower()
        ]

    # reads

    def query(self, soql, *, deleted):
        parsed = re.fullmatch(r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY (.+?))?", soql, re.DOTALL)
        columns, name, where, order = parsed.groups()
        columns = columns.split(", ")
        for column in [*columns, *re.findall(r"\b(\w+)(?= (?:=|>|>=|IN) )", where or "")]:
            if "." not in column and column not in self.fields[name]:
                raise RefusalError(400, "INVALID_FIELD", f"\nSELECT\n^\nNo such column '{column}' on entity '{name}'.")
        test = compile_where(where) if where else (lambda row: True)
        rows = [r for r in self.tables[name].values() if (deleted or not r["IsDeleted"]) and test(r)]
        if order:
            rows.sort(key=lambda r: [r[c] for c in order.split(", ")])
        return [self.shape(name, r, columns) for r in rows]

    def shape(self, name, row, columns):
        out = {"attributes": {"type": name, "url": f"/services/data/v67.0/sobjects/{name}/{row['Id']}"}}
        for column in columns:
            first, dot, rest = column.partition(".")
            if dot:
                parent = self.tables["Account"].get(row.get(f"{first}Id") or "")
                out[first] = (
                    None
                    if parent is None
                    else {"attributes": {"type": "Account"}, **(out.get(first) or {}), rest: parent[rest]}
                )
            else:
                out[column] = row[column]
        return out

    def page(self, rows, start, key):
        chunk, end = rows[start : start + self.page_size], start + self.page_size
        body = {"totalSize": len(rows), "done": end >= len(rows), "records": chunk}
        if end < len(rows):
            self.locators[f"{key}-{end}"] = (rows, end, key)
            body["nextRecordsUrl"] = f"/services/data/v67.0/query/{key}-{end}"
        return body

    def describe(self, name):
        def one(field_name):
            reference = field_name == "AccountId"
            return {
                "name": field_name, "type": TYPES.get(field_name, "string"), "length": 128 if field_name == "Title" else 255, "nillable": field_name != "LastName",
                "createable": field_name not in STANDARD, "updateable": field_name not in STANDARD, "defaultedOnCreate": False, "filterable": True,
                "externalId": field_name == "Key__c", "unique": field_name == "Key__c", "restrictedPicklist": False, "picklistValues": [],
                "referenceTo": ["Account"] if reference else [], "relationshipName": "Account" if reference else None, "scale": 0, "precision": 0, "calculated": False,
            }  # fmt: skip

        return {
            "name": name,
            "createable": True,
            "updateable": True,
            "deletable": True,
            "undeletable": name != "CampaignMember",
            "fields": [one(f) for f in self.fields[name]],
        }

    # writes

    def write(self, name, values, rid=None, ext=None):
        """One row of a collections request; returns its result."""
        key = values.get(ext) if ext else rid or values.get("LastName")
        queue = self.errors.get(key)
        if queue:
            return failed(*queue.popleft())
        for path in values:
            if path not in self.fields[name] and path != "Account":
                return failed("INVALID_FIELD", f"No such column '{path}' on sobject of type {name}")
        if len(str(values.get("Title") or "")) > 128:
            return failed(
                "STRING_TOO_LONG", f"Title: data value too large: {values['Title']} (max length=128)", ["Title"]
            )
        if isinstance(values.get("Account"), dict):
            found = self.by_key("Account", "Key__c", values["Account"]["Key__c"])
            if not found:
                return failed(
                    "INVALID_FIELD",
                    f"Foreign key external ID: {values['Account']['Key__c']} not found for field Key__c in entity Account",
                )
            values = {**values, "AccountId": found[0]["Id"]}
            del values["Account"]
        if ext:
            found = self.by_key(name, ext, values[ext])
            rid = found[0]["Id"] if found else None
        elif rid:
            row = self.tables[name].get(full(rid))
            if row is None:
                return failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            if row["IsDeleted"]:
                return failed("ENTITY_IS_DELETED", "entity is deleted")
        if rid:
            self.edit(name, full(rid), by=US, **values)
            return {"id": full(rid), "success": True, "errors": [], **({"created": False} if ext else {})}
        return {
            "id": self.add(name, by=US, **values),
            "success": True,
            "errors": [],
            **({"created": True} if ext else {}),
        }

    def remove(self, rid):
        name = next(n for n, p in PREFIXES.items() if rid.startswith(p))
        row = self.tables[name].get(full(rid))
        if row is None or row["IsDeleted"]:
            return failed("ENTITY_IS_DELETED", "entity is deleted")
        self.delete(name, full(rid))
        return {"id": full(rid), "success": True, "errors": []}


def failed(code, message, fields=()):
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


class RefusalError(Exception):
    def __init__(self, status, code, message=""):
        super().__init__(code)
        self.status, self.body = status, [{"message": message, "errorCode": code}]


def compile_where(text):
    """Turns the connector's SOQL conditions into a Python predicate; strings are taken out first."""
    strings = []

    def keep(match):
        strings.append(match[1].replace("\\'", "'").replace("\\\\", "\\"))
        return f"s[{len(strings) - 1}]"

    text = re.sub(r"'((?:[^'\\]|\\.)*)'", keep, text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", lambda m: f"'{m[0].replace('Z', '+0000')}'", text)
    text = re.sub(
        r"\b(?!s\[)([A-Z]\w*(?:\.\w+)?) (=|>=|>|IN) ",
        lambda m: f"get('{m[1]}') {({'=': '=='}).get(m[2], m[2].lower())} ",
        text,
    )
    text = re.sub(
        r" in \(([^)]*)\)",
        r" in (\1,)",
        text.replace("AND", "and").replace("OR", "or").replace("true", "True").replace("false", "False"),
    )

    class Ci(str):
        __slots__ = ()

        def __eq__(self, other):
            return str(self).lower() == str(other).lower()

        __hash__ = str.__hash__

    code = compile(text.strip(), "where", "eval")
    return lambda row: eval(
        code,
        {
            "s": strings,
            "get": lambda p: (
                Ci(row[p]) if isinstance(row.get(p), str) and p not in ("Id", "SystemModstamp") else row.get(p)
            ),
        },
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    org = None

    def setup(self):
        super().setup()
        self.org.connections += 1

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return self.org.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.raw_body = self.rfile.read(length)
        parts = urlsplit(self.path)
        self.route, self.query = parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self.org.lock:
            fault = next((f for f in self.org.faults if re.search(f.match, f"{self.command} {self.path}")), None)
            if fault is not None:
                self.org.faults.remove(fault)
            answer = self.faulty(fault) if fault else self.work()
        if answer is not None:
            self.answer(*answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - the server's names

    def faulty(self, fault):
        if fault.drop == "after" or fault.after_work:
            self.work()
        if fault.drop:
            self.close_connection = True
            self.connection.close()
            return None
        if fault.raw is not None:
            self.close_connection = True
            self.wfile.write(fault.raw)
            return None
        if fault.drip_s:
            return self.drip(fault.drip_s)
        if fault.html:
            return 200, b"<html>Maintenance</html>", {"Content-Type": "text/html"}
        return fault.status, fault.body, fault.headers

    def drip(self, pause_s):
        """Two hundred bytes, one at a time, or until the other side has had enough."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" ")
                time.sleep(pause_s)

    def answer(self, status, body, headers=()):
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if "/services/data/" in self.path:
            self.org.used += 1
            self.send_header(
                "Sforce-Limit-Info",
                f"api-usage={self.org.used}/{self.org.limit}; per-app-api-usage={self.org.used}/{self.org.limit}(appName=x)",
            )
        if not isinstance(body, bytes):
            self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def work(self):
        if self.route == "/services/oauth2/token":
            return self.token()
        self.org.calls[f"{self.command} {self.route}"] += 1
        self.org.log.append((self.command, self.path, dict(self.headers), self.raw_body))
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.org.tokens:
            return 401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], {}
        try:
            return self.api()
        except RefusalError as refusal:
            return refusal.status, refusal.body, {}

    def token(self):
        form = {k: v[0] for k, v in parse_qs(self.raw_body.decode()).items()}
        org = self.org
        org.logins += 1
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != org.refresh:
                return 400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}, {}
        elif form["grant_type"].endswith("jwt-bearer"):
            claims = json.loads(base64.urlsafe_b64decode(form["assertion"].split(".")[1] + "=="))
            org.audiences.append(claims["aud"])
            if claims["sub"] != "me@acme.test" or claims["aud"] not in AUDIENCES:
                return 400, {"error": "invalid_grant"}, {}
        elif form.get("client_secret") != "secret":
            return 401, {"error": "invalid_client", "error_description": "invalid client credentials"}, {}
        token = f"token-{org.logins}"
        org.tokens.add(token)
        body = {
            "access_token": token,
            "instance_url": org.instance or org.url,
            "id": org.identity or f"{org.url}/id/{full(org.tenant)}/{full(US)}",
            "token_type": "Bearer",
        }
        if org.rotating and form["grant_type"] == "refresh_token":
            org.refresh = body["refresh_token"] = f"refresh-{org.logins}"
        return 200, body, {}

    def api(self):
        org, route = self.org, self.route.removeprefix("/services/data/v67.0").rstrip("/")
        if self.route == "/services/data":
            return 200, [{"version": "66.0"}, {"version": "67.0"}], {}
        if route in ("/query", "/queryAll"):
            rows = org.query(self.query["q"], deleted=route == "/queryAll")
            return 200, org.page(rows, 0, f"01g{next(org.numbers):06d}"), {}
        if route.startswith("/query/"):
            found = org.locators.get(route.removeprefix("/query/"))
            if found is None:
                raise RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
            return 200, org.page(*found), {}
        if route == "/limits":
            return 200, {"DailyApiRequests": {"Max": org.limit, "Remaining": org.limit - org.used}}, {}
        if route.endswith("/describe"):
            name = route.split("/")[2]
            if name not in org.tables:
                raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
            return 200, org.describe(name), {}
        if route.endswith("/deleted"):
            return 200, org.delete_log(self.query["start"], self.query["end"]), {}
        if route.startswith("/composite/sobjects"):
            return self.collections(route.removeprefix("/composite/sobjects").strip("/"))
        if route.startswith("/jobs/"):
            return self.bulk(*route.removeprefix("/jobs/").split("/"))
        if route == "/composite":
            part = json.loads(self.raw_body)["compositeRequest"][0]
            parts = urlsplit(part["url"])
            rows = org.query(unquote(parse_qs(parts.query)["q"][0]), deleted=parts.path.endswith("queryAll"))
            return (
                200,
                {
                    "compositeResponse": [
                        {
                            "body": org.page(rows, 0, "01gC"),
                            "httpHeaders": {},
                            "httpStatusCode": 200,
                            "referenceId": "q",
                        }
                    ]
                },
                {},
            )
        raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")

    def collections(self, rest):
        org = self.org
        if self.command == "DELETE":
            return 200, [org.remove(rid) for rid in self.query["ids"].split(",")], {}
        body = json.loads(self.raw_body)
        if "ids" in body:
            for column in body["fields"]:
                if column not in org.fields[rest]:
                    raise RefusalError(400, "INVALID_FIELD", f"No such column '{column}' on entity '{rest}'")
            rows = (org.tables[rest].get(rid) for rid in body["ids"])
            return 200, [org.shape(rest, r, body["fields"]) if r and not r["IsDeleted"] else None for r in rows], {}
        if len(body["records"]) > 200:
            raise RefusalError(400, "EXCEEDED_MAX_SIZE", "too many")
        if any("poison" in json.dumps(record) for record in body["records"]):
            raise RefusalError(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of double from poison")
        _, _, ext = rest.partition("/")
        keys = (
            [str(record.get(ext)).lower() for record in body["records"]]
            if ext
            else [record.get("id") for record in body["records"] if record.get("id")]
        )
        twice = {k for k, n in Counter(keys).items() if n > 1}
        results = []
        for position, record in enumerate(body["records"]):
            kind = record.pop("attributes")["type"]
            rid = record.pop("id", None)
            if keys and keys[position] in twice:
                results.append(failed("DUPLICATE_VALUE", f"Duplicate external id specified: {keys[position]}"))
            else:
                results.append(org.write(kind, record, rid, ext or None))
        return 200, results, {}

    def bulk(self, side, job_id=None, part=None):
        org = self.org
        if job_id is None and self.command == "GET":
            return 200, {"done": True, "records": list(org.jobs.values())}, {}
        if job_id is None:
            job = json.loads(self.raw_body) | {
                "id": f"750{len(org.jobs):015d}",
                "state": "Open" if side == "ingest" else "JobComplete",
                "createdById": full(US),
                "systemModstamp": stamp(org.clock.now()),
            }
            org.jobs[job["id"]] = job
            if side == "query":
                job["_rows"] = org.query(job["query"], deleted=True)
                job["numberRecordsProcessed"] = len(job["_rows"])
            return 200, {k: v for k, v in job.items() if k[0] != "_"}, {}
        job = org.jobs.get(job_id)
        if job is None:
            raise RefusalError(404, "NOT_FOUND", "gone")
        if part == "batches":
            job["_csv"] = self.raw_body.decode()
            return 201, None, {}
        if part == "results":
            rows, start, size = (
                job["_rows"],
                int(self.query.get("locator") or 0),
                min(int(self.query["maxRecords"]), org.page_size),
            )
            chunk = [{k: v for k, v in r.items() if k != "attributes"} for r in rows[start : start + size]]
            chunk = [
                {
                    k: "" if v is None else str(v).lower() if isinstance(v, bool) else re.sub(r"\+0000$", "Z", str(v))
                    for k, v in r.items()
                }
                for r in chunk
            ]
            more = str(start + size) if start + size < len(rows) else "null"
            return (
                200,
                to_csv(chunk),
                {"Content-Type": "text/csv", "Sforce-Locator": more, "Sforce-NumberOfRecords": str(len(chunk))},
            )
        if part is not None:
            return 200, to_csv(job["_" + part.lower()]), {"Content-Type": "text/csv"}
        if self.command == "DELETE":
            del org.jobs[job_id]
            return 204, None, {}
        if self.command == "PATCH":
            job["state"] = json.loads(self.raw_body)["state"]
            if job["state"] == "UploadComplete":
                self.run(job)
        elif job["state"] == "InProgress" and org.stuck_after is None:
            job["state"] = "JobComplete"
        return 200, {k: v for k, v in job.items() if k[0] != "_"}, {}

    def run(self, job):
        good, bad = [], []
        rows = list(csv.DictReader(io.StringIO(job["_csv"], newline="")))
        rows, left = (
            (rows, []) if self.org.stuck_after is None else (rows[: self.org.stuck_after], rows[self.org.stuck_after :])
        )
        for row in rows:
            values = {
                k: (None if v == "#N/A" else {"true": True, "false": False}.get(v, v))
                for k, v in row.items()
                if v != "" and k != "Id"
            }
            if job["operation"] == "delete":
                result = self.org.remove(row["Id"])
            else:
                result = self.org.write(job["object"], values, row.get("Id"), job.get("externalIdFieldName"))
            if result["success"]:
                good.append({"sf__Id": result["id"], "sf__Created": str(result.get("created", False)).lower(), **row})
            else:
                error = result["errors"][0]
                bad.append(
                    {
                        "sf__Id": "",
                        "sf__Error": f"{error['statusCode']}:{error['message']}:{','.join(error['fields'])} --",
                        **row,
                    }
                )
        job |= {
            "state": "InProgress",
            "_successfulresults": good[::-1],
            "_failedresults": bad[::-1],
            "_unprocessedrecords": left,
            "numberRecordsProcessed": len(good) + len(bad),
        }


def to_csv(rows):
    out = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue().encode()


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def queued(*errors):
    return deque(errors)
