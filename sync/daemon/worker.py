"""The one thread that works with the state: takes jobs by rank, one at a time, and lives through whatever they raise.

What is asked for while it already waits is not asked twice; so overlapping ticks become one, and nothing runs beside anything else.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from sync.errors import StoppedError


class Rank(IntEnum):
    """What goes first. A smaller number goes before a larger one."""

    RELOAD = 0
    COMMAND = 1
    PROMPTED = 2
    POLL = 3
    RECONCILE = 4
    REVERIFY = 5
    UPKEEP = 6


@dataclass(order=True, slots=True)
class _Job:
    rank: Rank
    number: int
    name: str = field(compare=False)
    act: Callable[[], Any] = field(compare=False)
    done: Future[Any] = field(compare=False)


Surroundings = Callable[[], AbstractContextManager[None]]
AfterFailure = Callable[[str, BaseException], None]


class Worker:
    """Jobs and the thread that does them."""

    def __init__(self) -> None:
        self._waiting: list[_Job] = []
        self._number = 0
        self._news = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.running: str | None = None
        self.moved_at = time.monotonic()

    def start(self, surroundings: Surroundings, after_failure: AfterFailure) -> None:
        """Starts the thread, again if it has died. It lives within `surroundings`; `after_failure` hears what jobs raise."""
        self._thread = threading.Thread(
            target=self._live, args=(surroundings, after_failure), name="crm-sync worker", daemon=True
        )
        self._thread.start()

    def ask(self, name: str, rank: Rank, act: Callable[[], Any]) -> Future[Any]:
        """Wants a job done. One of that name that waits already is it, at the better of the two ranks."""
        with self._news:
            if self._stopping:
                return _refused()
            job = next((each for each in self._waiting if each.name == name), None)
            if job is None:
                self._number += 1
                job = _Job(rank, self._number, name, act, Future())
                heapq.heappush(self._waiting, job)
            elif rank < job.rank:
                job.rank = rank
                heapq.heapify(self._waiting)
            self._news.notify()
            return job.done

    def is_asked(self, name: str) -> bool:
        """Whether a job of that name runs or waits."""
        with self._news:
            return self.running == name or any(job.name == name for job in self._waiting)

    def urgent(self) -> bool:
        """Whether somebody waits for a command or a reload."""
        with self._news:
            return bool(self._waiting) and self._waiting[0].rank <= Rank.COMMAND

    def moves(self) -> None:
        """A sign of life from within a job."""
        self.moved_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self, grace_s: float) -> bool:
        """No further job; waits for the one under way. Whether it ended in time."""
        with self._news:
            self._stopping = True
            left, self._waiting = self._waiting, []
            self._news.notify()
        for job in left:
            job.done.set_exception(StoppedError("the service ends", remedy="Ask again when it has started again."))
        if self._thread is not None:
            self._thread.join(grace_s)
        return not self.alive

    def _live(self, surroundings: Surroundings, after_failure: AfterFailure) -> None:
        with surroundings():
            while (job := self._next()) is not None:
                _do(job, after_failure)

    def _next(self) -> _Job | None:
        with self._news:
            self.running = None
            while not self._waiting and not self._stopping:
                self._news.wait()
            if self._stopping:
                return None
            job = heapq.heappop(self._waiting)
            self.running = job.name
            self.moved_at = time.monotonic()
            return job


def _do(job: _Job, after_failure: AfterFailure) -> None:
    if not job.done.set_running_or_notify_cancel():
        return
    try:
        found = job.act()
    except BaseException as error:  # noqa: BLE001 - whoever waits for the job is told
        after_failure(job.name, error)
        job.done.set_exception(error)
    else:
        job.done.set_result(found)


def _refused() -> Future[Any]:
    done: Future[Any] = Future()
    done.set_exception(StoppedError("the service ends", remedy="Ask again when it has started again."))
    return done
