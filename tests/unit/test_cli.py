"""The command line: options, words and exit codes. The runner is a stand-in; the configuration and mappings are real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from sync import redaction
from sync.cli import app, backend, demo, exits, inbox, keep, look, plan, privacy, work, workspace
from sync.cli import check as check_module
from sync.cli.options import Settings
from sync.cli.registry import COMMANDS
from sync.errors import (
    AuthError,
    DriftError,
    GuardError,
    LockedError,
    QuotaError,
    StateError,
    SyncError,
    TenantError,
    UnreachableError,
    UsageError,
)
from sync.model.report import Counts, Failure, LimitHit, RunReport

CONFIG = """
[systems.abmatic]
base_url = "https://api.abmatic.ai/v1"
api_key = "env:KEY"

[systems.salesforce]
login_url = "https://acme.my.salesforce.com"
client_id = "env:KEY"
client_secret = "env:KEY"
"""
MAPPING = """
entity = "contact"

[match]
keys = ["email"]

[systems.abmatic]
object = "contacts"
create = true

[systems.salesforce]
object = "Contact"
external_id = "CRM_Sync_Id__c"
create = true

[fields.email]
type = "email"
required = true
abmatic = "email"
salesforce = "Email"

[fields.last_name]
type = "string"
required = true
abmatic = "last_name"
salesforce = "LastName"
"""
REPORT = RunReport(
    run="01J8",
    full=False,
    seconds=1.5,
    systems={"abmatic": Counts(read=3), "salesforce": Counts(updated=1)},
    operations=[
        {
            "entity": "contact", "record": "r1", "key": "ada@x.example", "system": "salesforce", "op": "update", "id": "003",
            "status": "settled", "reason": "changed in abmatic",
            "changes": [{"field": "title", "native": "Title", "before": "a", "after": "b", "from": "abmatic", "rule": "prefer"}],
        }
    ],
    digest="d1",
)  # fmt: skip
ROWS = {
    "status": {
        "well": True,
        "why": [],
        "systems": {"abmatic": {"reachable": True}},
        "conflicts": 0,
        "quarantined": 0,
        "last_run": None,
    },
    "runs": [{"run": "01J8", "status": "ok", "started_at": None, "seconds": 1, "systems": {}}],
    "run": REPORT.to_json(),
    "explain": {"entity": "contact", "record": "r1", "key": "ada@x.example", "ids": {}, "fields": {}},
    "conflicts": [],
    "quarantine": [],
    "drop": {"id": "q1"},
    "verify": {"agreed": 3, "explained": [], "unexplained": []},
    "check": {"well": True, "findings": [{"system": "abmatic", "what": "credentials", "well": True}]},
    "consent": {"email": "a@x.example", "mailable": False, "why": "opted out", "systems": {}, "ledger": []},
    "grant": {"email": "a@x.example", "mailable": True, "why": "granted", "systems": {}, "ledger": []},
    "backup": {"file": "x", "bytes": 10, "records": 1},
    "forget": {"erased": 1, "systems": {}},
}


class Runner:
    """Answers every call with a ready-made row or report, or raises; remembers what it was asked."""

    def __init__(self):
        self.calls = []
        self.answers = dict(ROWS)

    def __getattr__(self, name):
        def call(*positional, **named):
            self.calls.append((name, positional[2:], {k: v for k, v in named.items() if k != "progress"}))
            answer = self.answers.get(name, REPORT)
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workspace as the current folder."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "mappings" / "contacts.toml").write_text(MAPPING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEY", "canary-of-a-key")
    monkeypatch.delenv("CRM_SYNC_CONFIG", raising=False)
    yield tmp_path
    redaction.forget_hidden()


@pytest.fixture
def runner(monkeypatch):
    """The stand-in for the runner."""
    stand_in = Runner()
    for module in (check_module, inbox, keep, look, plan, privacy, work):
        monkeypatch.setattr(module, "runner", lambda: stand_in)
    return stand_in


@pytest.fixture
def crm(capsys, folder):
    """Runs one command line; answers exit code, stdout, stderr."""

    def run(*arguments):
        code = app.run([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


EVERY = [
    ["check"], ["plan"], ["sync"], ["backfill"], ["apply", "01J8"], ["status"], ["runs"], ["runs", "01J8"], ["explain", "contact", "a@x.example"],
    ["verify"], ["conflicts"], ["conflicts", "resolve", "c1", "--take", "abmatic"], ["quarantine"], ["quarantine", "retry"],
    ["quarantine", "drop", "q1"], ["undo", "01J8"], ["consent", "show", "a@x.example"],
    ["consent", "grant", "a@x.example", "--evidence", "form 7"], ["forget", "a@x.example"], ["backup", "copy.db"], ["config", "show"], ["version"],
    ["check", "--offline"],
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_answers_people_and_programs(crm, runner, words):
    """Every command prints words for people and, with --json before or after its name, one JSON document; both on stdout."""
    code, out, err = crm(*words)
    assert (code, bool(out.strip()), err) == (0, True, "")
    code, first, _ = crm("--json", *words)
    assert code == 0
    code, second, _ = crm(*words, "--json", "--config", "config.toml", "-v", "--no-color")
    assert json.loads(first) == json.loads(second)
    assert "canary" not in out + first + second


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_without_a_config(crm, folder, name):
    """`COMMAND --help` works in an empty folder and names the command."""
    (folder / "config.toml").unlink()
    code, out, _ = crm(name, "--help")
    assert code == 0
    assert f"crm-sync {name}" in out


@pytest.mark.parametrize("words", [
    ["no-such-command"], ["snyc"], ["sync", "--no-such-flag"], ["sync", "no_such_entity"], ["undo"], ["explain", "contact"], ["conflicts", "resolve"],
    ["conflicts", "resolve", "c1", "--take", "hubspot"], ["backfill", "--since", "yesterdayish"], ["backfill", "--from", "hubspot"],
    ["sandbox", "--port", "many"], ["forget"], ["forget", "nobody"], ["apply"], ["apply", "absent.json"], ["apply", ""], ["apply", "mappings"], ["consent"], ["consent", "grant", "a@x.example"],
    ["--config", "absent.toml", "sync"], ["plan", "--out", "no/such/folder/plan.json"], [],
])  # fmt: skip
def test_a_wrong_command_line_is_exit_2_with_a_hint(crm, runner, words):
    """A mistake on the command line is named on stderr with a hint, and the runner is not asked (but for a plan to keep)."""
    code, _, err = crm(*words)
    assert code == 2
    assert "Traceback" not in err
    assert err.strip() or not words
    assert [name for name, *_ in runner.calls] in ([], ["plan"])


@pytest.mark.parametrize("words", [[], ["config"], ["consent"]], ids=" ".join)
def test_a_command_line_that_only_begins_is_answered_with_the_help(crm, words):
    """`crm-sync` alone shows what there is, as text of many lines, on stderr; the exit code is that of a usage mistake."""
    code, out, err = crm(*words)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: crm-sync")
    assert len(err.splitlines()) > 5
    assert "\\n" not in err


def test_a_misspelt_command_gets_a_suggestion(crm):
    """`snyc` is answered with `sync`."""
    assert "Did you mean 'sync'?" in crm("snyc")[2]


def test_options_reach_the_runner(crm, runner):
    """What is typed is what the runner is asked for."""
    crm("sync", "contact", "--full", "--init")
    crm("sync", "--dry-run")
    crm("backfill", "--from", "salesforce", "--since", "2026-11-20")
    crm("undo", "01J8", "--record", "a@x.example", "--field", "title")
    crm("quarantine", "retry", "q1", "q2")
    assert runner.calls == [
        ("sync", (("contact",),), {"full": True, "init": True}),
        ("plan", ((),), {"full": False}),
        ("backfill", ((),), {"source": "salesforce", "since": datetime(2026, 11, 20, tzinfo=UTC), "init": False}),
        ("undo", ("01J8",), {"record": "a@x.example", "field": "title"}),
        ("retry", (("q1", "q2"),), {}),
    ]


@pytest.mark.parametrize(("change", "code"), [
    ({}, 0),
    ({"in_doubt": 1}, 3),
    ({"failures": [Failure("abmatic", "refused")], "in_doubt": 1}, 5),
    ({"limits_hit": [LimitHit("abmatic", "max_updates", 9, 1)], "failures": [Failure("abmatic", "refused")]}, 4),
])  # fmt: skip
def test_the_exit_code_of_a_run_is_its_reports(crm, runner, change, code):
    """4 before 5 before 3, else 0; the same with and without --json."""
    runner.answers["sync"] = RunReport(**{"run": "r", "full": False, "seconds": 1, "systems": {}} | change)
    assert crm("sync")[0] == code
    assert crm("sync", "--json")[0] == code


@pytest.mark.parametrize(("command", "answer", "code"), [
    (["status"], ROWS["status"] | {"well": False, "why": ["x"]}, 3),
    (["status"], ROWS["status"] | {"well": False, "why": ["x"], "systems": {"abmatic": {"reachable": False}}}, 5),
    (["check"], ROWS["check"] | {"well": False, "drift": True}, 2),
    (["check"], ROWS["check"] | {"well": False, "unreachable": ["abmatic"]}, 5),
    (["check"], ROWS["check"] | {"well": False}, 3),
    (["verify"], ROWS["verify"] | {"unexplained": [{"field": "f", "values": {}}]}, 3),
    (["verify"], ROWS["verify"] | {"failures": [{"system": "abmatic", "message": "x"}]}, 5),
])  # fmt: skip
def test_looking_commands_are_0_only_if_all_is_well(crm, runner, command, answer, code):
    """`status`, `check` and `verify` say with their exit code that something is wrong, and what kind of thing."""
    runner.answers[command[0]] = answer
    assert crm(*command)[0] == code


@pytest.mark.parametrize(("error", "code"), [
    (UsageError("no run r"), 2), (LockedError("held by 12"), 6), (GuardError("too many"), 4), (DriftError("gone"), 2), (StateError("old"), 2),
    (AuthError("refused", system="abmatic"), 5), (TenantError("other"), 5), (QuotaError("spent"), 5), (UnreachableError("down"), 5),
    (SyncError("unknown"), 1), (KeyboardInterrupt(), 130), (click.Abort(), 130), (ZeroDivisionError(), 1),
])  # fmt: skip
def test_each_kind_of_error_has_its_code_and_words(crm, runner, error, code):
    """Every error of ours ends with its exit code, words on stderr, and no traceback."""
    runner.answers["status"] = error
    found, out, err = crm("status")
    assert (found, out) == (code, "")
    assert err.strip()
    assert "Traceback" not in err


def test_a_bug_leaves_a_report_without_values(crm, runner, folder):
    """An unexpected error is exit 1 and a private report that names places and types, and holds no message, argument or secret."""
    runner.answers["explain"] = ValueError("the value canary-value of ada@x.example, key canary-of-a-key")
    code, _, err = crm("explain", "contact", "ada@x.example")
    report = next(folder.glob("crm-sync-report-*.txt"))
    text = report.read_text()
    assert code == 1
    assert report.name in err
    assert "builtins.ValueError" in text
    assert "command explain … …" in text
    assert re.search(r"look\.py:\d+ in explain", text)
    assert "canary" not in text + err
    assert "ada@" not in text + err
    assert report.stat().st_mode & 0o077 == 0


def test_errors_carry_no_secret_and_no_address(crm, runner):
    """The words of an error are masked and escaped like the log."""
    runner.answers["status"] = AuthError(
        "key canary-of-a-key of ada@x.example\x1b[2J refused", remedy="Renew\x07 it.", system="abmatic"
    )
    _, _, err = crm("status")
    assert err == "abmatic: key *** of [e-mail]\\x1b[2J refused\n    Renew\\x07 it.\n"


def test_mistakes_in_config_and_mappings_are_reported_together(crm, folder):
    """Both files' mistakes stand in one answer, with file, line and remedy; nothing is contacted."""
    (folder / "config.toml").write_text(CONFIG + "[safety]\nmax_create = 5\n")
    (folder / "mappings" / "contacts.toml").write_text(MAPPING.replace('type = "email"', 'type = "emial"'))
    code, _, err = crm("check", "--offline")
    assert code == 2
    assert err.startswith("2 problems; nothing was contacted.")
    line = MAPPING.splitlines().index('type = "email"') + 1
    for word in ("config.toml:11", "max_creates", f"contacts.toml:{line}", "emial"):
        assert word in err


@pytest.mark.parametrize(
    ("said", "code"), [({"salesforce": "deleted"}, 0), ({"salesforce": "deleted", "abmatic": "cannot delete: …"}, 3),
                       ({"salesforce": "not deleted: answered 503"}, 3), ({}, 0)],
)  # fmt: skip
def test_a_person_who_is_left_in_a_system_is_no_success(crm, runner, said, code):
    """`forget --remote` is 0 only where nothing is left to do by hand, and says when it knew of no row."""
    runner.answers["forget"] = {"erased": 1, "systems": said}
    assert (found := crm("forget", "a@x.example", "--remote"))[0] == code
    assert ("nothing was deleted" in found[1]) is not bool(said)


def test_an_undo_that_is_only_tried_does_not_say_that_it_is_done(crm, runner):
    """`undo --dry-run` begins with what would be written; what would be left alone is not counted."""
    rows = REPORT.to_json()["operations"]
    runner.answers["try_undo"] = replace(
        REPORT, operations=[{**row, "status": status} for row in rows for status in ("planned", "skipped")]
    )
    _, out, _ = crm("undo", "01J8", "--dry-run")
    assert out.startswith("1 write planned; nothing has been written.")
    runner.answers["try_undo"] = replace(REPORT, operations=[{**row, "status": "skipped"} for row in rows])
    assert crm("undo", "01J8", "--dry-run")[1].startswith("Nothing would be written.")


def test_a_plan_is_kept_and_applied(crm, runner, folder):
    """`plan --out` writes the whole plan, readable by its owner only; `apply` hands exactly that to the runner."""
    crm("plan", "--out", "plan.json")
    kept = folder / "plan.json"
    assert json.loads(kept.read_text()) == json.loads(json.dumps(REPORT.to_json()))
    assert kept.stat().st_mode & 0o077 == 0
    crm("apply", "plan.json")
    assert runner.calls[-1][0] == "apply_plan"
    assert runner.calls[-1][1][0]["digest"] == "d1"
    crm("apply", "01J8")
    assert runner.calls[-1][0] == "apply_run"


@pytest.mark.parametrize("damage", ["not json", "{}", '{"operations": 7}', "", "[]", '{"operations": []}'])
def test_a_damaged_plan_is_refused(crm, runner, folder, damage):
    """A file that is no whole plan is a usage error, and nothing is done."""
    (folder / "plan.json").write_text(damage)
    code, _, err = crm("apply", "plan.json")
    assert code == 2
    assert "plan.json is no plan" in err
    assert not runner.calls


def test_init_writes_what_check_accepts(crm, folder, monkeypatch):
    """`init` writes a workspace in which only secrets are missing, and never overwrites one."""
    code, out, _ = crm("init", "fresh")
    assert code == 0
    assert "crm-sync check --offline" in out
    fresh = folder / "fresh"
    for name in re.findall(r'"env:([A-Z_]+)"', (fresh / "config.toml").read_text()):
        monkeypatch.setenv(name, "value-of-a-secret")
    assert crm("--config", fresh / "config.toml", "check", "--offline")[0] == 0
    (fresh / "config.toml").write_text("mine")
    assert crm("init", "fresh")[0] == 2
    assert (fresh / "config.toml").read_text() == "mine"


def test_unset_secrets_are_named_not_guessed(crm, monkeypatch):
    """A missing environment variable is named, once for each place that needs it."""
    monkeypatch.delenv("KEY")
    code, _, err = crm("sync")
    assert code == 2
    assert err.count("environment variable KEY is not set") == 3


LOOKS = [
    ["status"], ["runs"], ["runs", "01J8"], ["explain", "contact", "a@x.example"], ["conflicts"], ["quarantine"],
    ["consent", "show", "a@x.example"], ["backup", "copy.db"],
]  # fmt: skip


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_what_only_looks_needs_no_secret(crm, runner, monkeypatch, words):
    """At a shell without the service's secrets everything that contacts no system answers as ever."""
    monkeypatch.delenv("KEY")
    assert crm(*words)[0] == 0


def test_a_secret_that_was_spared_is_missed_by_whoever_needs_it(folder, monkeypatch):
    """A spared secret opens nothing: to reveal it is refused with the reason of before, and it is shown as its reference."""
    monkeypatch.delenv("KEY")
    config = workspace.read_workspace(Settings(config=folder / "config.toml"), spares=True).config
    secret = config.systems["abmatic"].api_key
    assert not secret.known
    assert str(secret) == "***"
    with pytest.raises(UsageError, match="environment variable KEY is not set"):
        secret.reveal()


def test_output_is_plain_when_piped(crm, runner):
    """Without a terminal there is no colour, no box, no wrapped line."""
    _, out, _ = crm("sync")
    assert "\x1b" not in out
    assert "─" not in out


def test_a_closed_pipe_is_no_error():
    """`crm-sync version | head -0` ends without words."""
    run = subprocess.run(
        f"{sys.executable} -m sync --help | head -c 0",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.stderr == ""


def test_a_reader_who_has_left_is_told_by_the_exit_code():
    """Every line that cannot be written any more ends the command with 141, as shells have it: not with 1, which is a bug of ours."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "sync", "version"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (exits.PIPE_CLOSED, "")


def test_the_demo_tells_its_story_against_a_real_sandbox(crm, runner, monkeypatch):
    """The demo starts a sandbox, edits behind the API, goes through every chapter in order, and ends with the verdict of `verify`."""
    monkeypatch.setattr(demo, "runner", lambda: runner)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    code, out, err = crm("demo", "--contacts", "12", "--accounts", "3")
    assert (code, err) == (0, "")
    assert [name for name, *_ in runner.calls] == ["backfill", "sync", "plan", "sync", "explain", "undo", "verify"]
    name, (run,), options = runner.calls[5]
    assert (name, run, options["field"]) == ("undo", "01J8", "title") and "@" in options["record"]
    found = re.search(r"salesforce +the title of (\S+@\S+) becomes 'Chief Example Officer'", out)
    assert found and found[1] == options["record"]
    assert "NO" in out or "✗" in out, "nobody synced, so nothing arrived, and the table says so"
    runner.answers["verify"] = ROWS["verify"] | {"unexplained": [{"field": "f", "values": {}}]}
    code, out, _ = crm("demo", "--json", "--contacts", "12", "--accounts", "3")
    assert (code, list(json.loads(out))) == (3, ["backfill", "plan", "sync", "arrived", "explain", "undo", "verify"])


def test_the_runner_has_every_function_that_is_asked_of_it():
    """`sync.runner.api` offers each method of the seam, with the same parameters."""
    import inspect

    api = backend.runner()
    for name, wanted in vars(backend.Runner).items():
        if not name.startswith("_"):
            offered = inspect.signature(getattr(api, name)).parameters
            assert list(offered) == [p for p in inspect.signature(wanted).parameters if p != "self"], name


def test_codes_are_the_published_ones():
    """The exit codes are those of the contract."""
    assert (exits.BUG, exits.REFUSED, exits.PERSON, exits.LIMIT, exits.UNSERVED, exits.LOCKED) == (1, 2, 3, 4, 5, 6)


def test_version_and_state_agree_on_the_journal_mode():
    """What `version` says of SQLite's journal is what the state does (it does not import the database to say so)."""
    from sync.state import sqlite

    for version in (
        (3, 40, 1),
        (3, 44, 5),
        (3, 44, 6),
        (3, 45, 0),
        (3, 50, 7),
        (3, 51, 2),
        (3, 51, 3),
        (3, 52, 0),
        (3, 53, 0),
    ):
        assert keep.wal_is_sound(version) is sqlite.wal_is_sound(version)


def mistakes(crm):
    """What `check --offline` refuses; nothing is contacted."""
    code, out, err = crm("check", "--offline")
    assert (code, out) == (2, "")
    return err


def test_mappings_are_checked_before_secrets_are_set(crm, folder, monkeypatch):
    """An unset variable hides no mistake of a mapping: both are told in one answer."""
    monkeypatch.delenv("KEY")
    (folder / "mappings" / "contacts.toml").write_text(MAPPING.replace('type = "email"', 'type = "emial"'))
    err = mistakes(crm)
    assert "KEY" in err and "emial" in err


def test_mappings_are_checked_beside_a_system_of_unknown_kind(crm, folder):
    """A kind that does not exist is one mistake; the mapping of that system is read all the same."""
    (folder / "config.toml").write_text(CONFIG.replace("[systems.abmatic]", '[systems.abmatic]\nkind = "abmatik"'))
    err = mistakes(crm)
    assert err.startswith("1 problem;") and "abmatik" in err
    (folder / "mappings" / "contacts.toml").write_text(MAPPING.replace('type = "email"', 'type = "emial"'))
    assert mistakes(crm).startswith("2 problems;")


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ('[state]\nurl = "postgresql://me@db/x"\n', 11, ("PostgreSQL", "sqlite:///")),
        ('[notify]\nurls = ["env:HOOK"]\n', None, ("notify.urls[0]", "env:HOOK")),
        ('[systems.letrics]\nbase_url = "https://x.example"\napi_key = "env:KEY"\n', None, ("no filter senorities", "Did you mean")),
        ('[systems.activecampaign]\nbase_url = "https://x.example"\napi_key = "env:KEY"\n', None, ("'lisitd'", "Did you mean listid?")),
    ],
    ids=["state", "notify", "letrics", "activecampaign"],
)  # fmt: skip
def test_what_a_run_would_refuse_is_told_offline(crm, folder, monkeypatch, more, line, words):
    """The state's place, the channels of messages, filters that a vendor does not know: file, reason and remedy, without a call."""
    monkeypatch.setenv("HOOK", "nonsense")
    (folder / "config.toml").write_text(CONFIG + more)
    extra = {
        "letrics": '[systems.letrics]\nobject = "contacts"\nmode = "read"\nparams = { senorities = ["VP"] }\n',
        "activecampaign": '[systems.activecampaign]\nobject = "contacts"\nwhere = "lisitd=3"\n',
    }
    added = next((text for name, text in extra.items() if name in more), "")
    (folder / "mappings" / "contacts.toml").write_text(MAPPING.replace("[fields.email]", f"{added}[fields.email]"))
    err = mistakes(crm)
    assert err.startswith("1 problem;") and not [word for word in words if word not in err], err
    assert f"config.toml:{line}" in err if line else True
    if added:
        written = MAPPING[: MAPPING.index("[fields.email]")]
        assert f"contacts.toml:{written.count(chr(10)) + 1}" in err


def test_a_log_in_that_cannot_work_is_told_offline(crm, folder):
    """Client credentials at Salesforce's common log-in host are refused before anything is asked."""
    (folder / "config.toml").write_text(
        CONFIG.replace("https://acme.my.salesforce.com", "https://login.salesforce.com")
    )
    assert "My Domain" in mistakes(crm)


def test_notes_are_shown_offline(crm, folder):
    """What refuses nothing and is worth a look is told, for people and for programs."""
    (folder / "mappings" / "contacts.toml").write_text(MAPPING + '[systems.conversion]\nobject = "contacts"\n')
    code, out, _ = crm("check", "--offline")
    assert code == 0 and "Worth a look:\nmappings/contacts.toml:" in out and "'conversion' is left out" in out
    [note] = json.loads(crm("check", "--offline", "--json")[1])["notes"]
    assert note["line"] and "conversion" in note["message"]
