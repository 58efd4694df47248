"""The table of docs/coverage.md: `python tests/contract/coverage_page.py` writes it anew from tests/data/seeds.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "seeds.toml"
PAGE = ROOT / "docs" / "coverage.md"
NAMES = {"abmatic": "Abmatic", "conversion": "Conversion", "activecampaign": "ActiveCampaign", "letrics": "Letrics"}
KINDS = {
    "call": "endpoint", "query": "query", "body": "request field", "value": "request value", "header": "header", "read": "record field",
    "answer": "answer field", "event": "webhook", "payload": "webhook field", "error": "error",
}  # fmt: skip
HEAD = """# Coverage of the vendors' documents

Every endpoint and field that the four documents name which crm-sync was begun with, and what becomes of it. A test walks this list
(`tests/contract/test_seeds.py`): it runs the features on the sandbox and looks into what they sent and were answered, provokes every
error and every refusal, and holds this page to `tests/data/seeds.toml`. Salesforce has no such document: its objects are the org's own.
"""


def rows():
    """(system, kind, name, fate, what, test) of every row."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return [(system, *row) for system in NAMES for row in data[system]]


def page():
    """The page as it should be."""
    parts = [HEAD]
    for system, name in NAMES.items():
        own = [row[1:] for row in rows() if row[0] == system]
        refused = sum(row[2] == "refused" for row in own)
        parts.append(
            f"\n## {name}\n\n{len(own) - refused} used, {refused} refused.\n\n| | name | by what | test |\n|---|---|---|---|\n"
        )
        parts += [_line(*row) for row in own]
    return "".join(parts)


def _line(kind, name, fate, what, test):
    said = f"refused: “{what}”" if fate == "refused" else what
    return f"| {KINDS[kind]} | `{name}` | {said} | `{test}` |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
