"""Reading what somebody sends, within limits of size and time; forms without any library."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

FORM_MAX: Final = 1024 * 1024
FIELDS_MAX: Final = 5000
BODY_S: Final = 10.0
"""A page that was sent whole arrives within this time; who dribbles is sent away."""


class RefusedBodyError(Exception):
    """The body is too large, too slow, or of a kind that is not read here; `status` says which."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with all its values in order."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The first value; "" where there is none."""
        return next(iter(self.fields.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """Every value once, in order."""
        return list(dict.fromkeys(self.fields.get(name, ())))


async def read_body(request: Request, limit: int, *, seconds: float = BODY_S) -> bytes:
    """The whole body. Raises RefusedBodyError: 413 over `limit` bytes, 408 too slow, 415 compressed, 400 cut off."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedBodyError(415, "a compressed body is not read")
    announced = request.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit():
        raise RefusedBodyError(400, "the length is no number")
    if int(announced) > limit:
        raise RefusedBodyError(413, f"more than {limit} bytes are not read")
    try:
        return await asyncio.wait_for(_read(request, limit), seconds)
    except TimeoutError:
        raise RefusedBodyError(408, "the body came too slowly") from None
    except ClientDisconnect:
        raise RefusedBodyError(400, "the body was cut off") from None


async def _read(request: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise RefusedBodyError(413, f"more than {limit} bytes are not read")
        parts.append(part)
    return b"".join(parts)


async def read_form(request: Request) -> Form:
    """A form as browsers send it by default. Raises RefusedBodyError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, FORM_MAX)
    if kind != "application/x-www-form-urlencoded" and body:
        raise RefusedBodyError(415, "a form is expected")
    try:
        text = body.decode("utf-8")
        return Form(parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:  # no text, or more fields than any form of ours has
        raise RefusedBodyError(400, "this is no form") from None
