"""The fault table of docs/reliability.md is complete and true: every row has a test that names it, or a waiver with its reason."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
NUMBERS = [*range(1, 91), *range(139, 151)]
ROWS = dict(re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))


@cache
def marks(file: str) -> dict[str, set[str]]:
    """Test function -> the names in its `law` marks."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {
        function.name: {name for each in function.decorator_list for name in _named(each)} for function in functions
    }


def _named(decorator: ast.expr) -> set[str]:
    if not isinstance(decorator, ast.Call) or not ast.unparse(decorator.func).endswith("mark.law"):
        return set()
    return {str(each.value) for each in decorator.args if isinstance(each, ast.Constant)}


def test_the_table_has_every_row():
    """Rows 1 to 90 and 139 to 150; those of webhooks and dashboard are the service's."""
    assert sorted(map(int, ROWS)) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_is_tested_by_what_it_names(number):
    """Each test exists and bears the row's name; a waiver has a reason."""
    cell = ROWS[str(number)]
    if cell.startswith("waived: "):
        assert len(cell) > 40
        return
    named = re.findall(r"`([^`:]+)::([^`]+)`", cell)
    assert named
    for file, test in named:
        assert f"row {number}" in marks(file).get(test, set()), f"{file}::{test}"


def test_no_test_names_a_row_that_the_table_leaves_out():
    """What a test says it covers stands in the table."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        file = str(path.relative_to(ROOT))
        for test, names in marks(file).items():
            rows = {name.removeprefix("row ") for name in names if name.startswith("row ")}
            found |= {(row, file, test) for row in rows if int(row) in NUMBERS}
    assert not {each for each in found if f"`{each[1]}::{each[2]}`" not in ROWS[each[0]]}
