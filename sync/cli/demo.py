"""`demo`: the whole story on this machine, against the sandbox, in a folder that vanishes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

from sync.cli.answer import paper, say_json, watching
from sync.cli.backend import Row, Runner, runner
from sync.cli.exits import PERSON
from sync.cli.office import TITLE, Deed, Office, arrivals
from sync.cli.options import Command, Settings, settings
from sync.cli.start import starter_files
from sync.cli.stay import stay
from sync.cli.workspace import Workspace, read_workspace, start_log
from sync.errors import UnreachableError
from sync.model.report import RunReport

_KEYS: Final = {
    "abmatic": ("base_url", "api_key"),
    "salesforce": ("login_url", "client_id", "client_secret"),
    "conversion": ("base_url", "api_key"),
    "activecampaign": ("base_url", "api_key"),
    "letrics": ("base_url", "api_key"),
}
_HERO_OF: Final = "salesforce"
"""Whose edit is explained and undone."""
_ASK: Final = ("[fields.phone]\n", '[fields.phone]\nconflict = "manual"\n')
"""In the demo a phone number that both sides changed is a person's to choose."""


@click.command(cls=Command)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same data.")
@click.option("--accounts", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--contacts", type=click.IntRange(min=10), default=40, show_default=True)
@click.option("--serve", "stays", is_flag=True, help="Stay up afterwards, with the service and its dashboard.")
def demo(seed: int, accounts: int, contacts: int, *, stays: bool) -> int:
    """See it work: five systems on this machine, brought together; an edit and an opt-out in each arrive in all the others.

    Needs no accounts and no settings, contacts nobody, leaves nothing behind.
    """
    with _sandbox(seed, accounts, contacts) as urls, tempfile.TemporaryDirectory(prefix="crm-sync-demo-") as folder:
        story = _Story(urls, _workspace(Path(folder), urls))
        if settings().json:
            say_json(story.run())
        else:
            _tell(story)
        if stays:
            stay(story.workspace, urls["control"])
    return PERSON if story.told["verify"]["unexplained"] else 0


@contextmanager
def _sandbox(seed: int, accounts: int, contacts: int) -> Iterator[dict[str, str]]:
    """A sandbox in a process of its own: its addresses by system."""
    sizes = ["--seed", str(seed), "--accounts", str(accounts), "--contacts", str(contacts)]
    command = [sys.executable, "-m", "sync", "sandbox", "--port", "0", "--no-limits", *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise UnreachableError("the sandbox did not start", remedy="`crm-sync sandbox` shows why.")
            yield json.loads(line)
        finally:
            process.terminate()


def _workspace(folder: Path, urls: Mapping[str, str]) -> Workspace:
    (folder / "mappings").mkdir()
    for name, file in starter_files().items():
        if name.startswith("mappings/"):
            (folder / name).write_text(file.read_text(encoding="utf-8").replace(*_ASK), encoding="utf-8")
    tables = ['workspace = "demo"\n[server]\nlisten = "127.0.0.1:0"\n[schedule]\npoll = "5s"\n']
    for system, (address, *secrets) in _KEYS.items():
        lines = [f'{address} = "{urls[system]}"', *(f'{secret} = "env:DEMO_KEY"' for secret in secrets)]
        tables.append("\n".join([f"[systems.{system}]", "requests_per_minute = 60000", *lines, ""]))
    (folder / "config.toml").write_text("\n".join(tables), encoding="utf-8")
    workspace = read_workspace(Settings(config=folder / "config.toml"), {"DEMO_KEY": "sandbox"})
    start_log(settings(), workspace.config)
    return workspace


@dataclass(slots=True)
class _Story:
    """The chapters, each told once; `told` keeps what came of them."""

    urls: Mapping[str, str]
    workspace: Workspace
    told: dict[str, Any] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    puzzles: list[Deed] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """All chapters; their objects by name."""
        chapters = (self.backfill, self.edit, self.plan, self.sync, self.arrived, self.explain, self.undo, self.verify)
        for chapter in chapters:
            chapter()
        return self.told

    def backfill(self) -> Row:
        """Brings together what belongs together. A first run afterwards takes in what the systems add by themselves."""
        self._office.hire()
        with watching(settings()) as progress:
            done = self._keep(
                "backfill", self._api.backfill(*self._both, (), source=None, since=None, init=True, progress=progress)
            )
            self._api.sync(*self._both, (), full=False, init=False, progress=progress)
        return done

    def edit(self) -> list[Deed]:
        """People at work behind the API: a new title in every system, an opt-out wherever there is consent."""
        self.deeds = self._office.work()
        self.puzzles = self._office.puzzle(self.deeds)
        return [*self.deeds, *self.puzzles]

    def plan(self) -> Row:
        """What a sync would do."""
        with watching(settings()) as progress:
            return self._keep("plan", self._api.plan(*self._both, (), full=True, progress=progress))

    def sync(self) -> Row:
        """Does it."""
        with watching(settings()) as progress:
            return self._keep("sync", self._api.sync(*self._both, (), full=True, init=False, progress=progress))

    def arrived(self) -> list[Row]:
        """What now stands in each system, read there."""
        self.told["arrived"] = arrivals(self.deeds, self._office.stands())
        return list(self.told["arrived"])

    def explain(self) -> Row:
        """The record whose title was changed in Salesforce."""
        self.told["explain"] = self._api.explain(*self._both, "contact", self._hero())
        return dict(self.told["explain"])

    def undo(self) -> Row:
        """Takes that title back, everywhere. Opt-outs stay: software never lifts one."""
        with watching(settings()) as progress:
            return self._keep(
                "undo",
                self._api.undo(
                    *self._both, self.told["sync"]["run"], record=self._hero(), field="title", progress=progress
                ),
            )

    def verify(self) -> Row:
        """Reads everything again and compares."""
        with watching(settings()) as progress:
            self.told["verify"] = self._api.verify(*self._both, (), progress=progress)
        return dict(self.told["verify"])

    def _hero(self) -> str:
        """Whose title is explained and taken back."""
        return next(deed.email for deed in self.deeds if (deed.system, deed.what) == (_HERO_OF, TITLE))

    @property
    def _office(self) -> Office:
        return Office(self.urls)

    @property
    def _api(self) -> Runner:
        return runner()

    @property
    def _both(self) -> tuple[Any, Any]:
        return self.workspace.config, self.workspace.mappings

    def _keep(self, name: str, report: RunReport) -> Row:
        self.told[name] = report.to_json()
        return dict(self.told[name])


def _tell(story: _Story) -> None:
    """The chapters for a person."""
    from sync.cli.render.arrivals import draw_arrivals  # noqa: PLC0415 - draws with rich
    from sync.cli.render.findings import draw_verify  # noqa: PLC0415 - draws with rich
    from sync.cli.render.inbox import draw_conflicts, draw_quarantine  # noqa: PLC0415
    from sync.cli.render.paper import styled  # noqa: PLC0415
    from sync.cli.render.record import draw_record  # noqa: PLC0415
    from sync.cli.render.run import draw_counts, draw_run  # noqa: PLC0415

    sheet = paper()

    def chapter(number: int, text: str) -> None:
        sheet.gap()
        sheet.title(f"{number}. {text}")

    chapter(
        1,
        "Five systems, filled with companies and people who partly are the same. `crm-sync backfill` brings them together.",
    )
    draw_counts(sheet, story.backfill()["systems"])
    chapter(2, "People work in every system, all at once.")
    for number, deed in enumerate(story.edit(), 1):
        sheet.line(styled(f"{number} ", "quiet"), styled(f"{deed.system:<15}", "name"), deed.told(), indent=2)
    chapter(3, "`crm-sync plan` shows what would happen, before anything does.")
    draw_run(sheet, story.plan() | {"conflicts": [], "quarantined": [], "systems": {}}, "Plan", 8)
    chapter(4, "`crm-sync sync` does it. What then stands in the systems, read there:")
    draw_counts(sheet, story.sync()["systems"])
    sheet.gap()
    draw_arrivals(sheet, story.arrived())
    chapter(5, "What no rule can decide waits for a person: `crm-sync conflicts` and `crm-sync quarantine`.")
    draw_conflicts(sheet, story.told["sync"]["conflicts"])
    sheet.gap()
    draw_quarantine(sheet, story.told["sync"]["quarantined"])
    chapter(6, "`crm-sync explain` tells why a value is what it is.")
    record = story.explain()
    draw_record(sheet, record | {"fields": {name: cell for name, cell in record["fields"].items() if name == "title"}})
    chapter(7, "`crm-sync undo` takes that title back, in every system. The opt-outs stay: software never lifts one.")
    draw_run(sheet, story.undo() | {"conflicts": [], "quarantined": [], "systems": {}}, "Undo", 10)
    chapter(8, "`crm-sync verify` reads everything again and compares.")
    draw_verify(sheet, story.verify())
    sheet.gap()
    sheet.line("That was all on this machine; nothing is left of it. Your own: `crm-sync init`.")
