"""Everything that the four seed documents name is used by a feature, or refused with a reason; printed as docs/coverage.md."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import seed_traffic
from coverage_page import NAMES, PAGE, ROOT, page, rows

from sync import redaction
from sync.mapping.vendors import STREAMS
from sync.sandbox.start import Sandbox

ROWS = rows()
SEEDS = next((folder / "shared" / "seeds" for folder in ROOT.parents if (folder / "shared" / "seeds").is_dir()), None)
VERBS = {"Create": "POST", "Retrieve": "GET", "Update": "PUT", "Edit": "PUT", "Delete": "DELETE"}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(accounts=0, contacts=0, limits=False) as found:
        yield found
    redaction.forget_hidden()


@pytest.fixture(scope="module")
def traffic(sandbox):
    return seed_traffic.every(sandbox)


def of(*kinds):
    return [pytest.param(*row, id=f"{row[0]}-{row[1]}-{row[2]}") for row in ROWS if row[1] in kinds]


def test_everything_that_a_seed_names_is_used_or_refused(traffic):
    """Endpoints are called, filters asked, fields sent and read, headers set and heard: all of it was seen on the wire."""
    unseen = [row for row in ROWS if row[3] == "used" and not _seen(traffic[row[0]], *row[:3])]
    assert unseen == []


def _seen(heard, system, kind, name):
    if kind == "call":
        return any(heard.called(call) for call in _calls(system, name))
    if kind in ("query", "body", "value", "header", "answer", "read"):
        return name == SIGNED or name in getattr(heard, kind)
    return kind in ("error", "event", "payload")


SIGNED = "x-abmatic-signature"
"""The one header that Abmatic sends us, with its webhooks."""


def _calls(system, name):
    """The request of an endpoint; ActiveCampaign's are named by what they are about."""
    if system != "activecampaign":
        return [name]
    verb, thing = name.split(" ")
    one = f"/{thing}s/:id"
    return [f"{verb} /{thing}s", f"{verb} /{thing}", f"{verb} {one}", f"{verb} {one}/edit"]


def test_what_is_refused_says_so(traffic):
    """Each refusal is a rejection with the words of the table and a remedy, and no such request was ever sent."""
    refused = [row for row in ROWS if row[3] == "refused"]
    said = [receipt for heard in traffic.values() for receipt in heard.said]
    assert len(refused) == len(said) and all(receipt.outcome.value == "rejected" and receipt.remedy for receipt in said)
    for (system, _, name, _, words, _), receipt in zip(refused, _in_order(refused, said), strict=True):
        assert words in receipt.message
        assert not any(traffic[system].called(call) for call in _calls(system, name))


def _in_order(refused, said):
    by_words = {words: receipt for _, _, _, _, words, _ in refused for receipt in said if words in receipt.message}
    return [by_words[row[4]] for row in refused]


@pytest.mark.parametrize(("system", "kind", "name", "fate", "what", "test"), of("error"))
def test_errors_become_ours(sandbox, system, kind, name, fate, what, test):
    """Every error that a seed names is understood as the table says."""
    status, _, code = name.partition(" ")
    assert seed_traffic.becomes(sandbox, system, int(status), code) == what


@pytest.mark.parametrize(("system", "kind", "name", "fate", "what", "test"), of("event"))
def test_events_are_streams(system, kind, name, fate, what, test):
    """Every webhook event can begin a route."""
    assert name in STREAMS[system]


@pytest.mark.parametrize(
    ("system", "kind", "name", "fate", "what", "test"),
    of("call", "query", "body", "value", "header", "read", "answer", "event", "payload", "error"),
)
def test_the_named_test_is_there(system, kind, name, fate, what, test):
    """The test that a row names exists."""
    file, _, function = test.partition("::")
    path = ROOT / "tests" / file
    assert path.is_file()
    assert not function or function in _functions(path)


@cache
def _functions(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_row_is_there_twice():
    """A kind and a name stand once for each system, with a known fate."""
    keys = [row[:3] for row in ROWS]
    assert len(keys) == len(set(keys)) and {row[3] for row in ROWS} == {"used", "refused"}
    assert {row[0] for row in ROWS} == set(NAMES)


def test_the_page_is_current():
    """docs/coverage.md is what the table says; `python tests/contract/coverage_page.py` writes it anew."""
    print(page())
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.skipif(SEEDS is None, reason="the seed documents are not beside this repository")
@pytest.mark.parametrize("system", list(NAMES))
def test_the_table_holds_everything_that_the_document_names(system):
    """Endpoints, parameters, fields, events, statuses and codes of the document itself all stand in the table."""
    text = (SEEDS / f"{system}.txt").read_text(encoding="utf-8", errors="replace")
    listed = {name.lower() for owner, _, name, *_ in ROWS if owner == system}
    listed |= {word for name in listed for word in name.split(" ")}
    named = _named(system, text)
    assert len(named) >= LEAST[system]
    # One document has lost the spaces before some of its names.
    assert not {name for name in named if not any(name.lower().endswith(known) for known in listed)}


LEAST = {"abmatic": 40, "conversion": 20, "activecampaign": 12, "letrics": 15}
"""How many names the layout of each document gives away, at least."""


def _named(system, text):
    """What a document names, as far as its layout tells."""
    return {name for pattern in LAYOUT[system] for name in _found(pattern, text)}


def _found(pattern, text):
    for match in re.findall(pattern, text, re.MULTILINE):
        if isinstance(match, str):
            yield match
        else:
            verb, path = match
            yield f"{VERBS.get(verb, verb)} {path.lower() if verb in VERBS else path}"


LAYOUT = {
    "abmatic": (
        r"\| (GET|POST|PUT) \| `/v1(/[^`]+)`",
        r"^\| `([\w-]+)` \|",
        r"[?&](\w+)=",
        r"^\| `([a-z]+\.[a-z_]+)` \|",
        r"^\| \d{3} \| `(\w+)`",
        r"^(X-RateLimit-\w+):",
        r'^ +"(\w+)":',
    ),
    "conversion": (
        r"Endpoint: (GET|POST|DELETE) (/\S+)",
        r"(\w+)\s?\((?:required|optional|recommended)\)",
        r"^([A-Z]+_[A-Z_]+|UNAUTHORIZED)$",
        r"([a-z]+(?:_[a-z]+)+): ",
    ),
    "activecampaign": (r"\'\'\'(Create|Retrieve|Update|Edit|Delete) (?:an? )?(Contact|Campaign|Automation)\'\'\'",),
    "letrics": (r"^([a-z_]+) \|", r"^(id|code|details|data|meta|errors)(?= ?(?:contains|provides|shows|is|explains))"),
}
"""How each document writes its names down."""
