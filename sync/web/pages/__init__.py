"""The pages: path, method, handler. A handler is a plain function from what it is asked to a template with facts."""

from __future__ import annotations

from typing import Final

from sync.web.asking import Handler
from sync.web.pages import conflicts, mappings, overview, quarantine, records, runs, systems, undo

PAGES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("/", "GET", overview.show),
    ("/sync", "POST", overview.sync_now),
    ("/runs", "GET", runs.show_all),
    ("/runs/{run}", "GET", runs.show),
    ("/runs/{run}/apply", "POST", runs.release),
    ("/runs/{run}/undo", "GET", undo.preview),
    ("/runs/{run}/undo", "POST", undo.carry_out),
    ("/records", "GET", records.ask),
    ("/records", "POST", records.find_them),
    ("/records/{entity}/{record}", "GET", records.show),
    ("/conflicts", "GET", conflicts.show),
    ("/conflicts", "POST", conflicts.resolve),
    ("/quarantine", "GET", quarantine.show),
    ("/quarantine", "POST", quarantine.decide),
    ("/mappings", "GET", mappings.show),
    ("/systems", "GET", systems.show),
)
