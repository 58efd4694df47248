"""Composite, Batch and Graph: several requests in one (apis/salesforce.md 3.5)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import orjson

from sync.sandbox.salesforce.database import RolledBack
from sync.sandbox.salesforce.org import Call, Route
from sync.sandbox.salesforce.refusals import Refusal
from sync.sandbox.wire import Request, Response, json_response

COMPOSITE_MAX = 25
HEAVY_MAX = 5
GRAPHS_MAX = 75
NODES_MAX = 500
KINDS_MAX = 15
DEPTH_MAX = 15
FALLEN_MAX = 14
BAD = 400
HEAVY = re.compile(r"/(query|queryAll|composite/sobjects)\b")
COLLECTION = re.compile(r"/composite/sobjects\b")
REFERENCE = re.compile(r"@\{([^}]+)\}")
HALTED = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
    }
]
DEPENDENT = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "Invalid reference specified. No value found in the referenced request.",
    }
]
NODE = re.compile(r"(/services/data/v[\d.]+/)?/?sobjects/(\w+)(/.*)?")
NO_NODE = [{"errorCode": "INVALID_OPERATION", "message": "A graph holds rows of objects only: /sobjects/…"}]
Part = dict[str, Any]


def composite(call: Call) -> Response:
    """``POST composite``: in order, with references to earlier answers."""
    data = call.json_object()
    parts = checked(data.get("compositeRequest"), COMPOSITE_MAX)
    if sum(1 for part in parts if HEAVY.search(str(part.get("url")))) > HEAVY_MAX:
        raise Refusal("LIMIT_EXCEEDED", f"at most {HEAVY_MAX} query or collections sub-requests")
    answers = together(call, parts, all_or_none=bool(data.get("allOrNone")))
    return json_response(200, {"compositeResponse": answers}, rows=len(answers), write=writes(parts))


def checked(parts: Any, most: int) -> list[Part]:
    """The parts; raises Refusal for no list, none, or too many."""
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise Refusal("REQUIRED_FIELD_MISSING", "At least 1 sub-request is required")
    if len(parts) > most:
        raise Refusal("LIMIT_EXCEEDED", f"at most {most} sub-requests")
    return parts


def writes(parts: list[Part]) -> bool:
    """Whether any part may change data."""
    return any(part.get("method") != "GET" for part in parts)


def together(call: Call, parts: list[Part], *, all_or_none: bool) -> list[Part]:
    """Answers of the parts; with `all_or_none` a failure undoes the others, a row of a collection's too."""
    answers: list[Part] = []
    try:
        with call.database.transaction():
            known: dict[str, Any] = {}
            answers.extend(answer(call, strict(part) if all_or_none else part, known) for part in parts)
            if all_or_none and any(map(failed, answers)):
                raise RolledBack  # noqa: TRY301
    except RolledBack:
        return [found if failed(found) else halted(found) for found in answers]
    return answers


def strict(part: Part) -> Part:
    """The part as ``allOrNone`` of the whole makes it: it overrides that of a collection."""
    url = str(part.get("url"))
    if not COLLECTION.search(url):
        return part
    if part.get("method") == "DELETE":
        return {**part, "url": re.sub(r"(?<=[?&])allOrNone=\w*&?", "", url) + "&allOrNone=true"}
    return {**part, "body": {**part["body"], "allOrNone": True}} if isinstance(part.get("body"), dict) else part


def failed(found: Part) -> bool:
    """Whether a sub-answer tells of a failure: its own, or a row's."""
    rows = found["body"] if isinstance(found["body"], list) else []
    return found["httpStatusCode"] >= BAD or any(isinstance(row, dict) and row.get("success") is False for row in rows)


def halted(found: Part) -> Part:
    """The answer of a part that was undone because another failed."""
    return {**found, "body": HALTED, "httpHeaders": {}, "httpStatusCode": BAD}


def answer(call: Call, part: Part, known: dict[str, Any]) -> Part:
    """One sub-answer; `known` collects the bodies that later parts may refer to."""
    reference = str(part.get("referenceId", ""))
    try:
        url, body = resolved(part.get("url", ""), known), resolved(part.get("body"), known)
    except LookupError:
        return {"body": DEPENDENT, "httpHeaders": {}, "httpStatusCode": BAD, "referenceId": reference}
    found = call.dispatch(inner(call, str(part.get("method", "GET")), url, body))
    parsed = orjson.loads(found.body) if found.body else None
    if found.status < BAD:
        known[reference] = parsed
    headers = {"Location": found.headers["location"]} if "location" in found.headers else {}
    return {"body": parsed, "httpHeaders": headers, "httpStatusCode": found.status, "referenceId": reference}


def inner(call: Call, method: str, url: str, body: Any) -> Request:
    """The request behind a sub-request."""
    parts = urlsplit(url)
    path = parts.path if parts.path.startswith("/services/") else f"/services/data/{parts.path.lstrip('/')}"
    headers = {name: value for name, value in call.request.headers.items() if name != "content-encoding"}
    return Request(
        method, path, parts.query, headers, b"" if body is None else orjson.dumps(body), call.request.failing_rows
    )


def resolved(value: Any, known: dict[str, Any]) -> Any:
    """The value with ``@{ref.path}`` replaced; raises LookupError for what an earlier part did not give."""
    if isinstance(value, dict):
        return {name: resolved(below, known) for name, below in value.items()}
    if isinstance(value, list):
        return [resolved(below, known) for below in value]
    if not isinstance(value, str) or "@{" not in value:
        return value
    whole = REFERENCE.fullmatch(value)
    return dug(known, whole[1]) if whole else REFERENCE.sub(lambda m: str(dug(known, m[1])), value)


def dug(known: dict[str, Any], path: str) -> Any:
    """The value at ``ref.records[0].Id``; raises LookupError."""
    here: Any = known
    for word in re.findall(r"[^.\[\]]+", path):
        if isinstance(here, list):
            here = here[int(word)]
        elif isinstance(here, dict):
            here = here[word]
        else:
            raise KeyError(path)
    return here


def batch(call: Call) -> Response:
    """``POST composite/batch``: independent, each a call of its own."""
    data = call.json_object()
    parts = checked(data.get("batchRequests"), COMPOSITE_MAX)
    results: list[Part] = []
    for part in parts:
        if data.get("haltOnError") and any(found["statusCode"] >= BAD for found in results):
            results.append({"statusCode": 412, "result": HALTED})
            continue
        call.org.usage.count()
        found = call.dispatch(
            inner(call, str(part.get("method", "GET")), str(part.get("url", "")), part.get("richInput"))
        )
        results.append({"statusCode": found.status, "result": orjson.loads(found.body) if found.body else None})
    failed = any(found["statusCode"] >= BAD for found in results)
    return json_response(200, {"hasErrors": failed, "results": results}, rows=len(results), write=writes(parts))


def graph(call: Call) -> Response:
    """``POST composite/graph``: every graph stands or falls as a whole; when many have fallen the rest is not tried."""
    graphs = checked(call.json_object().get("graphs"), GRAPHS_MAX)
    nodes = [bounded(one.get("compositeRequest")) for one in graphs]
    if sum(map(len, nodes)) > NODES_MAX:
        raise Refusal("LIMIT_EXCEEDED", f"at most {NODES_MAX} nodes")
    answers: list[Part] = []
    for one, parts in zip(graphs, nodes, strict=True):
        fallen = sum(not found["isSuccessful"] for found in answers)
        found = [untried(part) for part in parts] if fallen > FALLEN_MAX else planted(call, parts)
        well = all(part["httpStatusCode"] < BAD for part in found)
        answers.append(
            {"graphId": one.get("graphId"), "graphResponse": {"compositeResponse": found}, "isSuccessful": well}
        )
    return json_response(200, {"graphs": answers}, rows=len(answers), write=True)


def bounded(sent: Any) -> list[Part]:
    """The nodes of a graph; raises Refusal for too many kinds or levels of them."""
    parts = checked(sent, NODES_MAX)
    kinds = {(part.get("method"), NODE.sub(r"\2", str(part.get("url")))) for part in parts}
    if len(kinds) > KINDS_MAX or depth(parts) > DEPTH_MAX:
        raise Refusal("LIMIT_EXCEEDED", f"at most {KINDS_MAX} kinds and {DEPTH_MAX} levels of nodes in a graph")
    return parts


def planted(call: Call, parts: list[Part]) -> list[Part]:
    """Answers of one graph; a node that is no row of an object fells it."""
    strange = [part for part in parts if not NODE.fullmatch(str(part.get("url")).partition("?")[0])]
    if strange:
        return [{**untried(part), "body": NO_NODE if part in strange else HALTED} for part in parts]
    return together(call, parts, all_or_none=True)


def depth(parts: list[Part]) -> int:
    """How many nodes refer to one another in a row."""
    levels: dict[str, int] = {}
    for part in parts:
        named = REFERENCE.findall(orjson.dumps([part.get("url"), part.get("body")]).decode())
        below = [levels.get(reference.partition(".")[0], 0) for reference in named]
        levels[str(part.get("referenceId", ""))] = 1 + max(below, default=0)
    return max(levels.values(), default=0)


def untried(part: Part) -> Part:
    """The answer of a part that was not carried out."""
    reference = str(part.get("referenceId", ""))
    return {"body": HALTED, "httpHeaders": {}, "httpStatusCode": BAD, "referenceId": reference}


ROUTES: list[Route] = [
    ("POST", "composite", composite),
    ("POST", "composite/batch", batch),
    ("POST", "composite/graph", graph),
]
