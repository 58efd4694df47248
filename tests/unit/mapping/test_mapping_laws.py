"""The laws of every lens, over whatever JSON a vendor may send."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_cells import make_cell

from sync.mapping import NO_REFS
from sync.mapping.build import TYPE_NAMES
from sync.model.values import MISSING, Absence

# NaN is no JSON, and equals nothing
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
spellings = st.sampled_from(
    [
        *(
            "",
            " ",
            "0",
            "1",
            "true",
            "No",
            "A;B",
            "||A||B||",
            ";",
            "||",
            " x ",
            "Caf\u0065\u0301",
            "\u00a0",
            "I\u0307",
            "1e5",
            "1,234.50",
            "-0",
            "+49 30 123456",
        ),
        *(
            "(650) 253-0000",
            "https://www.Acme.com/a/",
            "Ada@ACME.example.com",
            "acme.co.uk.",
            "Germany",
            "DE",
            "11-50",
            "11\u201350",
            "10001+",
            "2026-02-30",
        ),
        *(
            "2026-01-02",
            "2026-01-02T03:04:05.678+0200",
            "0000-00-00",
            "0000-00-00 00:00:00",
            "003ak00000luKU1",
            "003ak00000luKU1AAM",
            "executive",
            "VP",
            "wizard",
        ),
        *(
            "SUBSCRIBED",
            "bounced",
            "3",
            "2",
            "vp",
            "ABM-1",
            "ABM-",
            "9999-12-31T23:59:59-12:00",
            "1" * 50,
            "\r\n",
            "\x00",
            "://",
            "@",
            "a@",
            "x" * 300,
        ),
        *(
            ["b", "a", "b"],
            [{"name": "T"}],
            [{"email": "b@c.de"}, {"email": "A@c.de", "type": "work"}],
            {"id": 5},
            [None],
            [[]],
            5,
            5.5,
            10**30,
            1e308,
        ),
    ]
)
natives = json_values | spellings

VALUES = {"executive": "C-Level", "chief": "C-Level", "vp": "VP"}
WORDS = ("C-Level", "VP", "Staff")
BANDS = ("1-10", "11-50", "51-200", "10001+")
CELLS = {
    **{
        f"{kind}-{name}": {"type": name, "kind": kind, "entity": "account"}
        for name in TYPE_NAMES
        for kind in ("salesforce", "abmatic")
    },
    **{
        f"activecampaign-{name}": {"type": name, "kind": "activecampaign", "path": "fields.X"}
        for name in ("integer", "decimal", "boolean", "multi")
    },
    **{
        f"table-{rule}": {"type": "enum", "vocabulary": WORDS, "values": VALUES, "otherwise": rule}
        for rule in ("keep", "hold", "drop")
    },
    "table-literal": {
        "type": "enum",
        "vocabulary": WORDS,
        "values": VALUES,
        "otherwise": "literal",
        "literal": "Staff",
    },
    "table-multi": {"type": "multi", "vocabulary": WORDS, "values": VALUES, "otherwise": "hold"},
    "table-boolean": {"type": "boolean", "values": {"Yes": True, "No": False}},
    "vocabulary": {"type": "enum", "vocabulary": WORDS, "otherwise": "hold"},
    "bands": {"type": "integer", "bands": BANDS},
    "bands-hold": {"type": "integer", "bands": BANDS, "otherwise": "hold"},
    "tags": {"type": "multi", "kind": "activecampaign", "path": "tags", "prefix": "abm:"},
    "prefix": {"prefix": "ABM-"},
    "case": {"case": "lower"},
    "cut": {"max_length": 5, "truncate": True},
    "short": {"max_length": 5},
    "scale": {"type": "decimal", "scale": 2},
    "root": {"type": "domain", "format": "root"},
    "country-name": {"type": "country", "format": "name", "otherwise": "hold"},
    "epoch": {"type": "datetime", "format": "epoch"},
    "epoch-date": {"type": "date", "format": "epoch"},
    "day": {"type": "datetime", "format": "date"},
    "midnight": {"type": "date", "format": "datetime"},
    "phone-us": {"type": "phone", "region": "US"},
    "flag": {"type": "consent", "lens": "opt_out_flag"},
    "list": {"type": "consent", "lens": "list_status"},
    "list-subscribing": {"type": "consent", "lens": "list_status", "subscribe": True},
    "consent-table": {"type": "consent", "values": {"Out": "UNSUBSCRIBED", "In": "SUBSCRIBED"}},
    "first": {"lens": "split", "part": "first"},
    "last": {"lens": "split", "part": "last"},
}
BUILT = {name: make_cell(**options) for name, options in CELLS.items()}
every_lens = pytest.mark.parametrize("name", CELLS)


def is_canonical(value):
    return (
        value is None
        or isinstance(value, bool | int | str | Absence)
        or (isinstance(value, list) and value == sorted(set(value)))
    )


@pytest.mark.law("row 42")
@pytest.mark.law("row 54")
@every_lens
@settings(max_examples=20, deadline=None)
@given(native=natives)
def test_get_is_total(name, native):
    """get answers every JSON value with a canonical value or an absence, and MISSING with MISSING."""
    cell = BUILT[name]
    value = cell.get(native, NO_REFS)
    assert cell.options.type == "json" or is_canonical(value), value
    assert cell.get(MISSING, NO_REFS) is MISSING


@every_lens
@settings(max_examples=20, deadline=None)
@given(native=natives)
def test_get_put(name, native):
    """L12 GetPut: writing what is read leaves the very native value."""
    cell = BUILT[name]
    value = cell.get(native, NO_REFS)
    if not isinstance(value, Absence):
        assert cell.put(value, native, NO_REFS) is native
        assert cell.agrees(value, native, NO_REFS)


@pytest.mark.law("row 50")
@every_lens
@settings(max_examples=20, deadline=None)
@given(native=natives)
def test_put_get(name, native):
    """L12 PutGet: what is written is read as it was meant, or held, or the cell says that it is lossy."""
    cell = BUILT[name]
    value = cell.get(native, NO_REFS)
    written = MISSING if isinstance(value, Absence) else cell.put(value, MISSING, NO_REFS)
    if isinstance(written, Absence):
        return
    again = cell.get(written, NO_REFS)
    if not cell.lossy:
        assert again == value
    settled = cell.put(again, MISSING, NO_REFS)
    assert isinstance(settled, Absence) or cell.eq(settled, written) or cell.options.case, (
        "a second round moves nothing"
    )


@pytest.mark.law("row 48")
@every_lens
@settings(max_examples=20, deadline=None)
@given(left=natives, right=natives)
def test_eq_is_an_equivalence(name, left, right):
    """eq is reflexive and symmetric, and does not raise; nothing equals an absence."""
    cell = BUILT[name]
    assert cell.eq(left, left)
    assert cell.eq(left, right) == cell.eq(right, left)
    assert not cell.eq(left, MISSING)
    assert cell.eq(MISSING, MISSING)


@pytest.mark.law("row 54")
@every_lens
@settings(max_examples=20, deadline=None)
@given(native=natives, before=natives)
def test_put_is_total_and_settles(name, native, before):
    """put over any native value agrees afterwards, or is an absence; a second put changes nothing."""
    cell = BUILT[name]
    value = cell.get(native, NO_REFS)
    if isinstance(value, Absence):
        return
    written = cell.put(value, before, NO_REFS)
    if not isinstance(written, Absence):
        assert cell.agrees(value, written, NO_REFS)
        assert cell.eq(cell.put(value, written, NO_REFS), written)


@every_lens
@settings(max_examples=10, deadline=None)
@given(native=natives)
def test_null_and_empty_text_are_alike(name, native):
    """null and "" are one to every system; variant is at least eq and never raises."""
    cell = BUILT[name]
    assert cell.eq(None, "")
    assert cell.variant(native, native)
    cell.variant(native, "x")
    cell.variant("x", native)


states = st.sampled_from([None, "SUBSCRIBED", "PENDING", "UNSUBSCRIBED"])
consents = st.sampled_from(
    [
        None,
        "",
        "SUBSCRIBED",
        "PENDING",
        "UNSUBSCRIBED",
        "BOUNCED",
        "COMPLAINED",
        0,
        1,
        2,
        3,
        "3",
        True,
        False,
        MISSING,
        "??",
    ]
)
STRICT = {None: 0, "SUBSCRIBED": 1, "PENDING": 2, "UNSUBSCRIBED": 3}


@pytest.mark.parametrize("name", ["flag", "list", "salesforce-consent", "consent-table"])
@given(value=states, before=consents)
def test_consent_is_never_loosened(name, value, before):
    """L6: without `subscribe` no put lowers what stands there, and none makes an opt-in."""
    cell = BUILT[name]
    written = cell.put(value, before, NO_REFS)
    if written is before or isinstance(written, Absence):
        return
    old = cell.get(before, NO_REFS)
    new = cell.get(written, NO_REFS)
    assert new != "SUBSCRIBED"
    assert STRICT[new] > (0 if isinstance(old, Absence) else STRICT[old])


@pytest.mark.parametrize("name", ["flag", "list", "list-subscribing", "salesforce-consent", "consent-table"])
@given(before=consents)
def test_every_system_learns_an_opt_out(name, before):
    """L6: UNSUBSCRIBED can be written over anything, and over nothing."""
    cell = BUILT[name]
    assert cell.get(cell.put("UNSUBSCRIBED", before, NO_REFS), NO_REFS) in ("UNSUBSCRIBED", before)


@every_lens
@settings(max_examples=20, deadline=None)
@given(native=natives)
def test_what_stands_verbatim_means_itself(name, native):
    """Where a cell says so, a canonical value that stands there as it is agrees with itself: the plan relies on it."""
    cell = BUILT[name]
    value = cell.get(native, NO_REFS)
    if cell.verbatim and not isinstance(value, Absence):
        assert cell.agrees(value, value, NO_REFS)
