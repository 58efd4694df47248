"""`crm-sync run` as a process: started, spoken to, reloaded, stopped and killed; readiness is what it tells systemd."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from process import KEY, ROOT, Workspace

WEBHOOK_SECRET = "the-webhook-secret"
OLD_SECRET = "the-one-before"
PATH_SECRET = "a-path-nobody-can-guess-0123456789"
SECRETS = {"WEBHOOK_SECRET": WEBHOOK_SECRET, "OLD_SECRET": OLD_SECRET, "PATH_SECRET": PATH_SECRET, "NOTIFY_URL": ""}
HOOKS = {"abmatic": 'webhook_secret = ["env:WEBHOOK_SECRET", "env:OLD_SECRET"]'}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true, limit_s=30.0, every_s=0.1, what="it"):
    """Waits for something that must become true; what it became."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(every_s)
    raise AssertionError(f"{what} has not become true in {limit_s:.0f} s")


class Place:
    """A folder with a configuration, mappings of its own, and room for a service."""

    def __init__(
        self,
        folder,
        urls,
        *,
        systems=("abmatic", "salesforce"),
        poll="1s",
        extra=None,
        more="",
        server="",
        level="debug",
    ):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.mappings = folder / "mappings"
        shutil.copytree(ROOT / "mappings", self.mappings)
        for file in self.mappings.glob("*.toml"):
            file.chmod(0o644)
        tail = (
            f'[schedule]\npoll = "{poll}"\n[server]\nlisten = "127.0.0.1:{self.port}"\n{server}\n'
            f'[safety]\nmax_creates = 100000\n[logging]\nformat = "json"\nlevel = "{level}"\n{more}'
        )
        self.workspace = Workspace(
            folder,
            urls,
            systems=systems,
            mappings=self.mappings,
            extra=extra if extra is not None else HOOKS,
            tail=tail,
        )

    @property
    def config(self):
        return self.folder / "config.toml"

    def command(self, *arguments, limit_s=90, **env):
        """A command beside the service; exit code, stdout, stderr."""
        line = [sys.executable, "-m", "sync", *arguments, "--config", str(self.config)]
        done = subprocess.run(
            line, cwd=self.folder, env=environment(**env), capture_output=True, text=True, check=False, timeout=limit_s
        )
        return done.returncode, done.stdout, done.stderr


def environment(**more):
    return {**os.environ, **SECRETS, "CRM_SYNC_TEST_KEY": KEY, "NO_COLOR": "1", "PYTHONPATH": str(ROOT), **more}


class Service:
    """A running service. Inside `with` it is ready."""

    def __init__(self, place, **env):
        self.place = place
        self.base = f"http://127.0.0.1:{place.port}"
        self.told = []
        self._env = env
        self._news = threading.Condition()

    def __enter__(self):
        name = str(Path("/tmp") / f"crm-sync-test-{os.getpid()}-{os.urandom(4).hex()}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name)
        threading.Thread(target=self._listen, daemon=True).start()
        self._log = (self.place.folder / "service.log").open("ab")
        self.process = subprocess.Popen(
            self.line(),
            cwd=self.place.folder,
            env=environment(NOTIFY_SOCKET="@" + name, **self._env),
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        try:
            self.hears("READY=1")
        except AssertionError:
            self.stop(signal.SIGKILL)
            raise AssertionError(self.log()) from None
        return self

    def line(self):
        """The command."""
        return [sys.executable, "-m", "sync", "run", "--config", str(self.place.config)]

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def _listen(self):
        while True:
            try:
                message = self._socket.recv(4096).decode()
            except OSError:
                return
            with self._news:
                self.told += message.splitlines()
                self._news.notify_all()

    def hears(self, line, times=1, limit_s=60.0):
        """Waits for what the service tells systemd."""
        with self._news:
            end = time.monotonic() + limit_s
            while self.told.count(line) < times and self.process.poll() is None and time.monotonic() < end:
                self._news.wait(0.5)
            assert self.told.count(line) >= times, f"{line} was not told; {self.told}"

    def stop(self, how=signal.SIGTERM, limit_s=40.0):
        """Sends a signal to it and waits; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(limit_s)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._log.close()
            self._socket.close()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        return (self.place.folder / "service.log").read_text(errors="replace")

    def events(self, name):
        """Lines of the log with that event."""
        rows = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [row for row in rows if row.get("event") == name]

    def get(self, path):
        return httpx.get(self.base + path, trust_env=False, timeout=20)

    def facts(self):
        return self.get("/api/status").json()["service"]

    def idle(self):
        """Waits until it has done a whole run since now."""
        seen = len(self.events("run.finished")) + len(self.events("run.failed"))
        until(lambda: len(self.events("run.finished")) + len(self.events("run.failed")) > seen + 1, what="a run")

    def post(self, path, body, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.base + path, content=body, headers=names, trust_env=False, timeout=20).status_code

    def deliver(self, body, secret=WEBHOOK_SECRET):
        return self.post("/webhooks/abmatic", body, X_Abmatic_Signature=sign(body, secret))


def event(at=None, kind="contact.revealed", **data):
    when = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"event": kind, "timestamp": when, "data": data}).encode()


def sign(body, secret=WEBHOOK_SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
