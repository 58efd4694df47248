"""Streams: what happens in one system (a webhook event, a polled visitor) is told to another, once.

Each event waits in the state's inbox until every route that takes it has had its effect. An event that went a route is the `cause`
of one operation in the journal, and one cause has one effect: before anything is sent the journal is asked, and what was sent
and not answered is in doubt. Doubt is looked up where the system can be asked, and else reported, never repeated.

Crash: an event is handled only after the journal holds its operations' outcomes, and an operation is SENT before its first byte
leaves; so a run that dies leaves each event waiting, and the next run sends what the journal does not know.
"""

from sync.runner.streams.deliver import deliver
from sync.runner.streams.doubts import look_up
from sync.runner.streams.happening import ENTITY
from sync.runner.streams.hints import refetch
from sync.runner.streams.person import drop, retry
from sync.runner.streams.planning import Taken, plan_events
from sync.runner.streams.poll import poll
from sync.runner.streams.tidy import tidy

__all__ = ["ENTITY", "Taken", "deliver", "drop", "look_up", "plan_events", "poll", "refetch", "retry", "tidy"]
