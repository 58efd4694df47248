"""Log-in: the OAuth token endpoint, the life of sessions, and what the vendor retired (apis/salesforce.md 1)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sync.sandbox.clock import Clock
from sync.sandbox.wire import Request, Response, json_response

SESSION_S = 7200.0
ASSERTION_MAX_S = 180 + 60  # three minutes, and a little for the way
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SOAP_LAST = 64.0
RSA_SIGNATURE_MIN = 128


class LoginRefused(Exception):
    """An OAuth refusal: an object, not a list; the description may be missing."""

    def __init__(self, error: str, description: str | None = None, status: int = 400) -> None:
        super().__init__(error)
        described = {} if description is None else {"error_description": description}
        self.response = json_response(
            status, {"error": error, **described}, headers={"cache-control": "no-cache, no-store"}
        )


def known(secret: str | None) -> bool:
    """Whether a client id, secret or code is the sandbox's: ``sandbox`` or anything that begins with ``sandbox-``."""
    return secret is not None and (secret == "sandbox" or secret.startswith("sandbox-"))  # noqa: S105


@dataclass
class Grant:
    """One refresh-token family; ``spent`` holds the tokens that were rotated out."""

    current: str
    spent: set[str] = field(default_factory=set)
    revoked: bool = False


class Sessions:
    """Access and refresh tokens of one org. ``session_s`` is the inactivity time-out in emulated seconds."""

    def __init__(self, clock: Clock, org_id: str, user_id: str) -> None:
        self.session_s = SESSION_S
        self.rotate = False
        self._clock = clock
        self._org_id = org_id
        self._user_id = user_id
        self._last_use: dict[str, float] = {}
        self._families: dict[str, Grant | None] = {}
        self._grants: list[Grant] = []
        self._issued = 0

    # use --------------------------------------------------------------------------------------------------------------
    def alive(self, request: Request) -> bool:
        """Whether the request carries a live session; its use restarts the session's clock."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() in ("bearer", "oauth") and self.lives(token)

    def lives(self, token: str) -> bool:
        """Whether this is a live session; its use restarts the session's clock."""
        now = self._clock.seconds()
        last = self._last_use.get(token)
        if last is None or now - last > self.session_s:
            self._last_use.pop(token, None)
            return False
        family = self._families.get(token)
        if family is not None and family.revoked:
            return False
        self._last_use[token] = now
        return True

    def handle(self, request: Request, action: str) -> Response:
        """Answers ``/services/oauth2/ACTION``."""
        try:
            if action == "token":
                return self._token(request)
            if action == "userinfo":
                return self._userinfo(request)
            if action in ("introspect", "revoke"):
                return self._told(request, action)
        except LoginRefused as refused:
            return refused.response
        return json_response(404, {"error": "invalid_request", "error_description": "unknown endpoint"})

    def _userinfo(self, request: Request) -> Response:
        if not self.alive(request):
            return Response(403, b"Bad_OAuth_Token", {"content-type": "text/html;charset=UTF-8"})
        return json_response(200, self.identity(request))

    def identity(self, request: Request) -> dict[str, Any]:
        """Who the session belongs to."""
        url = f"{origin(request)}/id/{self._org_id}/{self._user_id}"
        user = {
            "user_id": self._user_id,
            "organization_id": self._org_id,
            "username": "crm-sync@sandbox.example",
            "active": True,
        }
        return {"sub": url, "id": url, **user, "preferred_username": user["username"], "user_type": "STANDARD"}

    def _told(self, request: Request, action: str) -> Response:
        token = request.form().get("token", "")
        if action == "revoke":
            found = self._last_use.pop(token, None)
            for grant in (grant for grant in self._grants if token in (grant.current, *grant.spent)):
                grant.revoked, found = True, 0.0
            return Response(200 if found is not None else 400)
        last = self._last_use.get(token)
        if last is None or self._clock.seconds() - last > self.session_s:
            return json_response(200, {"active": False})
        return json_response(
            200, {"active": True, "exp": int(last + self.session_s), "scope": "api", "token_type": "access_token"}
        )

    # grants -----------------------------------------------------------------------------------------------------------
    def _token(self, request: Request) -> Response:
        form = request.form()
        grant = form.get("grant_type")
        if grant == "client_credentials":
            self._check_client(request, form)
            return self._issue(request, None)
        if grant == JWT_GRANT:
            self._check_assertion(request, form.get("assertion", ""))
            return self._issue(request, None)
        if grant == "refresh_token":
            self._check_client(request, form, secret_needed=False)
            return self._issue(request, self._redeem(form.get("refresh_token", "")))
        if grant == "authorization_code":
            self._check_client(request, form, secret_needed=False)
            if not known(form.get("code")):
                raise LoginRefused("invalid_grant", "invalid authorization code")
            return self._issue(request, self._family(self._new("5Aep")), first=True)
        if grant == "password":
            raise LoginRefused("invalid_grant", "authentication failure")  # an org of Summer '26 or later (1.4)
        if grant is None:
            raise LoginRefused("invalid_request", "missing required parameter: grant_type")
        raise LoginRefused("unsupported_grant_type", "grant type not supported")

    def _check_client(self, request: Request, form: dict[str, str], *, secret_needed: bool = True) -> None:
        client_id, secret = form.get("client_id"), form.get("client_secret")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise LoginRefused("invalid_client", "invalid client credentials", 401) from None
            client_id, secret = unquote(client_id), unquote(secret)
        if not known(client_id):
            raise LoginRefused("invalid_client_id", "client identifier invalid", 401)
        if (secret_needed or secret) and not known(secret):
            raise LoginRefused("invalid_client", "invalid client credentials", 401)

    def _check_assertion(self, request: Request, assertion: str) -> None:
        """Everything but the signature's truth: there is no certificate to check it against."""
        header, claims, signature = decoded(assertion)
        if header.get("alg") != "RS256" or len(signature) < RSA_SIGNATURE_MIN:
            raise LoginRefused("invalid_grant", "invalid assertion")
        if not known(claims.get("iss")):
            raise LoginRefused("invalid_client_id", "client identifier invalid", 401)
        if not claims.get("sub"):
            raise LoginRefused("invalid_grant", "user hasn't approved this consumer")
        if str(claims.get("aud")).rstrip("/") not in (*AUDIENCES, origin(request)):
            raise LoginRefused("invalid_grant", "audience is invalid")
        try:
            left = float(claims["exp"]) - self._clock.seconds()
        except (KeyError, TypeError, ValueError):
            raise LoginRefused("invalid_grant", "invalid assertion") from None
        if not 0 < left <= ASSERTION_MAX_S:
            raise LoginRefused("invalid_grant", "assertion is expired or lives too long")

    def _redeem(self, token: str) -> Grant:
        for grant in self._grants:
            if token in grant.spent:
                grant.revoked = True
            if token in (grant.current, *grant.spent):
                if grant.revoked:
                    break
                return self._turned(grant)
        else:
            if known(token):
                return self._turned(self._family(token))
        raise LoginRefused("invalid_grant", "expired access/refresh token")

    def _turned(self, grant: Grant) -> Grant:
        if self.rotate:
            grant.spent.add(grant.current)
            grant.current = self._new("5Aep")
        return grant

    def _family(self, token: str) -> Grant:
        grant = Grant(token)
        self._grants.append(grant)
        return grant

    def _new(self, head: str) -> str:
        self._issued += 1
        return f"{head}!{self._org_id[:15]}.sandbox{self._issued:06d}x{int(self._clock.seconds())}"

    def _issue(self, request: Request, grant: Grant | None, *, first: bool = False) -> Response:
        token = self._new(self._org_id[:15])
        self._last_use[token] = self._clock.seconds()
        self._families[token] = grant
        answer = {
            "access_token": token,
            "signature": base64.b64encode(token.encode()).decode()[:44],
            "scope": "api refresh_token" if grant else "api",
            "token_format": "opaque",
            "instance_url": origin(request),
            "id": f"{origin(request)}/id/{self._org_id}/{self._user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(self._clock.seconds() * 1000)),
        }
        if grant is not None and (self.rotate or first):
            answer["refresh_token"] = grant.current
        return json_response(200, answer, headers={"cache-control": "no-cache, no-store"})


def origin(request: Request) -> str:
    """Scheme and host that the client used."""
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def decoded(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, claims and signature of a JWT; raises LoginRefused."""
    try:
        header, claims, signature = (
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in assertion.split(".")
        )
        parsed = json.loads(header), json.loads(claims)
    except (ValueError, binascii.Error):
        raise LoginRefused("invalid_grant", "invalid assertion") from None
    if not all(isinstance(part, dict) for part in parsed):
        raise LoginRefused("invalid_grant", "invalid assertion")
    return parsed[0], parsed[1], signature


def soap_refusal(version: str) -> Response:
    """SOAP ``login()`` is off in new orgs and gone from 65.0 on."""
    try:
        gone = float(version) > SOAP_LAST
    except ValueError:
        gone = True
    code, message = (
        ("UNSUPPORTED_API_VERSION", "SOAP API login() is not available in this API version.")
        if gone
        else ("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
    )
    fault = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail><sf:LoginFault>"
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return Response(500, fault.encode(), {"content-type": "text/xml;charset=UTF-8"})
