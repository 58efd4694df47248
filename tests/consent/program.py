"""The program in a history: the real runner, a real state on a file, five real connectors on real sockets; it can be killed anywhere.

Killed: between two requests (before one is sent, or when its answer is there) and before or after a commit. What the process held is gone,
what it had committed or sent stands. Threads of the runner run inline, so that a history is the same each time.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from sync.cli.options import Settings
from sync.cli.workspace import Workspace, read_workspace
from sync.connectors.http.wire import Wire
from sync.connectors.salesforce.session import Session
from sync.engine.guard import Limits
from sync.errors import StateError
from sync.model.remote import Kind, Outcome, Write
from sync.runner import person, wire
from sync.runner.context import Context
from sync.runner.cycle import Order, Ran, run_cycle
from sync.runner.decide import Scope
from sync.runner.report import report
from sync.runner.wire import connect
from sync.sandbox.store import Row
from tests.consent.town import Setting, Town, address_of
from tests.simulation.machine import Crash, Faults, KillableStore, serial

ROOT = Path(__file__).parents[2]
FREE = Limits(None, None, None, None, None)
HORIZON_S = 300.0
QUICK = f'horizon = "{HORIZON_S:.0f}s"\nretries = 2\n'
SECRETS = {"KEY": "sandbox"}
_builders = functools.cache(wire._builders)
_certificates = functools.cache(lambda **_: httpx.create_ssl_context())


@dataclass
class Trouble:
    """What befalls one run.

    ``requests``: number of a request -> "crash" (before it is sent), "crash after", or a person's act before it is sent.
    ``commits``, ``full``: as in `tests.simulation.machine.Faults`. ``faults``: (system, after, kind, more) for the vendors.
    """

    requests: dict[int, object] = field(default_factory=dict)
    commits: frozenset[int] = frozenset()
    full: frozenset[int] = frozenset()
    faults: tuple[tuple[str, int, str, dict[str, Any]], ...] = ()
    met: Counter[str] = field(default_factory=Counter)
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """One run, or a killed one (``ran`` None). ``unread``: systems of which not everything could be read."""

    ran: Ran | None
    refusals: int
    unread: frozenset[str] = frozenset()


class Program:
    """Runs of the program over one town and one state."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.url = f"sqlite:///{folder / 'state.db'}"
        self.workspace = workspace(town.setting, tuple(sorted(town.sandbox.urls.items())), folder)

    def run(self, trouble: Trouble, *, full: bool = False, grant: str | None = None) -> Done:
        """One run in a process of its own; `grant` lifts the opt-out of an address, on the person's word."""
        faults = Faults(commits=trouble.commits, full=trouble.full)
        store = self.open(faults)
        context = self._context(store)
        for system, after, kind, more in trouble.faults:
            self.town.arm(system, after, kind, **more)
        ran = None
        try:
            with serial(), self._wires(trouble):
                ran = run_cycle(context, self._order(full, grant, context))
                report(context, ran)
            store.close()
        except (Crash, StateError):
            ran = None
            store._connection.close()  # as the kernel would: what was not committed is gone
            store._connection.engine.dispose()
        finally:
            trouble.met.update(faults.met)
            trouble.met["faults of vendors"] += len(trouble.faults) - self.town.disarm()
            for system in context.systems.values():
                system.connector.close()
        refusals = sum(system.connector.usage().gate_refusals for system in context.systems.values())
        return Done(ran, refusals, self._unread(context, full=full, pulled=grant is None))

    def tempt(self, rows: dict[str, tuple[str, Row]]) -> dict[str, bool]:
        """Hands each connector a payload that opts one of these rows in, as no merge ever would; whether it refused."""
        store = self.open(Faults())
        context = self._context(store)
        refused = {}
        for name, (kind, row) in rows.items():
            connector, address = context.systems[name].connector, address_of(row)
            remote_id = address if name == "conversion" else str(row.get("id") or row.get("Id"))
            write = Write(1, Kind.SUBSCRIBE, kind, remote_id, "con_1", self.town.opt_in(name), address=address)
            [receipt] = connector.push([write])
            refused[name] = receipt.outcome is Outcome.REJECTED and connector.usage().gate_refusals == 1
        for system in context.systems.values():
            system.connector.close()
        store.close()
        return refused

    def open(self, faults: Faults) -> KillableStore:
        KillableStore.faults = Faults()
        store = KillableStore.open(self.url, clock=self.town.clock)
        store._connection.exec_driver_sql("PRAGMA synchronous=OFF")  # no power is cut in a history
        store.faults = faults
        return store

    def _context(self, store: KillableStore) -> Context:
        config, mappings = self.workspace.config, self.workspace.mappings
        with ExitStack() as stack:  # read from the disk once, not with each run: most of a run's time
            stack.enter_context(mock.patch.object(wire, "_builders", _builders))
            stack.enter_context(mock.patch("httpx._transports.default.create_ssl_context", _certificates))
            systems = connect(config, self.town.clock, store)
        return Context(store, mappings, systems, self.town.clock, FREE)

    def _order(self, full: bool, grant: str | None, context: Context) -> Order:
        if grant is None:
            return Order("sync", full=full)
        records = frozenset(r.id for r in context.store.load_ids(context.store.find("contact", grant)))

        def before(inner: Context, run: str) -> None:
            person.grant(inner, grant, "said so", run)

        return Order("grant", pulls=False, scope=Scope(records=records), before_rounds=before)

    def _unread(self, context: Context, *, full: bool, pulled: bool) -> frozenset[str]:
        """Conversion, which cannot be listed, is looked through in full runs only."""
        if not pulled:
            return frozenset(context.systems)
        return frozenset({*context.failed, *(name for _, name in context.blind), *(() if full else ("conversion",))})

    @contextmanager
    def _wires(self, trouble: Trouble) -> Iterator[None]:
        """Under every request of every connector: what befalls it."""
        with ExitStack() as stack:
            for owner, name in ((Wire, "send"), (Session, "_attempt")):
                stack.enter_context(mock.patch.object(owner, name, self._befallen(getattr(owner, name), trouble)))
            yield

    def _befallen(self, send: Callable[..., Any], trouble: Trouble) -> Callable[..., Any]:
        @functools.wraps(send)
        def sent(*args: Any) -> Any:
            trouble.sent += 1
            what = trouble.requests.get(trouble.sent)
            if what is not None:
                trouble.met[what if isinstance(what, str) else "person"] += 1
            if what == "crash":
                raise Crash
            if isinstance(what, tuple):
                self.town.act(*what)
            answer = send(*args)
            if what == "crash after":
                raise Crash
            return answer

        return sent


def workspace(setting: Setting, urls: tuple[tuple[str, str], ...], folder: Path) -> Workspace:
    """The shipped mappings of people and companies, with a consent column for Abmatic, and what the setting says."""
    (folder / "mappings").mkdir()
    (folder / "mappings" / "accounts.toml").write_text((ROOT / "mappings" / "accounts.toml").read_text())
    (folder / "mappings" / "contacts.toml").write_text(contacts(setting))
    (folder / "config.toml").write_text(config(setting, dict(urls)))
    return read_workspace(Settings(config=folder / "config.toml"), SECRETS)


def contacts(setting: Setting) -> str:
    text = (ROOT / "mappings" / "contacts.toml").read_text()
    column = {"flag": '{ field = "opted_out", lens = "opt_out_flag" }', "word": '{ field = "email_status", values = { subscribed = "SUBSCRIBED", unsubscribed = "UNSUBSCRIBED" }EAGER }'}[setting.abmatic]  # fmt: skip
    eager = ", subscribe = true" if setting.eager else ""
    changes = [
        (
            'type           = "consent"\n',
            f'type           = "consent"\nabmatic        = {column.replace("EAGER", eager)}\n',
        )
    ]
    if setting.leads:
        changes.append(('object      = "Contact"', 'object      = ["Contact", "Lead"]'))
    if setting.eager:
        changes.append(('lens = "list_status" }', 'lens = "list_status", subscribe = true }'))
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def config(setting: Setting, urls: dict[str, str]) -> str:
    threshold = "bulk_threshold = 1\n" if setting.bulk else ""
    key = 'api_key = "env:KEY"\n'
    return f"""mappings = "mappings"
[state]
url = "sqlite:///state.db"
[systems.abmatic]
base_url = "{urls["abmatic"]}"
requests_per_minute = 100000
{key}{QUICK}
[systems.salesforce]
login_url = "{urls["salesforce"]}"
client_id = "env:KEY"
client_secret = "env:KEY"
daily_call_share = 1.0
{threshold}{QUICK}
[systems.conversion]
base_url = "{urls["conversion"]}"
requests_per_second = 1000
{key}{QUICK}
[systems.activecampaign]
base_url = "{urls["activecampaign"]}"
requests_per_second = 1000
{threshold}{key}{QUICK}
[systems.letrics]
base_url = "{urls["letrics"]}"
requests_per_minute = 100000
{key}{QUICK}
"""
