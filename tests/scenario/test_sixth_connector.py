"""A connector of another package: installed, configured and synchronised as the documentation shows it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sync.config import read
from sync.runner import api
from sync.runner.context import Silence

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
CODE = PAGE.split("```python\n", 1)[1].split("```", 1)[0]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The example as pip would have installed it: a module, and the metadata that names its entry point."""
    site = tmp_path / "site"
    about = site / "sheet-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "sheet.py").write_text(CODE, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sheet\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[crm_sync.connectors]\nsheet = sheet:build\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "sheet", raising=False)
    yield site
    sys.modules.pop("sheet", None)


@pytest.fixture
def with_sheet(scene, installed, tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("id,email,title\n1,ada@acme.example,CTO\n2,eve@acme.example,Chief\n")
    scene.config["systems"]["leads"] = {"kind": "sheet", "path": str(file), "writes": False}
    scene.mapping("contacts.systems.leads", {"object": "rows", "mode": "read"})
    scene.mappings["contacts"]["fields"]["email"]["leads"] = "email"
    scene.mapping("contacts.fields.title.leads", {"field": "title", "mode": "fill"})
    return scene


def test_it_feeds_the_other_systems(with_sheet):
    """Configured by its kind, the source fills what is empty, and a run without news writes nothing."""
    with_sheet.linked("ada")
    with_sheet.quiet(with_sheet.sync())
    with_sheet.expect("ada", title="CTO")
    with_sheet.nothing_to_do()


def test_its_settings_are_checked_like_ours(with_sheet):
    """A key that it does not know is refused with the right one."""
    with_sheet.config["systems"]["leads"]["pat"] = "x"
    with_sheet.write()
    found = read(with_sheet.folder / "config.toml", {"KEY": "sandbox"})
    [problem] = found.problems
    assert "unknown key `systems.leads.pat`" in problem.message and "path" in problem.remedy


def test_a_kind_that_is_not_installed_is_named(scene):
    """Without its package the kind is unknown, and the known ones are named."""
    scene.config["systems"]["leads"] = {"kind": "sheets", "path": "/x"}
    scene.write()
    [problem] = read(scene.folder / "config.toml", {"KEY": "sandbox"}).problems
    assert "no kind of system `sheets`" in problem.message and "abmatic" in problem.remedy


def test_a_package_that_cannot_be_loaded_is_a_problem_of_the_configuration(with_sheet, installed):
    """A broken package is told with file and line, like every other mistake, and without a traceback."""
    (installed / "sheet.py").write_text("raise RuntimeError('secret inside')")
    [problem] = read(with_sheet.folder / "config.toml", {"KEY": "sandbox"}).problems
    assert "`sheet` cannot be loaded (RuntimeError)" in problem.message and "secret" not in str(problem)


def test_a_deletion_that_it_cannot_carry_out_is_told_by_check(with_sheet):
    """Under `deleted = "delete"` a system whose rows cannot be deleted is named with file, line and remedy, before any deletion is due."""
    with_sheet.mapping("contacts.systems.leads", {"object": "rows", "deleted": "delete"})
    found = api.check(*with_sheet.both, progress=Silence())
    [row] = [row for row in found["findings"] if "would do nothing" in row["detail"]]
    assert found["drift"] and row["what"].startswith("mappings/contacts.toml:") and "leads" in row["detail"]
    with_sheet.mapping("contacts.systems.leads.deleted", "ignore")
    found = api.check(*with_sheet.both, progress=Silence())
    assert not [row for row in found["findings"] if "would do nothing" in row["detail"]]
