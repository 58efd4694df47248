"""What the documents say of the service is so: its events, its alerts, its unit."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sync import logs

ROOT = Path(__file__).parents[2]
LEVELS = {"debug", "info", "warning", "error"}
EXPOSURE_MAX = 15
"""Tenths, as `systemd-analyze security` scores it (0 is best, 100 worst): 1.5."""


def logged():
    """Names of events that some module logs, as literals."""
    found = set()
    for path in (ROOT / "sync").rglob("*.py"):
        text = path.read_text()
        if "structlog" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and node.args
            ):
                found |= {
                    n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                }
    return found | {"run.stopped", "run.failed"}


def test_every_event_is_documented_and_every_documented_event_is_logged():
    """docs/events.md and the list in sync/logs.py name exactly what is logged."""
    page = set(re.findall(r"^\| `([a-z_.]+)` \|", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE))
    listed = set(
        re.findall(
            r"\b[a-z]+\.[a-z_]+\b|^ {4}bug$",
            (logs.__doc__ or "").split("Event names")[1].split(":", 1)[1],
            re.MULTILINE,
        )
    )
    assert page == logged()
    assert {name.strip() for name in listed} == page


def test_every_alert_is_explained_in_the_operations_page():
    """Each kind of alert has a line in docs/operations.md that says what to do."""
    code = "".join((ROOT / "sync" / "daemon" / name).read_text() for name in ("alerts.py", "tasks.py"))
    kinds = set(re.findall(r'Alert\(\s*f?"([a-z_]+)', code)) | set(re.findall(r'raise_own\(\s*f?"([a-z_]+)', code))
    page = set(
        re.findall(r"^\| `([a-z_]+)(?::[A-Z]+)?` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    )
    assert kinds
    assert kinds <= page, kinds - page


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_sound_and_hardened():
    """systemd accepts the unit as it is, and its exposure is at most 1.5 of 10."""
    unit = str(ROOT / "docs" / "crm-sync.service")
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    scored = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", unit]
    judged = subprocess.run(scored, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_image_runs_as_nobody_in_particular():
    """The image has a numeric user that is not root, a health check, a volume for the state, and no secret in it."""
    lines = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*(:\d+)?$", lines, re.MULTILINE)
    assert "HEALTHCHECK" in lines
    assert "STOPSIGNAL SIGTERM" in lines
    assert re.search(r'^ENTRYPOINT \["', lines, re.MULTILINE)
    assert not re.search(r"(?i)(secret|token|api_key)\s*=", lines)
