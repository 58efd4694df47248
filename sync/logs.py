"""The log: one pipeline for our own lines and those of the libraries, on stderr, without secrets and personal values.

`configure` once per process; rooms then say ``structlog.get_logger().info("run.finished", run=…, seconds=…)``. An event is a name
from the list below, everything else is a key. Nobody logs values of records; what slips through is caught here, after exceptions
are rendered: by key (anything called a secret), by value (secrets told to `sync.redaction.hide`, bearer tokens, Salesforce session ids,
e-mail addresses). Control characters are escaped, so that no value can forge a line or move the cursor.

Event names (docs/events.md explains each; a test holds both to what is logged):

    config.reloaded     config.refused
    run.finished        run.stopped         run.failed          run.interrupted     run.poisoned
    lane.out            lane.in             lane.well
    schedule.missed     schedule.overrun
    webhook.accepted    webhook.refused
    alert.raised        alert.over          notify.sent         notify.failed
    state.backed_up     state.tidied        state.refused       state.noticed
    daemon.started      daemon.stopping     daemon.stopped
    bug
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from sync.redaction import MASK, escape, is_secret_key, safe_text

_QUIET: Final = (
    "httpx",
    "httpcore",
    "urllib3",
    "apscheduler",
    "alembic",
    "simple_salesforce",
    "zeep",
    "uvicorn.access",
)
_RENDERED: Final = "exception"


def configure(form: str = "console", level: str = "info") -> None:
    """Sets up the process's log; may be called again. `form` is console or json; `level` debug, info, warning or error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _Stderr()
    handler.setFormatter(_formatter(form, shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(form: str, shared: list[Processor]) -> logging.Formatter:
    render: Processor = structlog.processors.JSONRenderer(default=str)
    if form == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            render,
        ],
    )


def redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last processor before rendering: masks secrets and addresses, escapes control characters."""
    del logger, method
    return {
        escape(str(key)): _lines(value) if key == _RENDERED else _clean(str(key), value) for key, value in event.items()
    }


def _clean(key: str, value: Any) -> Any:
    if is_secret_key(key) and value not in (None, ""):
        return MASK
    if isinstance(value, Mapping):
        return {escape(str(inner)): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return escape(safe_text(str(value)))


def _lines(traceback: Any) -> str:
    """A rendered exception: keeps its lines, each indented, so that none can pass for a log line."""
    return "\n".join("    " + escape(line) for line in safe_text(str(traceback)).split("\n"))


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever sys.stderr is now: a progress bar may have replaced it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """The base class sets it; it stays sys.stderr."""
