"""The scene of a scenario: two emulated systems, one workspace, and few words.

`person` and `account` say what stands in the systems before anybody syncs, `edit`, `delete`, `merge` what people do behind the
API; `sync`, `plan`, `undo` … ask crm-sync; `expect` says what must then stand there. Values are named as in the mapping,
whatever a system calls them.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.cli.options import Settings
from sync.cli.workspace import read_workspace
from sync.runner import api
from sync.runner.context import Silence

ROOT = Path(__file__).parents[2]
BOTH = ("abmatic", "salesforce")
SECRETS = {"KEY": "sandbox"}
OBJECTS = {("contact", "abmatic"): "contacts", ("contact", "salesforce"): "Contact", ("account", "abmatic"): "accounts", ("account", "salesforce"): "Account"}  # fmt: skip
NATIVE = {
    "contact": {
        "email": ("email", "Email"),
        "first_name": ("first_name", "FirstName"),
        "last_name": ("last_name", "LastName"),
        "title": ("title", "Title"),
        "phone": ("phone", "Phone"),
        "city": ("city", "MailingCity"),
        "account": ("account_id", "AccountId"),
        "seniority": ("seniority", "Seniority__c"),
        "opted_out": ("opted_out", "HasOptedOutOfEmail"),
    },
    "account": {
        "domain": ("website", "Website"),
        "name": ("name", "Name"),
        "city": ("city", "BillingCity"),
        "phone": ("phone", "Phone"),
        "employees": ("employee_count", "NumberOfEmployees"),
    },
}
BOTH_WAYS = {"abmatic": {"create": True}, "salesforce": {"external_id": "CRM_Sync_Id__c", "create": True}}


def _fields(entity, *names, **special):
    fields = {name: {"type": "string", **dict(zip(BOTH, NATIVE[entity][name], strict=True))} for name in names}
    return {name: {**row, **special.get(name, {})} for name, row in fields.items()}


def _systems(entity):
    return {name: {"object": OBJECTS[entity, name], **more} for name, more in BOTH_WAYS.items()}


CONTACTS = {
    "entity": "contact",
    "match": {"keys": ["email"]},
    "systems": _systems("contact"),
    "fields": _fields(
        "contact", "email", "first_name", "last_name", "title", "phone", "city",
        email={"type": "email", "required": True}, last_name={"required": True},
    ) | {"subscription": {"type": "consent", "salesforce": {"field": "HasOptedOutOfEmail", "lens": "opt_out_flag"}}},
}  # fmt: skip
ACCOUNTS = {
    "entity": "account",
    "match": {"keys": ["domain"]},
    "systems": _systems("account"),
    "fields": _fields(
        "account",
        "domain",
        "name",
        "city",
        "phone",
        domain={"type": "domain", "required": True},
        name={"required": True},
    ),
}
QUICK = {"horizon": "1s", "verify_delays": ["0.1s", "0.2s", "0.4s"], "retries": 2, "requests_per_minute": 60000}


class Scene:
    """Two systems and a workspace; see the module."""

    def __init__(self, sandbox, folder):
        self.sandbox = sandbox
        self.folder = folder
        self.urls = dict(sandbox.urls)
        self.mappings = {"contacts": _copy(CONTACTS)}
        self.config = self._config()
        self.known = {}
        self.control("reset", {"empty": True})
        for system in BOTH:
            self.control("limits", {"system": system, "requests_per_minute": None, "daily_calls": None})
        self.write()

    # the workspace ---------------------------------------------------------------------------------------------------

    def _config(self):
        return {
            "mappings": "mappings",
            "state": {"url": "sqlite:///state.db"},
            "systems": {
                "abmatic": {"base_url": self.urls["abmatic"], "api_key": "env:KEY", **QUICK},
                "salesforce": {
                    "login_url": self.urls["salesforce"], "client_id": "env:KEY", "client_secret": "env:KEY", "daily_call_share": 1.0, **QUICK,
                },
            },
        }  # fmt: skip

    def settings(self, path, value):
        """Sets one key of config.toml: `settings("safety.max_updates", 2)`."""
        _set(self.config, path, value)
        self.write()

    def mapping(self, path, value):
        """Sets one key of a mapping file (None takes it away): `mapping("contacts.fields.title.conflict", "manual")`."""
        _set(self.mappings, path, value)
        self.write()

    def with_accounts(self):
        """Accounts are mapped too, and a person's account is a reference."""
        self.mappings["accounts"] = _copy(ACCOUNTS)
        account = {"type": "ref", "entity": "account", "abmatic": "account_id", "salesforce": "AccountId"}
        self.mapping("contacts.fields.account", account)

    def write(self):
        folder = self.folder / "mappings"
        folder.mkdir(exist_ok=True)
        (self.folder / "config.toml").write_text(toml(self.config))
        for name, mapping in self.mappings.items():
            (folder / f"{name}.toml").write_text(toml(mapping))

    @property
    def workspace(self):
        return read_workspace(Settings(config=self.folder / "config.toml"), SECRETS)

    @property
    def both(self):
        found = self.workspace
        return found.config, found.mappings

    # given -----------------------------------------------------------------------------------------------------------

    def person(self, name, /, **systems):
        """A person who stands, as yet unlinked, in the systems named: `person("ada", abmatic={"title": "CTO"}, salesforce={})`."""
        self._given("contact", name, {"email": f"{name}@acme.example", "last_name": name.title()}, systems)

    def account(self, name, /, **systems):
        """A company that stands, as yet unlinked, in the systems named."""
        self._given("account", name, {"domain": f"{name}.example", "name": name.title()}, systems)

    def linked(self, *names, **values):
        """People who are in both systems, linked, with the same values."""
        for name in names:
            self.person(name, abmatic=values, salesforce=values)
        self.quiet(self.sync())

    def _given(self, entity, name, own, systems):
        self.known[name] = entity
        for system, values in systems.items():
            self.create(name, system, {**own, **values})

    def create(self, name, system, values, at=None):
        """A row of its own, made by a person behind the API; its id."""
        self.known.setdefault(name, "contact")
        made = self._native(name, system, values)
        return self._edit(system, self._object(name, system), {"create": made}, at)

    def edit(self, name, /, at=None, **systems):
        """What people change behind the API; `at` seconds from now (a negative number: before)."""
        for system, values in systems.items():
            self._edit(system, self._object(name, system), {"id": self.id(name, system), "set": self._native(name, system, values)}, at)  # fmt: skip

    def delete(self, name, system):
        return self._edit(system, self._object(name, system), {"id": self.id(name, system), "delete": True})

    def undelete(self, name, system, row_id):
        self._edit(system, self._object(name, system), {"id": row_id, "undelete": True})

    def merge(self, loser, winner, system="salesforce"):
        self._edit(
            system, self._object(loser, system), {"id": self.id(loser, system), "merge_into": self.id(winner, system)}
        )

    def fault(self, system, kind, **more):
        self.control("faults", {"system": system, "kind": kind, **more})

    def no_faults(self):
        self.control("faults", method="DELETE")

    # asked of crm-sync -----------------------------------------------------------------------------------------------

    def sync(self, *entities, full=False, init=False):
        return api.sync(*self.both, entities, full=full, init=init, progress=Silence())

    def plan(self, *entities, full=False):
        return api.plan(*self.both, entities, full=full, progress=Silence())

    def backfill(self, *entities, source=None, since=None):
        return api.backfill(*self.both, entities, source=source, since=since, init=False, progress=Silence())

    def apply(self, plan):
        """A plan, or the id of a run that was stopped."""
        call = api.apply_run if isinstance(plan, str) else api.apply_plan
        return call(*self.both, plan if isinstance(plan, str) else plan.to_json(10_000), progress=Silence())

    def apply_json(self, plan):
        return api.apply_plan(*self.both, plan, progress=Silence())

    def undo(self, run, record=None, field=None):
        return api.undo(*self.both, run.run, record=record, field=field, progress=Silence())

    def try_undo(self, run, record=None, field=None):
        return api.try_undo(*self.both, run.run, record=record, field=field, progress=Silence())

    def verify(self):
        return api.verify(*self.both, (), progress=Silence())

    def explain(self, name):
        return self.explained(self.known[name], self.key(name))

    def explained(self, entity, key):
        return api.explain(*self.both, entity, key)

    def run(self, run):
        return api.run(self.both[0], run)

    def status(self):
        return api.status(*self.both)

    def conflicts(self):
        return api.conflicts(*self.both)

    def resolve(self, take):
        [conflict] = self.conflicts()
        return api.resolve(*self.both, conflict["id"], take, progress=Silence())

    def quarantine(self):
        return api.quarantine(*self.both)

    def retry(self, *ids):
        return api.retry(*self.both, ids, progress=Silence())

    def drop(self, row):
        return api.drop(*self.both, row)

    def consent(self, name):
        return self.consented(self.key(name))

    def consented(self, address):
        return api.consent(*self.both, address)

    def grant(self, name, evidence):
        return api.grant(*self.both, self.key(name), evidence, progress=Silence())

    def forget(self, name, *, remote=False):
        return api.forget(*self.both, self.key(name), remote=remote, progress=Silence())

    def command(self, *words, env=None):
        """A started process of its own: `crm-sync WORDS`."""
        environment = {**os.environ, **SECRETS, "CRM_SYNC_CONFIG": str(self.folder / "config.toml"), "PYTHONPATH": str(ROOT), **(env or {})}  # fmt: skip
        return subprocess.Popen([sys.executable, "-m", "sync", *words], cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip

    # expected --------------------------------------------------------------------------------------------------------

    def expect(self, name, /, *, abmatic=..., salesforce=..., **values):
        """One row of that name in each system, with these values; None for a system: nobody there."""
        for system, wanted in zip(BOTH, (abmatic, salesforce), strict=True):
            rows = self.rows(name, system)
            if wanted is None:
                assert rows == [], f"{name} is in {system}"
                continue
            assert len(rows) == 1, f"{len(rows)} rows of {name} in {system}"
            own = {} if wanted is ... else wanted
            for field, value in {**values, **own}.items():
                assert self.held(name, system, field) == value, f"{field} of {name} in {system}"

    def quiet(self, run):
        """A run that went well; the run."""
        assert run.exit_code == 0, run.to_json()
        return run

    def nothing_to_do(self):
        """A run with no news: it writes nothing."""
        self.forget_calls()
        run = self.quiet(self.sync())
        assert run.operations == []
        assert self.writes() == 0

    def held(self, name, system, field):
        """What a system holds under the mapping's name of a field; blanks are None."""
        [row] = self.rows(name, system)
        value = row.get(self._path(name, system, field))
        return None if value == "" else value

    def rows(self, name, system):
        """The live rows of that key."""
        path, key = self._path(name, system, self._key_field(name)), self.key(name)
        return [row for row in self.table(system, self._object(name, system)) if key in str(row.get(path) or "").lower()]  # fmt: skip

    def table(self, system, name):
        """Every live row of one object."""
        return [row for row in self.control(f"dump?system={system}")[name] if not row["_deleted"]]

    def id(self, name, system):
        [row] = self.rows(name, system)
        return row["id" if system == "abmatic" else "Id"]

    def key(self, name):
        return f"{name}@acme.example" if self.known.get(name, "contact") == "contact" else f"{name}.example"

    def writes(self, system=None):
        """How many requests asked for a change since `forget_calls`."""
        calls = self.control("calls?log=true")
        return sum(row["write"] for name in BOTH if system in (None, name) for row in calls[name]["log"])

    def forget_calls(self):
        self.control("calls", method="DELETE")

    def state_holds(self, text):
        """Whether these bytes stand anywhere in the state's files."""
        return any(text in file.read_bytes() for file in self.folder.glob("state.db*"))

    def tamper(self, statement):
        """Changes the state as no command can."""
        connection = sqlite3.connect(self.folder / "state.db")
        with connection:
            connection.execute(statement)
        connection.close()

    # behind the curtain ----------------------------------------------------------------------------------------------

    def _key_field(self, name):
        return "email" if self.known[name] == "contact" else "domain"

    def _object(self, name, system):
        return OBJECTS[self.known[name], system]

    def _path(self, name, system, field):
        return NATIVE[self.known[name]][field][BOTH.index(system)]

    def _native(self, name, system, values):
        known = NATIVE[self.known[name]]
        return {self._path(name, system, field) if field in known else field: value for field, value in values.items()}

    def _edit(self, system, name, change, at=None):
        moment = {} if at is None else {"at": _moment(at)}
        return self.control("edit", {"system": system, "object": name, **change, **moment})["id"]

    def control(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.sandbox.urls['control']}/_control/{path}", data, method=method)
        with _OPENER.open(request, timeout=30) as answer:
            return json.load(answer)


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _moment(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _copy(table):
    return json.loads(json.dumps(table))


def _set(table, path, value):
    *heads, last = path.split(".")
    for head in heads:
        table = table.setdefault(head, {})
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


def toml(table, path=""):
    """Tables of strings, numbers, lists and inline tables as TOML."""
    plain = {k: v for k, v in table.items() if not isinstance(v, dict) or _is_cell(path)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, inner in table.items():
        if key not in plain:
            name = f"{path}.{key}" if path else key
            lines += [f"[{name}]", toml(inner, name)]
    return "\n".join(lines) + "\n"


def _is_cell(path):
    return path.startswith("fields.")


def _value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)
