"""Starts the program over and over without paying for its imports: each command is a forked process of its own, killed like any other.

Reads one JSON line per command: {"argv", "commit": N or null}. Answers {"pid"} when it has begun and {"code", "out", "err"} when it has
ended. With ``commit`` the process kills itself before (N > 0) or after (N < 0) its N-th commit; the product has no hook for that, so the
store is patched here.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Zygote:
    """The other side: a process that forks on demand."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, *argv: str, commit: int | None = None) -> int:
        """Begins a command; its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"argv": argv, "commit": commit}) + "\n")
        self._process.stdin.flush()
        return int(self._line()["pid"])

    def end(self) -> tuple[int, str, str]:
        """Waits for the command; exit code (negative: the signal), stdout, stderr."""
        line = self._line()
        return line["code"], line["out"], line["err"]

    def run(self, *argv: str, commit: int | None = None) -> tuple[int, str, str]:
        """A whole command."""
        self.start(*argv, commit=commit)
        return self.end()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _line(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    import sync.cli.app  # the imports that every child shares
    import sync.runner.api
    import sync.runner.wire  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            pid = os.fork()
            if pid == 0:
                _child(asked, out.fileno(), err.fileno())
            print(json.dumps({"pid": pid}), flush=True)
            _, status = os.waitpid(pid, 0)
            out.seek(0)
            err.seek(0)
            code = os.waitstatus_to_exitcode(status)
            print(json.dumps({"code": code, "out": out.read(), "err": err.read()}), flush=True)


def _child(asked: dict[str, Any], out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdin.close()
    if asked["commit"]:
        _die_at_commit(asked["commit"])
    from sync.cli.app import run

    code = 1
    try:
        code = run(asked["argv"])
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_at_commit(number: int) -> None:
    from sync.state.door import Door

    commit, seen = Door._commit, 0

    def counted(store: Door) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        commit(store)
        if seen == -number:
            os.kill(os.getpid(), signal.SIGKILL)

    Door._commit = counted  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
