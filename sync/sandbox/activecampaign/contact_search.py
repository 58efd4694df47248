"""GET /contacts: which contacts a query selects, in which order, and one page of them (``apis/`` sheet, section 4).

Unknown filters, parameters and orders are ignored without a word. Newest first unless told otherwise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sync.sandbox.activecampaign import calendar
from sync.sandbox.activecampaign.shapes import Call
from sync.sandbox.activecampaign.state import State
from sync.sandbox.store import Row

Test = Callable[[Row], bool]
TIME_FILTERS = {
    "created_after": ("cdate", 1),
    "created_before": ("cdate", -1),
    "updated_after": ("udate", 1),
    "updated_before": ("udate", -1),
}
ORDERS: dict[str, Callable[[Row], str]] = {
    "cdate": lambda row: str(row.get("cdate") or ""),
    "email": lambda row: str(row.get("email") or "").lower(),
    "first_name": lambda row: str(row.get("firstName") or "").lower(),
    "last_name": lambda row: str(row.get("lastName") or "").lower(),
    "name": lambda row: f"{row.get('firstName') or ''} {row.get('lastName') or ''}".lower(),
}
MEMBERSHIPS = ("listid", "tagid", "seriesid", "status")
TEXTS = ("search", "email_like", "phone", "exclude")


@dataclass(frozen=True, slots=True)
class Found:
    """One page of contacts, and how many the query selects behind the keyset bound."""

    rows: list[Row]
    total: int


def find(state: State, call: Call) -> Found:
    """Runs the query."""
    column, descending = _order(call)
    numbers = _selected(state, call, column)
    numbers = _bounded(call, numbers, sorted_by_id=column == "id")
    offset, limit = call.page()
    if descending:
        last = len(numbers) - offset
        part: Iterable[int] = reversed(numbers[max(0, last - limit) : max(0, last)])
    else:
        part = numbers[offset : offset + limit]
    table = state.store.table("contacts")
    return Found([table[str(number)] for number in part], len(numbers))


def _order(call: Call) -> tuple[str, bool]:
    for (column, _), direction in call.bracketed("orders").items():
        if column == "id" or column in ORDERS:
            return column, direction.upper() == "DESC"
    return "id", True


def _selected(state: State, call: Call, column: str) -> list[int]:
    if call.param("email") is not None:
        row_id = state.emails.get(call.param("email"))
        return [int(row_id)] if row_id else []
    wanted = [value for key, value in call.request.query if key in ("ids[]", "ids")]
    if wanted:
        numbers = {int(part) for text in wanted for part in text.split(",") if part.isdigit()}
        return sorted(number for number in numbers if state.get("contacts", number))
    tests = _tests(state, call)
    if not tests and column == "id":
        return state.contact_numbers.sorted
    asked = sorted((k, v) for k, v in call.request.query if k not in ("limit", "offset", "id_greater", "id_less"))
    key = (state.switches.updated_after, *asked)
    return state.selection.ids(key, lambda: _filtered(state, tests, column))


def _filtered(state: State, tests: list[Test], column: str) -> list[int]:
    rows = [row for row in state.store.table("contacts").values() if all(test(row) for test in tests)]
    if column == "id":
        return sorted(int(row["id"]) for row in rows)
    return [int(row["id"]) for row in sorted(rows, key=ORDERS[column])]


def _bounded(call: Call, numbers: list[int], *, sorted_by_id: bool) -> list[int]:
    low, high = call.param("id_greater") or "", call.param("id_less") or ""
    if not (low.isdigit() or high.isdigit()):
        return numbers
    if not sorted_by_id:
        return [n for n in numbers if (not low.isdigit() or n > int(low)) and (not high.isdigit() or n < int(high))]
    start = bisect_right(numbers, int(low)) if low.isdigit() else 0
    end = bisect_left(numbers, int(high)) if high.isdigit() else len(numbers)
    return numbers[start:end]


def _tests(state: State, call: Call) -> list[Test]:
    tests = [_time(state, *TIME_FILTERS[name], text) for (name, _), text in _time_filters(call)]
    texts = {name: call.param(name) for name in TEXTS if call.param(name)}
    tests += [_text(state, name, value or "") for name, value in texts.items()]
    membership = {name: call.param(name) or "" for name in MEMBERSHIPS if call.param(name) not in (None, "", "-1", "0")}
    if call.param("status") == "0":
        membership["status"] = "0"
    if membership.keys() & {"listid", "status"}:
        tests.append(_on_list(state, membership.get("listid"), membership.get("status")))
    if "tagid" in membership:
        tests.append(lambda row: membership["tagid"] in state.tagged.by_owner.get(row["id"], ()))
    if "seriesid" in membership:
        enrolled = {r["contact"] for r in state.all("contactAutomations") if r["seriesid"] == membership["seriesid"]}
        tests.append(lambda row: row["id"] in enrolled)
    return [test for test in tests if test is not None]


def _time_filters(call: Call) -> list[tuple[tuple[str, str], str]]:
    return [(key, text) for key, text in call.bracketed("filters").items() if key[0] in TIME_FILTERS and not key[1]]


def _time(state: State, column: str, sign: int, text: str) -> Test | None:
    try:
        edge = calendar.midnight(text) if state.switches.updated_after == "day" else calendar.epoch(text)
    except ValueError:
        return None
    if edge is None:
        return None
    wall = calendar.stamp(datetime.fromtimestamp(edge, UTC))

    def test(row: Row) -> bool:
        own = str(row.get(column) or row["cdate"])
        if own[19:] == wall[19:]:
            return own > wall if sign > 0 else own < wall
        return sign * (calendar.epoch(own) - edge) > 0

    return test


def _text(state: State, name: str, wanted: str) -> Test:
    lowered = wanted.lower()
    if name == "exclude":
        return lambda row: row["id"] != wanted
    if name == "phone":
        return lambda row: str(row.get("phone") or "").startswith(wanted)
    if name == "email_like":
        return lambda row: lowered in row["email"].lower()
    return lambda row: lowered in _searchable(state, row)


def _searchable(state: State, row: Row) -> str:
    accounts = [
        state.get("accounts", link["account"]) for link in state.sides("accountContacts", state.employers, row["id"])
    ]
    names = [account["name"] for account in accounts if account]
    words = [row.get("firstName"), row.get("lastName"), row.get("phone"), row.get("email"), *names]
    return " ".join(str(word or "") for word in words).lower()


def _on_list(state: State, list_id: str | None, status: str | None) -> Test:
    def test(row: Row) -> bool:
        rows = state.sides("contactLists", state.memberships, row["id"])
        return any((list_id in (None, r["list"])) and (status in (None, r["status"])) for r in rows)

    return test
