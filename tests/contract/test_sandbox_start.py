"""The sandbox as a process and inside one: all five vendors, first line, signals, bad arguments."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from sync.sandbox.start import Sandbox

ROOTS = {
    "control": "",
    "abmatic": "/v1",
    "salesforce": "",
    "conversion": "/api/v1",
    "activecampaign": "",
    "letrics": "",
}


def command(*arguments):
    return [sys.executable, "-m", "sync.sandbox", *arguments]


def dumps(urls):
    return httpx.get(urls["control"] + "/_control/dump", trust_env=False, timeout=20).json()


@pytest.fixture
def process():
    asked = command("--port", "0", "--accounts", "3", "--contacts", "5")
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as started:
        yield started
        started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_line_tells_the_urls_and_a_signal_ends_it(process, number):
    """The base URLs are out before anything else, every port answers, and a signal ends the process with 0."""
    urls = json.loads(process.stdout.readline())
    assert {name: url.partition("127.0.0.1:")[2].lstrip("0123456789") for name, url in urls.items()} == ROOTS
    statuses = {httpx.get(url + "/x", trust_env=False, timeout=20).status_code for url in urls.values()}
    assert statuses <= {400, 401, 403, 404}
    assert set(dumps(urls)) == set(ROOTS) - {"control"}
    process.send_signal(number)
    assert process.wait(10) == 0


def test_bad_arguments_end_with_2_and_a_sentence(tmp_path):
    """A taken port or a missing file is one line on stderr and exit 2, without a traceback."""
    with Sandbox(accounts=0, contacts=0) as sandbox:
        port = sandbox.urls["letrics"].rpartition(":")[2]
        taken = subprocess.run(
            command("--port", port, "--empty"), capture_output=True, text=True, timeout=30, check=False
        )
    missing = command("--port", "0", "--load", f"abmatic:accounts={tmp_path / 'no.csv'}")
    absent = subprocess.run(missing, capture_output=True, text=True, timeout=30, check=False)
    for ended, word in ((taken, port), (absent, "no.csv")):
        assert ended.returncode == 2 and ended.stdout == "" and "Traceback" not in ended.stderr
        assert word in ended.stderr


def test_inside_a_process_it_is_filled_loaded_and_unlimited(tmp_path):
    """`Sandbox` holds what was asked and loaded; lifted limits stay lifted after a reset; an empty one keeps its schema."""
    file = tmp_path / "companies.csv"
    file.write_text("Name,Website\nNorthwind,northwind.example\n", encoding="utf-8")
    with Sandbox(accounts=10, contacts=20, overlap=1, loads=[f"salesforce:Account={file}"], limits=False) as sandbox:
        found = dumps(sandbox.urls)
        assert any(row["Name"] == "Northwind" for row in found["salesforce"]["Account"])
        assert all(found[system]["contacts"] for system in ("abmatic", "conversion", "activecampaign", "letrics"))
        httpx.post(sandbox.urls["control"] + "/_control/reset", json={"empty": True}, trust_env=False, timeout=20)
        key = {"authorization": "Bearer sandbox"}
        with httpx.Client(base_url=sandbox.urls["abmatic"], headers=key, trust_env=False) as abmatic:
            assert {abmatic.get("/accounts").status_code for _ in range(120)} == {200}
        empty = dumps(sandbox.urls)
    assert not empty["salesforce"]["Account"] and not empty["abmatic"]["contacts"]
    assert {row["name"] for row in empty["activecampaign"]["lists"]} >= {"Newsletter", "Product Updates", "Events"}
