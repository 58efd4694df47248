"""What a Letrics search asks for: request fields read from a query or a body, and turned into tests of rows.

Unknown fields are ignored without a word; known ones of a wrong type are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sync.sandbox.store import Row
from sync.sandbox.wire import Request

SHARED_LISTS = ("locations", "functions", "industries", "tlds", "technologies")
PERSON_LISTS = ("job_titles", "departments", "seniorities")
PERSON_FLAGS = (
    "has_linkedin_profile",
    "is_decision_maker",
    "company_has_generic_email",
    "company_has_linkedin_profile",
)
SPELLINGS = {
    "both": ("has_personal_emails", "has_personal_email"),
    "old": ("has_personal_emails",),
    "new": ("has_personal_email",),
}

Test = Callable[[Row, Row], bool]
"""Called with a row and its company (for companies: the row itself)."""


class InvalidInput(ValueError):
    """A request field has a value that the vendor refuses."""


def tests_of(name: str, wishes: Row, renamed: str) -> list[Test]:
    """The tests that a row of ``contacts`` or ``companies`` must pass; ``renamed`` is a key of `SPELLINGS`."""
    lists = SHARED_LISTS if name == "companies" else (*SHARED_LISTS, *PERSON_LISTS)
    tests = [_bound(wishes, "added_after"), _bound(wishes, "added_before")]
    for key in lists:
        tests += [_listed(wishes, key, key), _negated(_listed(wishes, f"exclude_{key}", key))]
    if name == "contacts":
        tests += [_flag(wishes, key, key) for key in PERSON_FLAGS]
        tests += [_flag(wishes, key, "has_personal_email") for key in SPELLINGS[renamed]]
    return [test for test in tests if test is not None]


def whole(wishes: Row, key: str, default: int) -> int:
    """A positive number, also when it came as text."""
    value = wishes.get(key, default)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(f"{key} must be a positive integer")
    return value


def from_query(request: Request, style: str) -> Row:
    """Request fields of a GET, lists in the style given."""
    wishes: Row = {}
    listed = {f"{prefix}{key}" for key in (*SHARED_LISTS, *PERSON_LISTS) for prefix in ("", "exclude_")}
    for key, value in request.query:
        name = key.removesuffix("[]")
        if name not in listed:
            wishes[name] = (
                {"true": True, "1": True, "false": False, "0": False}.get(value, value) if _is_flag(name) else value
            )
        elif style == "comma":
            wishes[name] = value.split(",")
        elif style == "repeat" or key.endswith("[]"):
            wishes[name] = [*wishes.get(name, []), value]
        else:
            wishes[name] = [value]
    return wishes


def _is_flag(name: str) -> bool:
    return name in PERSON_FLAGS or name in SPELLINGS["both"]


def _bound(wishes: Row, key: str) -> Test | None:
    if wishes.get(key) is None:
        return None
    try:
        edge = _moment(wishes[key])
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{key} must be a UTC ISO8601 timestamp") from error
    if key == "added_after":
        return lambda _, company: bool(company) and _moment(company["added_at"]) >= edge
    return lambda _, company: bool(company) and _moment(company["added_at"]) <= edge


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _listed(wishes: Row, key: str, attribute: str) -> Test | None:
    wanted = wishes.get(key)
    if wanted is None or wanted == []:
        return None
    if not isinstance(wanted, list) or not all(isinstance(word, str) for word in wanted):
        raise InvalidInput(f"{key} must be an array of strings")
    words = set(wanted)
    if attribute == "job_titles":
        lowered = [word.lower() for word in wanted]
        return lambda row, _: any(word in str(row.get("job_title") or "").lower() for word in lowered)
    if attribute in ("departments", "seniorities"):
        column = {"departments": "department", "seniorities": "seniority"}[attribute]
        return lambda row, _: row.get(column) in words
    if attribute in ("functions", "technologies"):
        return lambda _, company: not words.isdisjoint(company.get(attribute) or ())
    column = {"locations": "location", "industries": "industry", "tlds": "tld"}[attribute]
    return lambda _, company: company.get(column) in words


def _negated(test: Test | None) -> Test | None:
    return None if test is None else lambda row, company: not test(row, company)


def _flag(wishes: Row, key: str, attribute: str) -> Test | None:
    wanted = wishes.get(key)
    if wanted is None:
        return None
    if not isinstance(wanted, bool):
        raise InvalidInput(f"{key} must be a boolean")
    holds: dict[str, Test] = {
        "has_personal_email": lambda row, _: any(m.get("type") == "personal" for m in row.get("emails") or ()),
        "has_linkedin_profile": lambda row, _: bool(row.get("linkedin_url")),
        "is_decision_maker": lambda row, _: bool(row.get("is_decision_maker")),
        "company_has_generic_email": lambda _, company: bool(company.get("generic_email")),
        "company_has_linkedin_profile": lambda _, company: bool(company.get("linkedin_url")),
    }
    test = holds[attribute]
    return lambda row, company: test(row, company) == wanted
