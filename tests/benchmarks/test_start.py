"""How long the program takes to begin."""

import statistics
import subprocess
import sys
import time

import pytest
from bench import tell
from process import ROOT, watched

pytestmark = [pytest.mark.benchmark]


@pytest.mark.parametrize("words", [("--help",), ("version",), ("check", "--help")], ids=" ".join)
def test_start_up(words):
    """The median of nine whole processes."""
    runs = []
    for _ in range(9):
        started = time.perf_counter()
        command = [sys.executable, "-m", "sync", *words]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        runs.append(watched(process, started))
    tell(f"crm-sync {' '.join(words)}", runs[0])
    print(f"{'median CPU':<44}{1000 * statistics.median(run.cpu_s for run in runs):8.0f} ms")
