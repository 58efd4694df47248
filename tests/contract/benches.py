"""One bench for every connector: the connector itself, and what people, vendors and fate do on the other side of it.

A bench says by flags what its system can do; the suite asserts that the flags are the connector's own capabilities. People have
short keys (`ada`), which the bench turns into its system's rows; values are named `email`, `title`, `name`.
"""

from __future__ import annotations

import csv
import json
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, ModuleType

from sync.connectors.abmatic import Abmatic
from sync.connectors.activecampaign import ActiveCampaign
from sync.connectors.conversion import Conversion
from sync.connectors.letrics import Letrics
from sync.connectors.memory import Memory, MemorySystem, Traits
from sync.connectors.memory.connector import Trouble
from sync.connectors.salesforce import ClientCredentials, Salesforce
from sync.model.remote import Feed, FieldSchema, Kind, ObjectSchema, Write

RETRIES = 2
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SwiftClock:
    """The host's time, but for waits: they take no time, and move it."""

    def __init__(self):
        self.waited = 0.0

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.waited)

    def monotonic(self):
        return time.monotonic() + self.waited

    def sleep(self, seconds):
        self.waited += seconds


class Bench:
    """What all benches have. `paths`: native paths of email, title and name."""

    system = ""
    object = "contacts"
    paths = ("email", "title", "last_name")
    id_path = "id"
    external_id = None
    http = True
    listable = writable = creatable = True
    deletable = repeatable = tombstones = described = False
    conditional = False
    """An update is made only where the row is as expected."""
    batches = False
    """More than one row goes into a request."""
    fetches = True
    """`fetch` can tell that a row is gone."""
    tells_changes = True
    """A changed row comes with the next pull."""
    enumerates = True
    """A full pull is a verified complete enumeration."""
    breaks = True
    """A pull may fail in its middle."""
    refreshes = False
    """A refused token is exchanged for another."""
    opt_in = opt_out = None
    """(kind, values) of a write that opts somebody in, or out."""
    many = 250
    """Rows that fill more than one page."""
    few = 3
    """Rows of an update that takes more than one request."""
    refused, refusals_max = 401, 2
    """The status of a wrong key, and how often it may be met before it is believed."""
    pace = MappingProxyType({"requests_per_second": 10_000})
    """How fast the connector may go."""
    writing = creating = MappingProxyType({})
    """What in a fault's pattern tells the request that writes from those before it."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.clock = SwiftClock()
        self.suppressed = set()
        self.open = []
        self.prepare()

    def prepare(self):
        self.control("reset", {"empty": True})
        self.control("limits", {"system": self.system, "requests_per_minute": None})
        self.control("calls", method="DELETE")

    # the connector ---------------------------------------------------------------------------------------------------------

    def connect(self, key="sandbox", **more):
        one = self.make(key, **{"clock": self.clock, "retries": RETRIES, "timeout_s": 5.0} | more)
        self.open.append(one)
        return one

    def gate(self, address):
        return address in self.suppressed

    def close(self):
        for one in self.open:
            one.close()

    def url(self):
        return self.sandbox.urls[self.system]

    @property
    def feed(self):
        return Feed(self.object, self.paths)

    @property
    def title(self):
        return self.paths[1]

    # writes ----------------------------------------------------------------------------------------------------------------

    def mail(self, key):
        return f"{key}@acme.example.com"

    def create(self, key, number=1, **values):
        row = dict(zip(self.paths, (self.mail(key), f"title of {key}", f"name of {key}"), strict=True)) | values
        return Write(number, Kind.CREATE, self.object, None, f"con_{key}", row, self.external_id, self.mail(key))

    def update(self, row_id, number=1, /, address=None, **values):
        return Write(number, Kind.UPDATE, self.object, row_id, f"con_{number}", values, address=address)

    def retitle(self, row_id, title, number=1, /, **expected):
        row = {self.title: title}
        return Write(number, Kind.UPDATE, self.object, row_id, f"con_{number}", row, expected=expected)

    def consent(self, pair, row_id, address, number=1):
        kind, values = pair
        return Write(number, kind, self.object, row_id, "con_1", dict(values), address=address)

    # the other side --------------------------------------------------------------------------------------------------------

    def native(self, key, **more):
        row = dict(zip(self.paths, (self.mail(key), f"title of {key}", f"name of {key}"), strict=True))
        return row | {
            dict(zip(("email", "title", "name"), self.paths, strict=True)).get(k, k): v for k, v in more.items()
        }

    def add(self, key, **more):
        """A row that a person makes; its remote id."""
        return self.edit_object(create=self.native(key, **more))

    def fill(self, count):
        """Many rows; their remote ids."""
        records = [self.native(f"p{n}") for n in range(count)]
        return self.control("load", {"system": self.system, "object": self.object, "records": records})["ids"]

    def edit(self, row_id, **values):
        named = dict(zip(("email", "title", "name"), self.paths, strict=True))
        self.edit_object(id=row_id, set={named[k]: v for k, v in values.items()})

    def delete(self, row_id):
        self.edit_object(id=row_id, delete=True)

    def edit_object(self, **change):
        return str(self.control("edit", {"system": self.system, "object": self.object, **change})["id"])

    def rows(self):
        """Live rows by remote id."""
        found = self.control(f"dump?system={self.system}")[self.object]
        return {str(row[self.id_path]): row for row in found if not row["_deleted"]}

    def held(self, row_id, path):
        """What the system holds under a native path."""
        row = self.rows()[row_id]
        for part in path.split("."):
            row = row.get(part) if isinstance(row, dict) else None
        return row

    def titles(self):
        return {row_id: self.held(row_id, self.title) for row_id in self.rows()}

    # fate and the books ----------------------------------------------------------------------------------------------------

    def fault(self, kind, **more):
        self.control("faults", {"system": self.system, "kind": kind, **more})

    def no_faults(self):
        self.control("faults", method="DELETE")

    def log(self):
        """Requests since `forget`, log-ins left out."""
        return [row for row in self.control("calls?log=true")[self.system]["log"] if not row["auth"]]

    def sent(self):
        """Requests that asked for a change."""
        return [row for row in self.log() if row["write"]]

    def was_cut(self):
        """Whether some request was left without an answer."""
        return any(row["status"] == 0 for row in self.log())

    def forget(self):
        self.control("calls", method="DELETE")

    def control(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.sandbox.urls['control']}/_control/{path}", data, method=method)
        with _OPENER.open(request, timeout=30) as answer:
            return json.load(answer)


class MemoryBench(Bench):
    system, object = "memory", "people"
    paths = ("mail", "job", "name")
    http = False
    deletable = repeatable = tombstones = described = conditional = True
    opt_in, opt_out = (Kind.UPDATE, {"status": "SUBSCRIBED"}), (Kind.UPDATE, {"status": "UNSUBSCRIBED"})
    external_id = "ours"
    refused = 503

    def prepare(self):
        fields = {path: FieldSchema(path, "string") for path in (*self.paths, "status", "ours", "other")}
        schema = ObjectSchema(self.object, fields)
        traits = Traits(tombstones=True, external_ids=True, deletable=True, conditional_update=True, lookup_paths=("mail",), page_size=100, opt_ins={"status": ("SUBSCRIBED",)})  # fmt: skip
        self.memory = MemorySystem(self.clock, {self.object: schema}, traits)
        self.troubles, self.asked = [], []

    def make(self, key, clock, retries, timeout_s):
        return Memory("memory", self.memory, gate=self.gate, hook=self.hook)

    def hook(self, verb, write):
        self.asked.append((verb, write))
        return self.troubles.pop(0) if self.troubles else None

    def fault(self, kind, after=0, times=1, **_):
        trouble = {"drop_after": Trouble.DONE, "drop_before": Trouble.LOST, "status": Trouble.UNREACHABLE}[kind]
        self.troubles = [None] * after + [trouble] * (times or 1000)

    def no_faults(self):
        self.troubles = []

    def add(self, key, **more):
        return self.memory.create(self.object, self.native(key, **more))

    def fill(self, count):
        return [self.add(f"p{n}") for n in range(count)]

    def edit(self, row_id, **values):
        self.clock.sleep(1)
        named = dict(zip(("email", "title", "name"), self.paths, strict=True))
        self.memory.edit(self.object, row_id, {named[k]: v for k, v in values.items()})

    def delete(self, row_id):
        self.clock.sleep(1)
        self.memory.delete(self.object, row_id)

    def rows(self):
        return {row.id: row.values for row in self.memory.live(self.object)}

    def log(self):
        return [{"write": verb == "push", "status": 200} for verb, _ in self.asked]

    def was_cut(self):
        return not self.troubles or len(self.troubles) < 1000

    def forget(self):
        self.asked.clear()


class AbmaticBench(Bench):
    system = "abmatic"
    pace = MappingProxyType({"requests_per_minute": 100_000})
    conditional = True
    writing = MappingProxyType({"method": "PUT"})
    opt_in = (Kind.UPDATE, {"email_status": "subscribed"})
    opt_out = (Kind.UPDATE, {"email_status": "unsubscribed"})

    def native(self, key, **more):
        """With a column of the account's own: others are dropped without a word."""
        return {"email_status": "new", **super().native(key, **more)}

    def make(self, key, **more):
        return Abmatic("abmatic", self.url(), key, gate=self.gate, **self.pace, **more)


class SalesforceBench(Bench):
    system, object = "salesforce", "Contact"
    pace = MappingProxyType({"requests_per_minute": 100_000})
    paths = ("Email", "Title", "LastName")
    id_path = "Id"
    external_id = "CRM_Sync_Id__c"
    deletable = repeatable = tombstones = described = refreshes = batches = True
    opt_in, opt_out = (Kind.UPDATE, {"HasOptedOutOfEmail": False}), (Kind.UPDATE, {"HasOptedOutOfEmail": True})
    many = 2500
    few = 205
    writing = creating = MappingProxyType({"path": "composite"})

    def prepare(self):
        super().prepare()
        self.control("limits", {"system": self.system, "daily_calls": None})

    def make(self, key, **more):
        auth = ClientCredentials(key, key)
        return Salesforce("salesforce", self.url(), auth=auth, gate=self.gate, daily_call_share=1.0, **more)


class ConversionBench(Bench):
    """Profile C0. The remote id is the address."""

    system = "conversion"
    paths = ("email", "variables.title", "variables.last_name")
    id_path = "email"
    listable = False
    deletable = repeatable = batches = True
    profile = MappingProxyType({"deletes": True})
    few = 105
    writing = creating = MappingProxyType({"path": "batch"})
    opt_in = (Kind.SUBSCRIBE, {"subscriptionStatus": "SUBSCRIBED"})
    opt_out = (Kind.SUBSCRIBE, {"subscriptionStatus": "UNSUBSCRIBED"})

    def make(self, key, **more):
        return Conversion("conversion", self.url(), key, gate=self.gate, **self.pace, **self.profile, **more)

    def add(self, key, **more):
        super().add(key, **more)
        return self.mail(key)

    def fill(self, count):
        super().fill(count)
        return [self.mail(f"p{n}") for n in range(count)]

    def edit_object(self, **change):
        """The control plane names contacts by the vendor's own id."""
        if "id" in change:
            rows = self.control(f"dump?system={self.system}")[self.object]
            change["id"] = next(row["id"] for row in rows if row["email"] == change["id"])
        return super().edit_object(**change)


class ConversionExportBench(ConversionBench):
    """Profile C2 with its export: the only one that lists. Some variables have other names there; this one has not."""

    paths = ("email", "variables.nickname", "variables.last_name")
    listable, deletable, enumerates = True, False, False
    many = 2500
    profile = MappingProxyType({"profile": "C2", "exports": True})

    def prepare(self):
        super().prepare()
        self.control("limits", {"system": self.system, "profile": "C2", "custom_fields": ["nickname"]})


class ActiveCampaignBench(Bench):
    """Titles are a custom field, consent is the status on a list."""

    system = "activecampaign"
    paths = ("email", "fields.JOB_TITLE", "lastName")
    deletable = repeatable = described = batches = True
    opt_in = (Kind.SUBSCRIBE, {"lists.Newsletter": 1})
    opt_out = (Kind.SUBSCRIBE, {"lists.Newsletter": 2})
    refused, refusals_max = 403, 3
    writing = MappingProxyType({"method": "PUT"})
    creating = MappingProxyType({"method": "POST"})

    def make(self, key, **more):
        return ActiveCampaign("activecampaign", self.url(), key, gate=self.gate, **self.pace, **more)

    def held(self, row_id, path):
        """Custom fields and lists are asked of the API itself: the dump does not lay them beside the contact."""
        kind, _, name = path.partition(".")
        if not name:
            return super().held(row_id, path)
        table, key, word = {"fields": ("fieldValues", "field", "value"), "lists": ("contactLists", "list", "status")}[
            kind
        ]
        own = {row["perstag"] if kind == "fields" else row["name"]: row["id"] for row in self.control(f"dump?system={self.system}")[kind]}  # fmt: skip
        rows = self.api(f"contacts/{row_id}/{table}")[table]
        found = next((row[word] for row in rows if row[key] == own[name]), None)
        return int(found) if kind == "lists" and found is not None else found

    def api(self, path):
        request = urllib.request.Request(f"{self.url()}/api/3/{path}", headers={"Api-Token": "sandbox"})
        with _OPENER.open(request, timeout=30) as answer:
            return json.load(answer)


class LetricsBench(Bench):
    """People come with a company of their own, because windows are about companies."""

    system = "letrics"
    pace = MappingProxyType({"requests_per_minute": 100_000})
    paths = ("email", "job_title", "last_name")
    writable = creatable = tells_changes = enumerates = fetches = False

    def make(self, key, **more):
        return Letrics("letrics", self.url(), key, **self.pace, **more)

    def add(self, key, **more):
        return self.edit_object(create={**self.native(key, **more), "company_id": self.firm(key)})

    def firm(self, key):
        made = {"name": key, "domain": f"{key}.example.com", "tld": "com"}
        return self.control("edit", {"system": "letrics", "object": "companies", "create": made})["id"]

    def fill(self, count):
        firm = self.firm("many")
        records = [{**self.native(f"p{n}"), "company_id": firm} for n in range(count)]
        return self.control("load", {"system": "letrics", "object": "contacts", "records": records})["ids"]


class SheetBench(Bench):
    """The connector of docs/connectors.md, as it stands there: a CSV file that people edit."""

    system, object = "sheet", "rows"
    paths = ("email", "title", "last_name")
    http = writable = creatable = breaks = False
    described = True

    def prepare(self):
        self.folder = TemporaryDirectory()
        self.file = Path(self.folder.name) / "people.csv"
        self.table = {}
        self.save()

    def make(self, key, **more):
        return documented()["Sheet"]("sheet", self.file)

    def close(self):
        super().close()
        self.folder.cleanup()

    def add(self, key, **more):
        row_id = str(len(self.table) + 1)
        self.table[row_id] = {"id": row_id, "other": "x"} | self.native(key, **more)
        self.save()
        return row_id

    def fill(self, count):
        return [self.add(f"p{n}") for n in range(count)]

    def edit_object(self, **change):
        if "set" in change:
            self.table[change["id"]] |= change["set"]
        else:
            self.table.pop(change["id"])
        self.save()

    def save(self):
        with self.file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "other", *self.paths])
            writer.writeheader()
            writer.writerows(self.table.values())

    def rows(self):
        return self.table

    def log(self):
        return [{"write": False, "status": 200}] * (self.open[-1].usage().calls if self.open else 0)

    def forget(self):
        pass


@cache
def documented():
    """The names that the example of docs/connectors.md defines."""
    page = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
    code = page.split("```python\n", 1)[1].split("```", 1)[0]
    module = ModuleType("sheet")
    sys.modules["sheet"] = module
    exec(compile(code, "docs/connectors.md", "exec"), vars(module))
    return vars(module)


BENCHES = {
    "memory": MemoryBench,
    "abmatic": AbmaticBench,
    "salesforce": SalesforceBench,
    "conversion": ConversionBench,
    "conversion-c2": ConversionExportBench,
    "activecampaign": ActiveCampaignBench,
    "letrics": LetricsBench,
    "sheet": SheetBench,
}
