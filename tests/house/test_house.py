"""The house keeps its own rules: rooms, sizes, words; and what the documents say is there."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sync.cli.registry import COMMANDS
from sync.config import KINDS
from sync.config.keys import keys_of
from sync.config.model import SECTIONS, Config

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "sync").rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "core", "manager", "base_classes", "misc"}
HEAVY = {
    "sqlalchemy",
    "sqlmodel",
    "simple_salesforce",
    "httpx",
    "rich",
    "structlog",
    "rule_engine",
    "apscheduler",
    "pydantic",
    "alembic",
    "babel",
    "starlette",
    "uvicorn",
    "jinja2",
    "prometheus_client",
}


def test_the_rooms_import_only_what_they_may():
    """The import contracts of pyproject.toml hold."""
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_no_room_is_forgotten_by_the_sandboxs_contract():
    """Every room and module of the product is forbidden to the sandbox."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(c["forbidden_modules"] for c in contracts if c.get("source_modules") == ["sync.sandbox"])
    ours = {path.stem for path in (ROOT / "sync").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert {f"sync.{name}" for name in ours - {"__init__", "__main__", "sandbox"}} == set(forbidden)


def test_no_module_has_a_name_that_says_nothing():
    """No module or folder is called utils, helpers or the like."""
    assert not [path for path in SOURCES if {path.stem, path.parent.name} & FORBIDDEN]


def test_files_stay_small():
    """No source file is longer than 400 lines."""
    assert not {str(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > 400}


def test_functions_stay_small():
    """The median function of every room has at most ten lines."""
    rooms: dict[str, list[int]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                rooms.setdefault(path.relative_to(ROOT / "sync").parts[0], []).append(
                    (node.end_lineno or 0) - node.lineno + 1
                )
    assert not {room: found for room, lengths in rooms.items() if (found := statistics.median(lengths)) > 10}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command):
    """A help text is there at once: no library that it does not need is imported for it."""
    code = f"import sys; from sync.cli.app import run; run([*{command.split()!r}, '--help']); print(sorted({HEAVY!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_help_is_quick():
    """`crm-sync --help` takes less than 150 ms of CPU (the best of five, so that a busy machine does not matter)."""

    def cpu_s():
        before = os.times()
        subprocess.run([sys.executable, "-m", "sync", "--help"], cwd=ROOT, capture_output=True, check=True)
        after = os.times()
        return after.children_user - before.children_user + after.children_system - before.children_system

    assert min(cpu_s() for _ in range(5)) < 0.15


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_documents_name_only_commands_that_exist(path):
    """Every `crm-sync WORD` of a document is a command."""
    named = set(
        re.findall(
            r"(?:^|[`/ (])crm-sync(?: --config \S+)? ([a-z]+)\b(?![.,]? [a-z]+ly)", path.read_text(), re.MULTILINE
        )
    )
    in_code = {
        word
        for word in named
        if re.search(
            rf"`[^`\n]*crm-sync (?:--config \S+ )?{word}\b|^(?:\S*/)?crm-sync {word}\b", path.read_text(), re.MULTILINE
        )
    }
    assert in_code <= set(COMMANDS), in_code - set(COMMANDS)


def test_the_readme_lists_every_command():
    """Each command stands in the README's table."""
    rows = "\n".join(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("|"))
    assert not [name for name in COMMANDS if f"`crm-sync {name}" not in rows]


def test_the_readmes_test_command_is_what_ci_runs():
    """CI runs the tests as the README says."""
    readme = re.search(r"\.venv/bin/python (-m pytest[^\n]*)", (ROOT / "README.md").read_text())
    assert readme
    assert f'"$python" {readme[1]}' in (ROOT / ".ci" / "check").read_text()


def test_the_readmes_first_screen_has_two_commands():
    """A newcomer finds, before anything else, one command for the demo and one for the tests."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text().split("\n## ")[0], re.DOTALL)
    assert [len(block.strip().splitlines()) for block in blocks] == [1, 1]
    assert "crm-sync demo" in blocks[0]


def toml_blocks():
    for path in DOCUMENTS:
        for number, block in enumerate(re.findall(r"```toml\n(.*?)```", path.read_text(), re.DOTALL)):
            yield pytest.param(block, id=f"{path.name}-{number}")


@pytest.mark.parametrize("block", list(toml_blocks()))
def test_settings_in_documents_exist(block):
    """Every key of a configuration shown in a document is known to the loader."""
    raw = tomllib.loads(block)
    if not set(raw) <= {*SECTIONS, *keys_of(Config), "systems"} or "fields" in raw or "entity" in raw:
        return
    for name, model in SECTIONS.items():
        assert set(raw.get(name, {})) <= set(keys_of(model))
    for name, table in raw.get("systems", {}).items():
        assert set(table) - {"kind"} <= set(keys_of(KINDS[table.get("kind", name)]))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_of_documents_lead_somewhere(path):
    """Every relative link of a document is a file of the repository."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert not [link for link in links if not (path.parent / link).exists()]


def test_events_are_documented():
    """Every event name of the log's docstring is explained in docs/events.md, and no other."""
    listed = (ast.get_docstring(ast.parse((ROOT / "sync" / "logs.py").read_text())) or "").split("Event names", 1)[1]
    names = set(re.findall(r"\b[a-z_]+\.[a-z_]+\b", listed.split("\n", 1)[1]))
    rows = [
        line.split("|")[1] for line in (ROOT / "docs" / "events.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert names == set(re.findall(r"`([a-z_]+\.[a-z_]+)`", " ".join(rows)))


def test_the_package_ships_what_init_writes():
    """The wheel carries the example configuration and the starter mappings."""
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
        "force-include"
    ]
    assert shipped == {"mappings": "sync/starter/mappings", "config.example.toml": "sync/starter/config.example.toml"}
