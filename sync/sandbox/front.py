"""The way of one request through one vendor: lock, credentials, limits, faults, answer, call log.

The vendor is only ever called under its lock; nobody sleeps while holding it. A fault is used up only by a request that
passed credentials and limits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from sync.sandbox.calls import Call, Calls
from sync.sandbox.clock import Clock
from sync.sandbox.faults import Fault, Faults
from sync.sandbox.vendor import ActsAlone, KnowsReads, Vendor
from sync.sandbox.wire import BadBody, Request, Response, json_response

READING = {"GET", "HEAD", "OPTIONS"}
LIMITS = {"requests_per_minute", "requests_per_second", "daily_calls"}
WAKE_S = 0.05
"""How often a vendor that acts alone is asked to."""
ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


class Front:
    """One vendor as the server and the control plane see it."""

    def __init__(self, make: Callable[[Clock], Vendor], clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.faults = Faults()
        self.calls = Calls()
        self.closing = threading.Event()
        self._make = make
        self._limits: dict[str, Any] = {}
        self._waker = threading.Thread(target=self._wake, daemon=True)
        self.vendor = make(clock)
        self._settle_in()

    def start(self) -> None:
        """Lets a vendor that acts alone begin to."""
        if isinstance(self.vendor, ActsAlone):
            self._waker.start()

    def close(self) -> None:
        """Ends every wait, and what the vendor does alone."""
        self.closing.set()
        if self._waker.ident is not None:
            self._waker.join()
        self._end(self.vendor)

    def _wake(self) -> None:
        while not self.closing.wait(WAKE_S):
            with self.lock:
                self.vendor.store.release()
                if isinstance(self.vendor, ActsAlone):
                    self.vendor.wake()

    @staticmethod
    def _end(vendor: Vendor) -> None:
        if isinstance(vendor, ActsAlone):
            vendor.close()

    def renew(self) -> None:
        """An empty vendor in the place of the old one: no rows, no faults, no calls; limits stay as they were set."""
        with self.lock:
            self._end(self.vendor)
            self.vendor = self._make(self.clock)
            self._settle_in()

    def _settle_in(self) -> None:
        with self.lock:
            self._asks = self.vendor.is_read if isinstance(self.vendor, KnowsReads) else None
            self.vendor.limit(dict(self._limits))
            self.faults.disarm()
            self.calls.forget()

    def limit(self, settings: dict[str, Any]) -> None:
        """Changes limits, for good, and the vendor's other switches, until the next reset; raises EditRefused."""
        with self.lock:
            self.vendor.limit(settings)
            self._limits |= {key: value for key, value in settings.items() if key in LIMITS}

    def answer(self, request: Request) -> Response | None:
        """Answers one request and logs it; None cuts the connection. HEAD is answered as GET, without its body."""
        if request.method == "OPTIONS":
            return self._logged(request, Response(204, headers={"allow": ALLOWED}))
        asked = replace(request, method="GET") if request.method == "HEAD" else request
        with self.lock:
            self.vendor.store.release()
            reads = self._reads(asked)
            refusal = self._refusal(asked, reads=reads)
            fault = None if refusal else self.faults.take(asked.method, asked.path, asked.query_string, reads=reads)
            if fault is None:
                return self._logged(request, self._decorated(refusal or self._handle(asked)))
        return self._logged(request, self._faulty(asked, fault))

    def edit(self, name: str, row_id: str | None, change: dict[str, Any], at: str | None) -> str:
        """A person's edit; to `late_commit` faults, and to no other kind, it is a ``POST /_control/edit/OBJECT/ID``."""
        with self.lock:
            store = self.vendor.store
            store.release()
            fault = self.faults.take(
                "POST", f"/_control/edit/{name}/{row_id or ''}", reads=False, kinds={"late_commit"}
            )
            with store.late(fault.delay_s) if fault else nullcontext():
                return self.vendor.edit(name, row_id, change, at)

    def _reads(self, request: Request) -> bool:
        if self._asks:
            return self._asks(request)
        return request.method in READING or self.vendor.is_login(request)

    def _refusal(self, request: Request, *, reads: bool) -> Response | None:
        refusal = self.vendor.authenticate(request) or self.vendor.throttled(request)
        if refusal is not None:
            refusal.write = not reads
        return refusal

    def _handle(self, request: Request) -> Response:
        try:
            return self.vendor.handle(request)
        except BadBody as error:
            return json_response(400, {"error": "invalid_request", "message": f"the body cannot be read: {error}"})

    def _decorated(self, response: Response) -> Response:
        self.vendor.decorate(response)
        return response

    def _act(self, request: Request) -> Response:
        with self.lock:
            self.vendor.store.release()
            return self._decorated(self._handle(request))

    def _faulty(self, request: Request, fault: Fault) -> Response | None:
        if fault.kind in ("rows", "stale", "late_commit"):
            return self._act_bent(request, fault)
        if fault.kind == "delay_before":
            self.closing.wait(fault.delay_s)
        acts = fault.commit if fault.kind == "status" else fault.kind != "drop_before"
        response = self._act(request) if acts else Response(0, write=not self._reads(request))
        return self._spoilt(fault, response)

    def _act_bent(self, request: Request, fault: Fault) -> Response:
        with self.lock:
            store = self.vendor.store
            if fault.kind == "rows":
                return self._act(replace(request, failing_rows=dict.fromkeys(fault.rows, fault.error)))
            with store.rewound(fault.delay_s) if fault.kind == "stale" else store.late(fault.delay_s):
                return self._decorated(self._handle(request))

    def _spoilt(self, fault: Fault, response: Response) -> Response | None:
        if fault.kind in ("drop_before", "drop_after"):
            return None
        if fault.kind == "delay":
            self.closing.wait(fault.delay_s)
        elif fault.kind == "status":
            return self._in_place_of(response, fault.own_response(fault.status))
        elif fault.kind == "malformed":
            return self._in_place_of(response, _torn(fault, response))
        return response

    def _in_place_of(self, acted: Response, shown: Response) -> Response:
        with self.lock:
            own = dict(shown.headers)
            self.vendor.decorate(shown)
        shown.headers |= own
        shown.rows, shown.write = acted.rows, acted.write
        return shown

    def _logged(self, request: Request, response: Response | None) -> Response | None:
        with self.lock:
            auth = self.vendor.is_login(request)
            write = response.write if response else not auth and not self._reads(request)
            status, rows = (response.status, response.rows) if response else (0, 0)
            route = self.vendor.route(request)
            self.calls.record(
                route,
                Call(
                    0,
                    self.clock.seconds(),
                    request.method,
                    request.path,
                    request.query_string,
                    status,
                    write,
                    rows,
                    auth,
                ),
            )
        return response


def _torn(fault: Fault, response: Response) -> Response:
    if fault.body is not None:
        return fault.own_response(200)
    if not response.body:
        return Response(200, b'{"data": [{"id": "', {"content-type": "application/json", **fault.headers})
    half = response.body[: max(1, len(response.body) // 2)]
    return Response(200, half, {**response.headers, **fault.headers})
