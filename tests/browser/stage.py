"""The stage: five emulated systems, a workspace with a past, and a web server in front of it.

`Stage` is the workspace. `past` gives it one that has something for every page: runs, an edit that travelled, conflicts, rows in
the quarantine, an opt-out, a name full of markup.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from sync import __version__, redaction
from sync.cli.options import Settings
from sync.cli.workspace import read_workspace
from sync.config import Listen
from sync.runner import api
from sync.runner.context import Silence
from sync.runner.desk import StillDesk
from sync.web import serve

ROOT = Path(__file__).parents[2]
TOKEN = "tok-0123456789abcdef0123"
SECRETS = {"KEY": "sandbox", "CRM_SYNC_TOKEN": TOKEN}
MARKUP = "<script>alert('x')</script><img src=x onerror=alert(2)>"
ADDRESSES = {
    "abmatic": ("base_url", "api_key"),
    "salesforce": ("login_url", "client_id", "client_secret"),
    "conversion": ("base_url", "api_key"),
    "activecampaign": ("base_url", "api_key"),
    "letrics": ("base_url", "api_key"),
}
QUICK = 'requests_per_minute = 60000\nhorizon = "1s"\nverify_delays = ["0.1s", "0.2s"]\nretries = 1\n'


class Stage:
    """A workspace against the sandbox, with the starter mappings; both sides of a title are a person's choice."""

    def __init__(self, urls, folder, *, listen="127.0.0.1:0", systems=("abmatic", "salesforce")):
        self.urls, self.folder, self.systems = dict(urls), folder, systems
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(ROOT / "mappings", folder / "mappings", dirs_exist_ok=True)
        contacts = folder / "mappings" / "contacts.toml"
        text = contacts.read_text()
        contacts.write_text(
            text.replace(
                '[fields.title]\ntype           = "string"',
                '[fields.title]\ntype           = "string"\nconflict       = "manual"',
            )
        )
        assert 'conflict       = "manual"' in contacts.read_text()
        self.listen(listen)

    def listen(self, address, more=""):
        tables = [f'workspace = "acme"\n\n[server]\nlisten = "{address}"\ntoken = "env:CRM_SYNC_TOKEN"\n{more}']
        for system in self.systems:
            address, *secrets = ADDRESSES[system]
            lines = [f'{address} = "{self.urls[system]}"', *(f'{secret} = "env:KEY"' for secret in secrets)]
            tables.append("\n".join([f"[systems.{system}]", QUICK, *lines, ""]))
        (self.folder / "config.toml").write_text("\n".join(tables))

    @property
    def both(self):
        found = read_workspace(Settings(config=self.folder / "config.toml"), SECRETS)
        return found.config, found.mappings

    def sync(self):
        return api.sync(*self.both, (), full=False, init=False, progress=Silence())

    def control(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.urls["control"] + "/_control/" + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)

    def edit(self, system, name, row, **values):
        self.control("edit", {"system": system, "object": name, "id": row, "set": values})

    def people(self, count):
        """People who are in Salesforce and Abmatic both: (address, Salesforce id, Abmatic id)."""
        abmatic = {
            row["email"]: row["id"]
            for row in self.control("dump?system=abmatic")["contacts"]
            if row.get("email") and not row["_deleted"]
        }
        rows = [
            row for row in self.control("dump?system=salesforce")["Contact"] if row.get("Email") and not row["_deleted"]
        ]
        return [(row["Email"], row["Id"], abmatic[row["Email"]]) for row in rows if row["Email"] in abmatic][:count]

    def past(self):
        """Everything once, then a life: see the module."""
        api.backfill(*self.both, (), source=None, since=None, init=True, progress=Silence())
        self.sync()
        self.control("clock", {"advance_s": 1})  # until then Abmatic's lists may leave out what was just created there
        people = self.people(10)
        self.edit("salesforce", "Contact", people[0][1], Title="Chief Example Officer")
        self.edit("salesforce", "Contact", people[1][1], HasOptedOutOfEmail=True)
        self.edit("abmatic", "contacts", people[2][2], title=MARKUP)
        self.edited = self.sync()
        for place in (3, 4, 5):
            self.edit("salesforce", "Contact", people[place][1], Title=f"VP of {place}")
            self.edit("abmatic", "contacts", people[place][2], title=f"Head of {place}")
        for place in (6, 7):
            self.edit("abmatic", "contacts", people[place][2], title="Long " * 60)
        self.sync()
        self.hero = people[0][0]
        return self

    @contextmanager
    def served(self, desk=None):
        """The dashboard, really served on loopback: its address."""
        config, mappings = self.both
        server = serve(desk or StillDesk(config, mappings, version=__version__), Listen("127.0.0.1", 0))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
            redaction.forget_hidden()


def form_token(page):
    """The token of the first form of a page."""
    return page.text.split('name="form_token" value="', 1)[1].split('"', 1)[0]


def log_in(client, token=TOKEN, onward="/"):
    page = client.get("/login")
    return client.post("/login", data={"form_token": form_token(page), "token": token, "next": onward})
