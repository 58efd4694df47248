"""What `check` wants to know of an org before anything is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.connectors.base import Finding
from sync.connectors.salesforce.budget import Budget
from sync.connectors.salesforce.faults import RefusedError

if TYPE_CHECKING:
    from sync.connectors.salesforce.client import Client


class Probe:
    """Read-only findings; two calls."""

    def __init__(self, client: Client, budget: Budget, api_version: str) -> None:
        self._client = client
        self._budget = budget
        self._version = api_version

    def findings(self) -> list[Finding]:
        """Raises AuthError or UnreachableError where there is nothing to find out."""
        token = self._client.tokens.current()
        opened = Finding("log-in", well=True, detail=f"org {token.org}, user {token.user}")
        return [opened, self._api_version(), self._session(), self._quota()]

    def _api_version(self) -> Finding:
        served = self._client.versions()
        remedy = "" if self._version in served else f"set api_version to one of {', '.join(served[-3:])}"
        return Finding("API version", well=not remedy, detail=self._version, remedy=remedy)

    def _session(self) -> Finding:
        """An expired password gives a token that opens nothing (apis/salesforce.md 1.1): only a real call tells."""
        try:
            self._client.send("GET", "limits")
        except RefusedError as refused:
            return Finding("limits", well=True, detail=f"not readable ({refused.code}); the answers' headers are used")
        return Finding("limits", well=True)

    def _quota(self) -> Finding:
        allowance = self._budget.allowance
        if allowance is None:
            return Finding("daily API calls", well=True, detail="the org does not tell")
        remedy = "" if allowance.left else "wait for the rolling day to free calls, or buy more"
        return Finding(
            "daily API calls", well=not remedy, detail=f"{allowance.left} of {allowance.limit} left", remedy=remedy
        )
