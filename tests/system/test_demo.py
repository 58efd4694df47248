"""The demo as a newcomer starts it: one command, five systems, and everything that was done in one arrives in all others."""

import json
import subprocess
import sys

from process import ROOT


def test_every_edit_and_every_opt_out_arrives():
    """What is changed in each system, and each opt-out, stands in all others afterwards; one number and one word wait for a person."""
    command = [sys.executable, "-m", "sync", "demo", "--json", "--contacts", "20", "--accounts", "5"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    titles = {row["system"]: row["in"] for row in told["arrived"] if row["what"] == "title"}
    opt_outs = {row["system"]: row["in"] for row in told["arrived"] if row["what"] == "opt-out"}
    assert set(titles) == {"abmatic", "salesforce", "conversion", "activecampaign", "letrics"}
    assert set(opt_outs) == {"salesforce", "conversion", "activecampaign"}
    for source, systems in titles.items():
        assert systems == {name: "here" if name == source else "arrived" for name in systems}, source
    for source, systems in opt_outs.items():
        kept = {name: fate for name, fate in systems.items() if fate is not None}
        assert kept == {name: "here" if name == source else "arrived" for name in opt_outs}, source
    assert told["verify"]["unexplained"] == []
    [conflict] = told["sync"]["conflicts"]
    assert (conflict["field"], set(conflict["values"])) == ("phone", {"abmatic", "salesforce"})
    assert {row["error"] for row in told["sync"]["quarantined"]} == {"UNMAPPED_VALUE"}
