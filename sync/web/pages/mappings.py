"""The mappings as tables: a row per field, a column per system; with what the lint says of the files as they are now."""

from __future__ import annotations

from sync.runner.charted import mapping_tables
from sync.web.asking import Ask, Page


def show(ask: Ask) -> Page:
    """All of them."""
    tables = mapping_tables(ask.desk.config, ask.desk.mappings)
    return Page("mappings.html", {"tables": tables, "reload_error": ask.desk.facts().get("reload_error")})
