"""Who we are to Salesforce: the three grants that will still work next year, as values. `login` redeems them.

SOAP ``login()`` and the OAuth user-name/password grant are not here on purpose (apis/salesforce.md 1.4): the vendor
retires both in 2027, new orgs cannot use them today, and External Client Apps never could.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

RETIRED_GRANTS = (
    "Salesforce retires SOAP and password log-in in 2027 and new orgs cannot use them: "
    'use auth = "client_credentials", "jwt" or "refresh_token" with an External Client App'
)
ASSERTION_LIFE = timedelta(minutes=3)
"""The longest life Salesforce grants a JWT assertion."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The app runs as the user chosen in it. Works on a My Domain host alone, not on login.salesforce.com."""

    id: str
    secret: str = field(repr=False)

    def form(self, audience: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002 - one signature for all grants
        """The fields of the token request."""
        return {"grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret}


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """An assertion signed with the certificate's private key (PEM text), for a user pre-authorised in the app.

    ``audience`` is whom it is for; None: as the log-in's address has it.
    """

    client_id: str
    username: str
    private_key: str = field(repr=False)
    audience: str | None = None

    def form(self, audience: str, now: datetime) -> Mapping[str, str]:
        """The fields of the token request; the assertion is good for three minutes."""
        import jwt  # noqa: PLC0415 - cryptography is slow to load and only this grant needs it

        claims = {"iss": self.client_id, "sub": self.username, "exp": now + ASSERTION_LIFE}
        claims["aud"] = self.audience or audience
        assertion = jwt.encode(claims, self.private_key, algorithm="RS256")
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of the web flow. With rotation switched on each answer brings a new one and kills the old."""

    client_id: str
    client_secret: str = field(repr=False)
    token: str = field(repr=False)

    def form(self, audience: str, now: datetime) -> Mapping[str, str]:  # noqa: ARG002 - one signature for all grants
        """The fields of the token request."""
        return {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.token,
        }

    def rotated(self, token: str) -> RefreshToken:
        """The same grant with the token that replaces this one."""
        return replace(self, token=token)


Auth = ClientCredentials | JwtBearer | RefreshToken
