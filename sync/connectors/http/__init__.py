"""HTTP for connectors: one client with retry, throttle and translation of outcomes, and no fact about any vendor."""

from sync.connectors.http.answer import Answer, Call, Limits
from sync.connectors.http.client import Client
from sync.connectors.http.outcomes import Fault, Verdict, classify, error_for, outcome_for
from sync.connectors.http.throttle import Throttle

__all__ = [
    "Answer",
    "Call",
    "Client",
    "Fault",
    "Limits",
    "Throttle",
    "Verdict",
    "classify",
    "error_for",
    "outcome_for",
]
