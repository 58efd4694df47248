"""The control plane: new data, people's edits, faults, call logs, time, limits, webhooks. JSON in and out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sync.sandbox import bodies
from sync.sandbox.abmatic.webhooks import RETRIES, SECRET, STAMP, Hooks, Sending
from sync.sandbox.arming import fault_of
from sync.sandbox.bodies import Refused
from sync.sandbox.clock import Clock
from sync.sandbox.courier import OK, Courier, connected, deliver
from sync.sandbox.front import LIMITS, Front
from sync.sandbox.generate import generate
from sync.sandbox.vendor import EditRefused, HasSettings
from sync.sandbox.wire import Request, Response, json_response

Action = Callable[["Control", Request], Any]

CHANGES = ("set", "create", "delete", "undelete", "merge_into")
RESET_KEYS = {"seed", "accounts", "contacts", "overlap", "empty"}
SENDING_KEYS = {"url", "secret", "signature", "copies", "retries"}
WEBHOOK_KEYS = SENDING_KEYS | {"event", "data", "timestamp", "delay_s"}
NOT_FOUND, NOT_ALLOWED = 404, 405


class Control:
    """Answers `/_control/…`; changes every vendor under that vendor's own lock."""

    def __init__(self, fronts: Mapping[str, Front], clock: Clock) -> None:
        self.fronts = fronts
        self.clock = clock
        self.courier = Courier()

    def answer(self, request: Request) -> Response:
        """One control-plane call; refusals are 400, 404 or 405 with ``error`` and ``message``."""
        asked = "GET" if request.method == "HEAD" else request.method
        try:
            return json_response(200, self._action(asked, request.path)(self, request))
        except Refused as refused:
            return json_response(refused.status, {"error": "refused", "message": str(refused)})
        except EditRefused as refused:
            return json_response(400, {"error": "refused", "message": str(refused)})

    def _action(self, method: str, path: str) -> Action:
        routes = ROUTES.get(path.rstrip("/") or "/_control")
        if routes is None:
            raise Refused(
                f"no such call: {path}{bodies.did_you_mean(path, ROUTES)}; known are: {', '.join(ROUTES)}", NOT_FOUND
            )
        if method not in routes:
            raise Refused(f"{path} takes {' and '.join(routes)}, not {method}", NOT_ALLOWED)
        return routes[method]

    def front(self, system: Any) -> Front:
        """The vendor of that name; refused with the list of all."""
        if not isinstance(system, str) or system not in self.fronts:
            guess = bodies.did_you_mean(str(system), self.fronts)
            raise Refused(f"unknown system {system!r}{guess}; known are: {', '.join(self.fronts)}", NOT_FOUND)
        return self.fronts[system]

    def asked(self, request: Request) -> dict[str, Front]:
        """The vendor that `?system=` names, else all."""
        for name, _ in request.query:
            bodies.only_known([name], {"system", "log"}, "query parameter")
        system = request.param("system")
        return dict(self.fronts) if system is None else {system: self.front(system)}

    def index(self, _: Request) -> Any:
        """What there is to call."""
        return {"calls": [f"{method} {path}" for path, routes in ROUTES.items() for method in routes]}

    def reset(self, request: Request) -> Any:
        """New data; disarms faults, forgets calls, puts the clock and all switches back. Only limits stay as set."""
        body = bodies.object_of(request)
        bodies.only_known(body, RESET_KEYS)
        empty = bodies.flag(body, "empty")
        seed, accounts = bodies.whole(body, "seed", 1), bodies.whole(body, "accounts", 20)
        contacts, overlap = bodies.whole(body, "contacts", 100), bodies.number(body, "overlap", 0.5)
        if overlap > 1:
            raise Refused("'overlap' is a share between 0 and 1")
        self.fill(seed, 0 if empty else accounts, 0 if empty else contacts, overlap)
        return {"seed": seed, "accounts": 0 if empty else accounts, "contacts": 0 if empty else contacts}

    def fill(self, seed: int, accounts: int, contacts: int, overlap: float) -> None:
        """Puts new vendors in the place of the old ones and stores a new population."""
        self.clock.reset()
        population = generate(seed, accounts, contacts, overlap, tuple(self.fronts))
        for front in self.fronts.values():
            with front.lock:
                front.renew()
                front.vendor.populate(population)

    def dump(self, request: Request) -> Any:
        """Every stored row of one vendor by object, or of all by vendor and object.

        `object` shows that object alone, `id` (any number of them) those rows alone.
        """
        for name, _ in request.query:
            bodies.only_known([name], {"system", "object", "id"}, "query parameter")
        system, only = request.param("system"), request.param("object")
        asked = dict(self.fronts) if system is None else {system: self.front(system)}
        if only is not None:
            self._object({"system": system, "object": only})
        ids = {value for name, value in request.query if name == "id"}
        dumps = {name: _dumped(front, only, ids) for name, front in asked.items()}
        return dumps[next(iter(asked))] if system else dumps

    def edit(self, request: Request) -> Any:
        """A person's edit."""
        body = bodies.object_of(request)
        bodies.only_known(body, {"system", "object", "id", "at", *CHANGES})
        front, name = self.front(body.get("system")), self._object(body)
        row_id = _row_id(body)
        return {"id": front.edit(name, row_id, _change(body), bodies.moment(body, "at"))}

    def _object(self, body: dict[str, Any]) -> str:
        name = bodies.text(body, "object")
        front = self.front(body.get("system"))
        with front.lock:
            known = front.vendor.objects()
        if name not in known:
            guess = bodies.did_you_mean(name, known)
            raise Refused(f"{front.vendor.name} has no object {name!r}{guess}; it has: {', '.join(known)}")
        return name

    def load(self, request: Request) -> Any:
        """Rows as they stand."""
        body = bodies.object_of(request)
        bodies.only_known(body, {"system", "object", "records"})
        front, name, records = self.front(body.get("system")), self._object(body), body.get("records")
        if not isinstance(records, list) or any(not isinstance(record, dict) for record in records):
            raise Refused("'records' must be a list of objects")
        with front.lock:
            front.vendor.store.release()
            return {"ids": front.vendor.load(name, records)}

    def arm(self, request: Request) -> Any:
        """Arms one fault."""
        body = bodies.object_of(request)
        front, fault = self.front(body.get("system")), fault_of(body)
        with front.lock:
            front.faults.arm(fault)
        return {"armed": fault.shown()}

    def disarm(self, request: Request) -> Any:
        """Disarms all, or those of one vendor."""
        for front in self.asked(request).values():
            with front.lock:
                front.faults.disarm()
        return {}

    def armed(self, request: Request) -> Any:
        """The faults still armed."""
        return {name: front.faults.shown() for name, front in self.asked(request).items()}

    def calls(self, request: Request) -> Any:
        """What was asked of the vendors."""
        log = (request.param("log") or "").lower() in ("true", "1", "yes")
        shown = {}
        for name, front in self.asked(request).items():
            with front.lock:
                shown[name] = front.calls.shown(log=log)
        return shown

    def forget_calls(self, request: Request) -> Any:
        """Starts counting anew."""
        for front in self.asked(request).values():
            with front.lock:
                front.calls.forget()
        return {}

    def time(self, _: Request) -> Any:
        """The emulated time."""
        return {"now": self.clock.now().isoformat().replace("+00:00", "Z")}

    def advance(self, request: Request) -> Any:
        """Moves the time of all vendors; what `late_commit` held back and is now due becomes visible."""
        body = bodies.object_of(request)
        bodies.only_known(body, {"advance_s"})
        self.clock.advance(bodies.number(body, "advance_s", least=None))
        for front in self.fronts.values():
            with front.lock:
                front.vendor.store.release()
        return self.time(request)

    def limits(self, request: Request) -> Any:
        """Sets or lifts one vendor's limits, and its other switches where it has some."""
        body = bodies.object_of(request)
        front = self.front(body.get("system"))
        extra = front.vendor.settings_known if isinstance(front.vendor, HasSettings) else frozenset()
        bodies.only_known(body, {"system"} | LIMITS | extra)
        settings = {key: _limit(body, key) if key in LIMITS else body[key] for key in body if key != "system"}
        front.limit(settings)
        return {"system": front.vendor.name, **settings}

    def webhooks(self, request: Request) -> Any:
        """Sends a signed Abmatic event; answers with the status of each copy (0: not delivered, empty: `delay_s` later).

        With `events` it registers an address instead, that is told of these from now on.
        """
        body = bodies.object_of(request)
        if "events" in body:
            return self._register(body)
        bodies.only_known(body, WEBHOOK_KEYS)
        sending, delay_s = _sending(body), bodies.number(body, "delay_s", 0)
        timestamp = bodies.moment(body, "timestamp") or self.clock.now().strftime(STAMP)
        message = sending.message(bodies.text(body, "event"), bodies.mapping(body, "data"), timestamp)
        if delay_s:
            for _ in range(sending.copies):
                self.courier.send_later(message, delay_s)
            return {"statuses": []}
        statuses = [deliver(connected(message.url), message) for _ in range(sending.copies)]
        for status in statuses:
            if status != OK and message.pauses_s:
                self.courier.send_later(replace(message, pauses_s=message.pauses_s[1:]), message.pauses_s[0])
        return {"statuses": statuses}

    def _register(self, body: dict[str, Any]) -> Any:
        bodies.only_known(body, SENDING_KEYS | {"events"})
        events, front = body["events"], self.front("abmatic")
        if not isinstance(events, list):
            raise Refused("'events' must be a list of texts")
        with front.lock:
            hooks_of(front).register(_sending(body), events)
            return {"registered": hooks_of(front).shown()}

    def registered(self, _: Request) -> Any:
        """Who is told of Abmatic's events."""
        front = self.front("abmatic")
        with front.lock:
            return {"registered": hooks_of(front).shown()}

    def unregister(self, _: Request) -> Any:
        """Nobody is told of Abmatic's events any more."""
        front = self.front("abmatic")
        with front.lock:
            hooks_of(front).forget()
        return {}

    def close(self) -> None:
        """Sends nothing more."""
        self.courier.close()


def hooks_of(front: Front) -> Hooks:
    """The webhooks of the one vendor that has some without an endpoint for them."""
    hooks = getattr(front.vendor, "hooks", None)
    if not isinstance(hooks, Hooks):
        raise Refused(f"{front.vendor.name} has no webhooks of this kind")
    return hooks


def _sending(body: dict[str, Any]) -> Sending:
    return Sending(
        bodies.text(body, "url"),
        bodies.text(body, "secret", SECRET),
        bodies.text(body, "signature", "hex"),
        bodies.whole(body, "copies", 1, least=1),
        bodies.whole(body, "retries", RETRIES),
    )


ROUTES: dict[str, dict[str, Action]] = {
    "/_control": {"GET": Control.index},
    "/_control/reset": {"POST": Control.reset},
    "/_control/dump": {"GET": Control.dump},
    "/_control/edit": {"POST": Control.edit},
    "/_control/load": {"POST": Control.load},
    "/_control/faults": {"POST": Control.arm, "GET": Control.armed, "DELETE": Control.disarm},
    "/_control/calls": {"GET": Control.calls, "DELETE": Control.forget_calls},
    "/_control/clock": {"POST": Control.advance, "GET": Control.time},
    "/_control/limits": {"POST": Control.limits},
    "/_control/webhooks": {"POST": Control.webhooks, "GET": Control.registered, "DELETE": Control.unregister},
}


def _dumped(front: Front, only: str | None, ids: set[str]) -> dict[str, Iterable[dict[str, Any]]]:
    with front.lock:
        front.vendor.store.release()
        names = [name for name in front.vendor.objects() if only in (None, name)]
        found: dict[str, Iterable[dict[str, Any]]] = {name: front.vendor.rows(name) for name in names}
    if not ids:
        return found
    return {name: [row for row in rows if str(row.get("id") or row.get("Id")) in ids] for name, rows in found.items()}


def _row_id(body: dict[str, Any]) -> str | None:
    row_id = body.get("id")
    if "create" in body:
        return None if row_id is None else str(row_id)
    if row_id in (None, "") or isinstance(row_id, (dict, list, bool)):
        raise Refused("'id' must name the row to change")
    return str(row_id)


def _change(body: dict[str, Any]) -> dict[str, Any]:
    change = {key: body[key] for key in CHANGES if key in body}
    if len(change) != 1:
        raise Refused(f"an edit has exactly one of: {', '.join(CHANGES)}")
    key, value = next(iter(change.items()))
    if key in ("set", "create") and not isinstance(value, dict):
        raise Refused(f"{key!r} must be an object of fields")
    if key in ("delete", "undelete") and value is not True:
        raise Refused(f"{key!r} must be true")
    if key == "merge_into":
        change[key] = bodies.text({key: value if isinstance(value, str) else str(value)}, key)
    return change


def _limit(body: dict[str, Any], key: str) -> Any:
    return None if body[key] is None else bodies.whole(body, key, 0, least=0)
