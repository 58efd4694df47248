"""`/metrics` and `/readyz`: what they say, and that they say no more."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from sync.runner.desk import StillDesk
from sync.state import RunRow
from sync.web.health import reasons
from sync.web.metrics import Metrics, Tally

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def run(name, seconds=1.0, status="ok", **counts):
    systems = {"abmatic": {"read": 0, "created": 0, "updated": 0, "deleted": 0, "failed": 0, "calls": 0, **counts}}
    return RunRow(
        name, "sync", full=False, entities=(), status=status, started_at=NOW, seconds=seconds, systems=systems, note=""
    )


def samples(families):
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_the_page_is_prometheus_text_without_anybody(web):
    """Every family has a type and a help text; no address, no key, no name of a person is in it."""
    answer = web.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation and family.name.startswith("crm_sync_") for family in families)
    assert "@" not in answer.text
    assert "example" not in answer.text
    found = samples(families)
    assert found["crm_sync_conflicts",] == 3
    assert found["crm_sync_quarantined",] == 2
    assert found["crm_sync_well",] == 0
    assert found["crm_sync_state_open",] == 1
    assert found["crm_sync_reachable", "salesforce"] == 1
    assert found["crm_sync_state_bytes",] > 1000
    assert ("crm_sync_lag_seconds", "abmatic") in found
    assert ("crm_sync_calls_left", "salesforce") in found


def test_counters_count_every_run_once():
    """Counters begin at nothing, count a run when it has ended, and never go back when old runs are forgotten."""
    tally = Tally()
    tally.take([run("1", updated=5)])
    tally.take([run("2", created=2, updated=1, failed=1, read=9, calls=4), run("1", updated=5)])
    tally.take([run("3", seconds=None), run("2"), run("1")])
    tally.take([run("3", updated=1), run("2")])
    tally.take([run("3", updated=1)])
    found = samples(tally.families())
    assert found["crm_sync_runs_total", "sync", "ok"] == 2
    assert found["crm_sync_operations_total", "abmatic", "created"] == 2
    assert found["crm_sync_operations_total", "abmatic", "updated"] == 2
    assert found["crm_sync_operations_total", "abmatic", "failed"] == 1
    assert found["crm_sync_rows_read_total", "abmatic"] == 9
    assert found["crm_sync_calls_total", "abmatic"] == 4


def every_metric(stage):
    return {
        s.name
        for family in text_string_to_metric_families(Metrics(StillDesk(*stage.both)).text().decode())
        for s in family.samples
    } | {f"crm_sync_{name}_total" for name in ("runs", "operations", "rows_read", "calls")}


def test_every_metric_is_explained_and_no_other(stage):
    """docs/dashboard.md has a row for each metric, and each row is a metric."""
    rows = re.findall(r"^\| `(crm_sync_\w+)", (ROOT / "docs" / "dashboard.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(every_metric(stage) | {"crm_sync_opt_out_seconds"})


@pytest.mark.parametrize("file", ["alerts.yml", "grafana.json"])
def test_what_monitoring_asks_for_exists(stage, file):
    """The alert rules and the Grafana dashboard ask only for metrics that there are."""
    asked = set(re.findall(r"crm_sync_\w+", (ROOT / "docs" / "monitoring" / file).read_text()))
    assert asked
    assert asked <= every_metric(stage) | {"crm_sync_opt_out_seconds"}


def test_every_alert_says_what_to_do():
    """Each rule has a summary, what to do, a severity, and a row in docs/dashboard.md."""
    rules = yaml.safe_load((ROOT / "docs" / "monitoring" / "alerts.yml").read_text())["groups"][0]["rules"]
    text = (ROOT / "docs" / "dashboard.md").read_text()
    assert len(rules) >= 12
    for rule in rules:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["do"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert f"| `{rule['alert']}`" in text


class Polling(StillDesk):
    """A service that has been up for a day and should poll every minute."""

    def facts(self):
        return {**super().facts(), "started_at": "2026-01-01T00:00:00Z", "next_poll_at": "2026-01-01T00:01:00Z"}


def test_a_service_that_stopped_running_is_not_ready(stage):
    """Ready while runs happen; not ready when none has for three polls and ten minutes, unless one is under way."""
    desk = Polling(*stage.both)
    now = datetime.now(UTC)
    assert reasons(desk, now) == []
    assert reasons(desk, now + timedelta(minutes=20)) == ["there was no run for too long"]
    assert reasons(StillDesk(*stage.both), now + timedelta(days=1)) == []


def test_health_is_asked_while_the_state_is_away(stage, tmp_path):
    """The process is alive whatever happens to the state."""
    with stage.served() as url, httpx.Client(base_url=url, trust_env=False) as web:
        assert web.get("/healthz").text == "ok\n"
        assert web.get("/readyz").json() == {"ready": True, "why": []}
