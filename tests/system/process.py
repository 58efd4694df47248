"""The program and the sandbox as processes: a workspace in a folder, commands with their cost, people's edits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEY = "sandbox"
ADDRESSES = {
    "abmatic": ("base_url", ("api_key",)),
    "salesforce": ("login_url", ("client_id", "client_secret")),
    "conversion": ("base_url", ("api_key",)),
    "activecampaign": ("base_url", ("api_key",)),
    "letrics": ("base_url", ("api_key",)),
}
BOTH = ("abmatic", "salesforce")
QUICK = """requests_per_minute = 600000
horizon = "1s"
verify_delays = ["0.1s", "0.2s", "0.4s"]
retries = 2
"""


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code, what it said, and what it cost (MB are of the whole process tree)."""

    code: int
    out: str
    err: str
    seconds: float
    cpu_s: float
    peak_mb: float

    def json(self) -> Any:
        return json.loads(self.out)


class Vendors:
    """The control plane of a sandbox."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = dict(urls)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.urls['control']}/_control/{path}", data, headers, method=method)
        try:
            with self._opener.open(request, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error

    def dump(self, system: str, name: str) -> list[dict[str, Any]]:
        """Rows that are not deleted."""
        return [row for row in self.call("GET", f"dump?system={system}")[name] if not row["_deleted"]]

    def set(self, system: str, name: str, row: str, values: Mapping[str, Any], at: str | None = None) -> None:
        body = {"system": system, "object": name, "id": row, "set": dict(values)}
        self.call("POST", "edit", body | ({"at": at} if at else {}))

    def create(self, system: str, name: str, values: Mapping[str, Any], at: str | None = None) -> str:
        body = {"system": system, "object": name, "create": dict(values)} | ({"at": at} if at else {})
        return str(self.call("POST", "edit", body)["id"])

    def load(self, system: str, name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        ids: list[str] = []
        for start in range(0, len(rows), 5000):
            body = {"system": system, "object": name, "records": list(rows[start : start + 5000])}
            ids += self.call("POST", "load", body)["ids"]
        return ids

    def fault(self, system: str, kind: str, **more: Any) -> None:
        self.call("POST", "faults", {"system": system, "kind": kind, **more})

    def calm(self) -> None:
        self.call("DELETE", "faults")

    def forget_calls(self) -> None:
        self.call("DELETE", "calls")

    def routes(self) -> dict[str, dict[str, int]]:
        """Calls by system and route since `forget_calls`, log-ins apart."""
        return {name: seen["by_route"] for name, seen in self.call("GET", "calls").items() if seen["by_route"]}

    def totals(self) -> dict[str, int]:
        return {name: seen["total"] for name, seen in self.call("GET", "calls").items()}

    def asked(self) -> list[tuple[str, str, str]]:
        """The requests since `forget_calls`: system, method, path."""
        log = self.call("GET", "calls?log=true")
        return [(name, call["method"], call["path"]) for name, seen in log.items() for call in seen["log"]]

    def writes(self) -> dict[str, int]:
        """Write requests by system since `forget_calls`."""
        log = self.call("GET", "calls?log=true")
        return {name: sum(call["write"] for call in seen["log"]) for name, seen in log.items()}


@contextmanager
def vendors(*options: str) -> Iterator[Vendors]:
    """A sandbox in a process of its own, empty unless `options` fill it."""
    command = [
        sys.executable,
        "-m",
        "sync",
        "sandbox",
        "--port",
        "0",
        *(options or ("--accounts", "0", "--contacts", "0")),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Vendors(json.loads(process.stdout.readline()))
        finally:
            process.terminate()


class Workspace:
    """A folder with a configuration and mappings, and the program run in it."""

    def __init__(
        self,
        folder: Path,
        urls: Mapping[str, str],
        *,
        systems: Sequence[str] = BOTH,
        mappings: Path = ROOT / "mappings",
        extra: Mapping[str, str] | None = None,
        tail: str = "",
    ) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        tables = ['workspace = "test"', f"mappings = {json.dumps(str(mappings))}", ""]
        for system in systems:
            address, secrets = ADDRESSES[system]
            tables += [f"[systems.{system}]", f"{address} = {json.dumps(urls[system])}"]
            tables += [f'{secret} = "env:CRM_SYNC_TEST_KEY"' for secret in secrets]
            tables += [
                QUICK,
                *(["daily_call_share = 1.0"] if system == "salesforce" else []),
                (extra or {}).get(system, ""),
            ]
        (folder / "config.toml").write_text("\n".join([*tables, tail, ""]), encoding="utf-8")

    def start(self, *arguments: str, key: str = KEY, profile: Path | None = None) -> subprocess.Popen[str]:
        words = ["-m", "cProfile", "-o", str(profile)] if profile else []
        return subprocess.Popen(
            [sys.executable, *words, "-m", "sync", *arguments, "--config", str(self.folder / "config.toml")],
            cwd=ROOT,
            env={**os.environ, "CRM_SYNC_TEST_KEY": key, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, key: str = KEY, profile: Path | None = None) -> Done:
        started = time.perf_counter()
        return watched(self.start(*arguments, key=key, profile=profile), started)

    def report(self, *arguments: str, code: int | None = None) -> Any:
        """The JSON of a command; without `code` 0 or 3 is expected."""
        done = self.run(*arguments, "--json")
        assert done.code in ((0, 3) if code is None else (code,)), (
            f"{arguments}: {done.code}\n{done.err}\n{done.out[:4000]}"
        )
        return done.json()


def watched(process: subprocess.Popen[str], started: float | None = None) -> Done:
    """Waits for a process; its peak memory is sampled, because what the kernel tells at its end includes its parent's."""
    started = time.perf_counter() if started is None else started
    peaks: dict[int, float] = {}
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.05):
            for pid in _tree(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), _peak_mb(pid))

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=lambda pipe, into: into.append(pipe.read()), args=pair, daemon=True)
        for pair in ((process.stdout, out), (process.stderr, err))
    ]
    for reader in readers:
        reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    over.set()
    for thread in (*readers, watcher):
        thread.join()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    cpu = usage.ru_utime + usage.ru_stime
    return Done(process.returncode, "".join(out), "".join(err), seconds, cpu, sum(peaks.values()))


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return []
    return [pid, *(deep for child in children for deep in _tree(int(child)))]


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)
