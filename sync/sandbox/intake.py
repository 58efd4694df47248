"""Bytes from a socket to a `Request`: HTTP/1.1 framing, nothing of what a request means.

Keep-alive, Content-Length and chunked bodies, ``Expect: 100-continue``, gzip and deflate bodies, absolute-form targets.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable

from sync.sandbox.wire import Request

HEAD_MAX = 128 * 1024
BODY_MAX = 1 << 30
CHUNK = 256 * 1024


class BadRequest(Exception):
    """The bytes are no HTTP request that we take; the connection cannot be used further."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Gone(Exception):
    """The client closed the connection."""


class Intake:
    """Reads one request after the other from one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self.keep_alive = True

    def next(self) -> Request:
        """The next request; raises Gone at the end of the connection and BadRequest for what is not HTTP."""
        method, target, version, headers = parse_head(self._head())
        self.keep_alive = _keeps_alive(version, headers.get("connection", ""))
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, self._body(headers))

    def _head(self) -> bytes:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEAD_MAX:
                raise BadRequest(431, "the request line and headers are too long")
            self._more()
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head.lstrip(b"\r\n")

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            body = self._chunked(headers)
        elif "content-length" in headers:
            body = self._exactly(_length(headers["content-length"], 10))
        else:
            return b""
        return _decoded(body, headers.pop("content-encoding", "identity").lower())

    def _chunked(self, headers: dict[str, str]) -> bytes:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise BadRequest(400, "only `Transfer-Encoding: chunked` without Content-Length is understood")
        parts: list[bytes] = []
        while size := _length(self._line().partition(b";")[0].decode("latin-1").strip(), 16):
            parts.append(self._exactly(size))
            self._line()
        while self._line():
            pass
        return b"".join(parts)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _exactly(self, size: int) -> bytes:
        if size > BODY_MAX:
            raise BadRequest(413, "the body is too long")
        if len(self._buffer) >= size:
            body, self._buffer = self._buffer[:size], self._buffer[size:]
            return body
        parts, self._buffer = [self._buffer], b""
        missing = size - len(parts[0])
        while missing:
            piece = self._receive(min(missing, CHUNK))
            parts.append(piece)
            missing -= len(piece)
        return b"".join(parts)

    def _more(self) -> None:
        self._buffer += self._receive(CHUNK)

    def _receive(self, most: int) -> bytes:
        piece = self._connection.recv(most)
        if not piece:
            raise Gone
        return piece


def parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Method, target (path and query), version and headers by lower-case name; raises BadRequest."""
    first, *lines = head.decode("latin-1").split("\r\n")
    match first.split(" "):
        case [method, target, version] if version.startswith("HTTP/1."):
            pass
        case _:
            raise BadRequest(400, "not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest(400, "a header line is malformed")
        _add(headers, name.lower(), value.strip())
    return method, _origin_form(target), version, headers


def _add(headers: dict[str, str], name: str, value: str) -> None:
    if name not in headers:
        headers[name] = value
    elif name == "content-length" and headers[name] != value:
        raise BadRequest(400, "two different Content-Length headers")
    elif name != "content-length":
        headers[name] = f"{headers[name]}, {value}"


def _origin_form(target: str) -> str:
    """A proxy's ``http://host/path`` as ``/path``; a fragment is never part of a request."""
    target = target.partition("#")[0]
    if "://" not in target.partition("?")[0]:
        return target
    return "/" + target.partition("://")[2].partition("/")[2]


def _keeps_alive(version: str, connection: str) -> bool:
    if version == "HTTP/1.0":
        return "keep-alive" in connection.lower()
    return "close" not in connection.lower()


def _length(text: str, base: int) -> int:
    try:
        length = int(text, base)
    except ValueError:
        length = -1
    if length < 0 or not text[:1].isalnum():
        raise BadRequest(400, "a length is not a number")
    return length


def _decoded(body: bytes, encoding: str) -> bytes:
    decode = _DECODERS.get(encoding)
    if decode is None:
        raise BadRequest(415, f"the content encoding {encoding} is not understood")
    try:
        return decode(body)
    except zlib.error as error:
        raise BadRequest(400, f"the body is not {encoding}") from error


def _inflated(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    plain = unpacker.decompress(body, BODY_MAX)
    if unpacker.unconsumed_tail:
        raise BadRequest(413, "the unpacked body is too long")
    return plain


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": _inflated,
    "x-gzip": _inflated,
    "deflate": _inflated,
}
