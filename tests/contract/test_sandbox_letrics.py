"""The emulated Letrics over real HTTP, against section 3 of the vendor's sheet."""

from __future__ import annotations

import pytest
from others_http import served

from sync.sandbox.letrics import Letrics
from sync.sandbox.people import Company, Person, Population
from sync.sandbox.vendor import EditRefused


@pytest.fixture
def lt():
    with served(Letrics, {"Authorization": "Bearer sandbox"}) as here:
        yield here


def firm(lt, at="2026-01-05T00:00:00Z", **more):
    row = {"name": "Acme", "domain": "acme.example.com", "tld": "com", "industry": "Retail", "added_at": at, **more}
    return lt.vendor.edit("companies", None, {"create": row}, None)


def person(lt, company, **more):
    row = {"first_name": "Ada", "job_title": "Finance Manager", "seniority": "Manager", "company_id": company, **more}
    return lt.vendor.edit("contacts", None, {"create": row}, None)


def ask(lt, name="contacts", **body):
    return lt.client.post(f"/{name}", json=body)


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer sandbox-x", 200), ("Bearer no", 401), ("sandbox", 401), ("", 401)]
)
def test_bearer_key(lt, header, status):
    """Only a bearer key opens; 401 has no errors to read."""
    answer = lt.client.post("/contacts", json={}, headers={"Authorization": header})
    assert answer.status_code == status and (status == 200 or not answer.content)


def test_people_come_with_their_company(lt):
    """A person carries `company_id` and the company as it is now; meta counts people, not companies."""
    company = firm(lt)
    row = person(lt, company, email="ada@acme.example.com")
    lt.vendor.edit("companies", company, {"set": {"name": "Acme Group"}}, None)
    [found] = ask(lt).json()["data"]
    assert (found["id"], found["company_id"], found["company"]["name"]) == (row, company, "Acme Group")
    assert found["emails"] == [{"email": "ada@acme.example.com", "type": "work"}] and "email" not in found
    assert ask(lt).json()["meta"] == {"page": 1, "per_page": 25, "total": 1} and ask(lt).json()["errors"] == []
    assert ask(lt, "companies").json()["meta"] == {"page": 1, "per_page": 25}
    assert not lt.last.write


def test_windows_test_the_company_and_include_both_ends(lt):
    """`added_after` and `added_before` are inclusive and look at the company: a late person of an old company is old."""
    old, young = firm(lt, "2026-01-01T00:00:00Z"), firm(lt, "2026-02-01T00:00:00Z")
    first, second = person(lt, old), person(lt, young)
    late = person(lt, old)
    assert set(ids(ask(lt, added_before="2026-01-01T00:00:00Z"))) == {first, late}
    assert ids(ask(lt, added_after="2026-02-01T01:00:00+01:00")) == [second]
    assert ids(ask(lt, "companies", added_after="2026-01-01T00:00:00Z", added_before="2026-01-31T00:00:00Z")) == [old]
    assert ask(lt, added_after="soon").json()["errors"][0]["id"] == "invalid_input"


def test_filters_are_or_inside_and_and_between(lt):
    """Titles match in part and without case, the rest exactly; `exclude_` negates; unknown fields are ignored."""
    retail, tech = firm(lt, technologies=["Shopify", "AWS"]), firm(lt, industry="Tech", technologies=["AWS"])
    manager, boss = person(lt, retail), person(lt, tech, job_title="CEO", seniority="C-Level")
    assert ids(ask(lt, job_titles=["MANAGER", "nobody"])) == [manager] and ids(ask(lt, seniorities=["manager"])) == []
    assert ids(ask(lt, industries=["Tech"], seniorities=["Manager"])) == [] and ids(
        ask(lt, technologies=["Shopify"])
    ) == [manager]
    assert ids(ask(lt, exclude_industries=["Retail"])) == [boss] and set(ids(ask(lt, shoe_sizes=["42"]))) == {
        manager,
        boss,
    }
    assert ask(lt, industries="Tech").status_code == 400


def test_both_spellings_of_the_renamed_filter(lt):
    """Both names of the personal e-mail filter work by default; either can be made to be ignored."""
    mails = [{"email": "a@acme.example.com", "type": "work"}, {"email": "a@mail.example", "type": "personal"}]
    private, plain = person(lt, firm(lt), emails=mails), person(lt, firm(lt))
    assert ids(ask(lt, has_personal_emails=True)) == ids(ask(lt, has_personal_email=True)) == [private]
    lt.vendor.limit({"renamed": "new"})
    assert set(ids(ask(lt, has_personal_emails=True))) == {private, plain} and ids(
        ask(lt, has_personal_email=True)
    ) == [private]


def test_get_form_wants_brackets(lt):
    """GET takes `tlds[]=…`; a repeated bare name keeps its last value; other styles are settings."""
    com, org = firm(lt, tld="com"), firm(lt, tld="org")
    get = lt.client.get
    assert set(ids(get("/companies", params={"tlds[]": ["com", "org"], "per_page": "2"}))) == {com, org}
    assert ids(get("/companies", params={"tlds": ["com", "org"]})) == [org]
    lt.vendor.limit({"array_style": "comma"})
    assert set(ids(get("/companies", params={"tlds": "com,org"}))) == {com, org}
    lt.vendor.limit({"array_style": "repeat"})
    assert set(ids(get("/companies", params={"tlds": ["com", "org"]}))) == {com, org}


def test_pages(lt):
    """25 by default, at most 100, newest first, empty past the end or, as a setting, the last page again."""
    company = firm(lt)
    people = [person(lt, company) for _ in range(30)]
    assert (
        ids(ask(lt)) == people[::-1][:25] and ids(ask(lt, page=2)) == people[::-1][25:] and ids(ask(lt, page=9)) == []
    )
    refused = ask(lt, per_page=101)
    assert refused.status_code == 400 and refused.json()["data"] is None
    assert refused.json()["errors"] == [{"id": "invalid_input", "code": 400, "details": "per_page must be at most 100"}]
    lt.vendor.limit({"past_end": "clamp"})
    assert ids(ask(lt, page=9)) == people[::-1][25:]
    lt.vendor.limit({"order": "unstable"})
    assert len({tuple(ids(ask(lt, per_page=100))) for _ in range(4)}) > 1 and set(ids(ask(lt, per_page=100))) == set(
        people
    )


def test_it_is_read_only(lt):
    """Writing verbs are refused, other addresses are 404, and a set rate is 429 with Retry-After."""
    assert lt.client.put("/contacts", json={}).status_code == 405 and ask(lt, "deals").status_code == 404
    lt.vendor.limit({"requests_per_minute": 1})
    assert [ask(lt).status_code for _ in range(2)] == [200, 429]


def test_rows_come_change_and_go(lt):
    """Edits by path, deletes and undeletes show in searches at once; unknown rows and objects are refused."""
    row = person(lt, firm(lt), email="a@example.com")
    lt.vendor.edit("contacts", row, {"set": {"email": "b@example.com", "job_title": "CEO"}}, None)
    assert ask(lt, job_titles=["ceo"]).json()["data"][0]["emails"][0]["email"] == "b@example.com"
    lt.vendor.edit("contacts", row, {"delete": True}, None)
    assert ids(ask(lt)) == [] and lt.vendor.rows("contacts")[0]["_deleted"]
    lt.vendor.edit("contacts", row, {"undelete": True}, None)
    assert ids(ask(lt)) == [row]
    for name, row_id, change in (
        ("contacts", "77", {"delete": True}),
        ("deals", None, {"create": {}}),
        ("contacts", row, {"merge_into": "1"}),
    ):
        with pytest.raises(EditRefused, match="letrics"):
            lt.vendor.edit(name, row_id, change, None)


def test_population(lt):
    """Invented people arrive at their company where Letrics knows it."""
    here = frozenset({"letrics"})
    firms = tuple(
        Company(n, "Acme", f"a{n}.example.com", "Retail", 42, "Berlin", "BE", "DE", "", 1, 50, s)
        for n, s in enumerate((here, frozenset()))
    )
    people = tuple(
        Person(n, "Ada", f"Q{n}", f"p{n}@a.example.com", "CTO", "VP", "", n, 5, opted_out=False, systems=here)
        for n in range(2)
    )
    lt.vendor.populate(Population(1, firms, people))
    found = ask(lt).json()["data"]
    assert [row["company_id"] for row in found] == [None, lt.vendor.rows("companies")[0]["id"]]
    lt.vendor.clear()
    assert ids(ask(lt)) == []
