"""Killed at any instant, the program loses, doubles and reverses nothing: the real process, killed -9, against the sandbox.

`python -m tests.system.test_crash_sweep` kills it around every request and every commit of a run that touches every operation, then
`--random N` times at random moments.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.lives import Lives
from tests.system.process import vendors
from tests.system.relay import WHENS

REQUESTS_MAX = 60
COMMITS_MAX = 120
EMPTY = ("--accounts", "0", "--contacts", "0", "--no-limits")
Point = tuple[str, int]


def points(step: int = 1) -> Iterator[Point]:
    """Every moment of every request, and both sides of every commit."""
    for number in range(1, REQUESTS_MAX, step):
        yield from ((when, number) for when in WHENS)
    for number in range(1, COMMITS_MAX, step):
        yield from (("before commit", number), ("after commit", number))


def killed_at(lives: Lives, point: Point) -> bool:
    """One round: people edit, the program dies at the point, and heals; whether it came that far."""
    when, number = point
    lives.edit()
    if when in WHENS:
        died = lives.killed_at_request(number, when, "sync")
    else:
        died = lives.killed_at_commit(number if when.startswith("before") else -number, "sync")
    time.sleep(1.1)  # the horizon of the workspace: until then a write may still land
    lives.heal()
    return died


def sweep(lives: Lives, step: int = 1) -> tuple[int, list[str]]:
    """All points that a run reaches; how many, and what went wrong."""
    done, wrong, beyond = 0, [], set[str]()
    for point in points(step):
        if point[0] in beyond:
            continue
        if killed_at(lives, point):
            done += 1
        else:
            beyond.add(point[0])
        wrong += [f"{point}: {what}" for what in lives.violations()]
    return done, wrong


def kill_at_random(lives: Lives, times: int, seed: int) -> list[str]:
    """Kills a run at random moments, over and over, with edits in between; what went wrong."""
    dice, wrong = random.Random(seed), list[str]()
    for number in range(times):
        if number % 4 == 0:
            lives.edit()
        pid = lives.zygote.start("sync", *(("--full",) if number % 7 == 0 else ()), "--config", lives.config)
        timer = threading.Timer(dice.uniform(0.05, 0.8), _kill, (pid,))
        timer.start()
        code, _, _ = lives.zygote.end()
        timer.cancel()
        lives.kills += code == -signal.SIGKILL
        wrong += [] if lives.is_sound() else [f"kill {number}: the state is damaged"]
        if number % 8 == 7:
            time.sleep(1.1)
            lives.heal()
            wrong += [f"kill {number}: {what}" for what in lives.violations()]
    time.sleep(1.1)
    lives.heal()
    return wrong + lives.violations()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def lives(tmp_path):
    with vendors(*EMPTY) as sandbox:
        lives = Lives(tmp_path, sandbox)
        try:
            assert lives.command("backfill")[0] == 0
            yield lives
        finally:
            lives.close()


@pytest.mark.law("L9")
@pytest.mark.law("row 78")
@pytest.mark.parametrize("when", [*WHENS, "before commit", "after commit"])
def test_a_killed_run_is_made_good(lives, when):
    """One point of each kind, in the middle of the writes."""
    lives.edit()
    lives.heal()
    assert killed_at(lives, (when, 14))
    assert lives.violations() == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.law("L9")
def test_every_few_points(lives):
    """The slice that CI runs: every ninth request and commit."""
    done, wrong = sweep(lives, 9)
    assert wrong == []
    assert done > 20
    code, out, _ = lives.command("verify")
    assert code == 0, out


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.law("row 90")
def test_a_loop_of_crashes(lives):
    """Killed again and again at random, it still comes to rest."""
    assert kill_at_random(lives, 40, 1) == []
    assert lives.kills > 10


def main() -> int:
    """The whole sweep, by hand."""
    arguments = argparse.ArgumentParser(prog="python -m tests.system.test_crash_sweep", description=__doc__)
    arguments.add_argument("--random", type=int, default=0, help="random kills instead of the sweep")
    arguments.add_argument("--step", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=1)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, vendors(*EMPTY) as sandbox:
        lives = Lives(Path(folder), sandbox)
        lives.command("backfill")
        started = time.monotonic()
        done, wrong = (0, kill_at_random(lives, asked.random, asked.seed)) if asked.random else sweep(lives, asked.step)
        code, out, _ = lives.command("verify")
        lives.close()
    print(f"{done} points, {lives.kills} kills, {len(wrong)} violations, {time.monotonic() - started:.0f} s")
    print(f"verify exits {code}: {out.strip().splitlines()[-1]}")
    print("\n".join(wrong[:20]))
    return int(bool(wrong) or code != 0)


if __name__ == "__main__":
    sys.exit(main())
