"""The commands, in the order of the help. A new one is a file in this folder and a line here.

`place` is MODULE:NAME within `sync.cli`; the module is imported when the command is called or its own help is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: where it is, and its line in the help."""

    name: str
    place: str
    summary: str


SECTIONS: Final[dict[str, tuple[Entry, ...]]] = {
    "Begin": (
        Entry("demo", "demo:demo", "See it work: no accounts, no settings, nothing left behind."),
        Entry("init", "start:init", "Write config.toml and mappings/ to start from."),
        Entry("check", "check:check", "Config, mappings, then each system: would it work?"),
        Entry("sandbox", "sandbox:sandbox", "The five systems emulated on this machine."),
    ),
    "Synchronise": (
        Entry("plan", "plan:plan", "Show what a sync would do, field by field. Writes nothing."),
        Entry("apply", "plan:apply", "Carry out exactly that plan."),
        Entry("sync", "work:sync", "One run, then exit."),
        Entry("backfill", "work:backfill", "Everything once; goes on where it stopped."),
        Entry("run", "service:run", "The service: polls, webhooks, dashboard."),
    ),
    "Look": (
        Entry("status", "look:status", "Is all well? What to do if not."),
        Entry("runs", "look:runs", "What was done, and when."),
        Entry("explain", "look:explain", "One record: each value, where from, when, why."),
        Entry("verify", "look:verify", "Every difference between the systems, explained or listed."),
    ),
    "Decide": (
        Entry("conflicts", "inbox:conflicts", "Values that a person must choose between."),
        Entry("quarantine", "inbox:quarantine", "Records set aside, why, and what to do."),
        Entry("undo", "work:undo", "Write the values of before a run back."),
        Entry("consent", "privacy:consent", "Why a person may or may not be mailed."),
        Entry("forget", "privacy:forget", "Erase a person, and keep them away."),
    ),
    "House-keeping": (
        Entry("backup", "keep:backup", "A consistent copy of the state, while running."),
        Entry("config", "keep:config", "The effective settings, secrets masked."),
        Entry("version", "keep:version", "Versions of everything that matters."),
    ),
}

COMMANDS: Final = {entry.name: entry for entries in SECTIONS.values() for entry in entries}
