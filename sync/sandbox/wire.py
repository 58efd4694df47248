"""What travels between the HTTP server and an emulated vendor: one request in, one answer out.

Knows nothing of sockets (``server``) and nothing of any vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson


class BadBody(ValueError):
    """The body is not what its content type says."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as a vendor sees it.

    ``path`` is percent-encoded as it came, without the query; a vendor decodes the segments it cuts out.
    ``headers`` have lower-case names. ``failing_rows`` maps a position in a batch to the vendor's own error code:
    an armed ``rows`` fault that a batch endpoint must honour.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    failing_rows: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Decoded query parameters in order, duplicates and blanks kept."""
        return parse_qsl(self.query_string, keep_blank_values=True)

    def param(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def json(self) -> Any:
        """The decoded JSON body; raises BadBody."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadBody(str(error)) from error

    def form(self) -> dict[str, str]:
        """The decoded ``application/x-www-form-urlencoded`` body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass
class Response:
    """One HTTP answer. ``rows`` counts the records it touched, ``write`` says whether it could change data."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    write: bool = False


def json_response(
    status: int, data: Any, *, headers: Mapping[str, str] | None = None, rows: int = 0, write: bool = False
) -> Response:
    """An answer with a JSON body."""
    everything = {"content-type": "application/json; charset=utf-8", **(headers or {})}
    return Response(status, orjson.dumps(data), everything, rows, write)
