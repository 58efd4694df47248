"""What each type and lens reads and writes."""

import pytest
from mapping_cells import Links, make_cell

from sync.mapping import NO_REFS
from sync.mapping.lens import Options
from sync.model.values import HELD, MISSING, UNRESOLVED

TABLE = {
    "type": "enum",
    "vocabulary": ("C-Level", "VP", "Staff"),
    "values": {"executive": "C-Level", "chief": "C-Level", "vp": "VP"},
}
BANDS = {"type": "integer", "bands": ("1-10", "11-50", "51-200", "10001+")}
TAGS = {"type": "multi", "kind": "activecampaign", "path": "tags", "prefix": "abm:"}

READS = [
    ({}, "  Head of X ", "Head of X"),
    ({}, "Cafe\u0301", "Caf\u00e9"),
    ({}, 12345, "12345"),
    ({}, " \u00a0 ", None),
    ({}, {"a": 1}, HELD),
    ({"type": "text"}, "one\r\ntwo ", "one\ntwo"),
    ({"type": "integer"}, 81.0, 81),
    ({"type": "integer"}, "1,234", 1234),
    ({"type": "integer"}, "5e1", 50),
    ({"type": "integer"}, True, HELD),
    ({"type": "integer"}, "many", HELD),
    ({"type": "integer"}, "1e999", HELD),
    ({"type": "decimal"}, 50000.00, "50000"),
    ({"type": "decimal"}, "12.50", "12.5"),
    ({"type": "decimal"}, 0.1, "0.1"),
    ({"type": "decimal"}, -0.0, "0"),
    ({"type": "boolean"}, "Yes", True),
    ({"type": "boolean"}, 0, False),
    ({"type": "boolean"}, "maybe", HELD),
    ({"type": "date"}, "2026-11-20T23:00:00-05:00", "2026-11-20"),
    ({"type": "date"}, "0000-00-00", None),
    ({"type": "date"}, "2026-02-30", HELD),
    ({"type": "date", "format": "epoch"}, 1767225600, "2026-01-01"),
    ({"type": "datetime"}, "2026-11-20T09:15:02.000+0000", "2026-11-20T09:15:02Z"),
    ({"type": "datetime"}, "2020-05-19T02:45:00-05:00", "2020-05-19T07:45:00Z"),
    ({"type": "datetime"}, "2020-05-19 02:45:00.250", "2020-05-19T02:45:00.250000Z"),
    ({"type": "datetime", "format": "epoch"}, 1767225600000, "2026-01-01T00:00:00Z"),
    ({"type": "email"}, " Ada@ACME.example.com ", "ada@acme.example.com"),
    ({"type": "email"}, [{"email": "p@x.org", "type": "home"}, {"email": "W@x.org", "type": "work"}], "w@x.org"),
    ({"type": "phone", "region": "US"}, "(650) 253-0000 ext. 5", "+16502530000;ext=5"),
    ({"type": "phone"}, "+49 (0)30 901820", "+4930901820"),
    ({"type": "phone"}, "call me", "call me"),
    ({"type": "url"}, "HTTPS://Acme.com/About/", "https://acme.com/About"),
    ({"type": "url"}, "acme.com", "https://acme.com"),
    ({"type": "domain"}, "https://www.ACME.example.com:8080/about?x=1", "acme.example.com"),
    ({"type": "domain"}, "ACME.example.com.", "acme.example.com"),
    ({"type": "domain"}, "info@acme.de", "acme.de"),
    ({"type": "domain"}, "b\u00fccher.de", "xn--bcher-kva.de"),
    ({"type": "domain", "format": "root"}, "shop.acme.co.uk", "acme.co.uk"),
    ({"type": "country"}, "Deutschland", "DE"),
    ({"type": "country"}, "united states", "US"),
    ({"type": "country"}, "GBR", "GB"),
    ({"type": "country"}, "uk", "GB"),
    ({"type": "country"}, "Bavaria", "Bavaria"),
    ({"type": "country", "otherwise": "hold"}, "Bavaria", HELD),
    ({"type": "id"}, "003ak00000luKU1", "003ak00000luKU1AAM"),
    ({"type": "id"}, 12, "12"),
    ({"type": "json"}, {"a": [1]}, {"a": [1]}),
    ({"type": "json"}, {}, None),
    (TABLE, "Executive", "C-Level"),
    (TABLE, "c-level", "C-Level"),
    (TABLE, "wizard", "wizard"),
    ({**TABLE, "otherwise": "hold"}, "wizard", HELD),
    ({**TABLE, "otherwise": "drop"}, "wizard", None),
    ({**TABLE, "otherwise": "literal", "literal": "Staff"}, "wizard", "Staff"),
    ({"type": "boolean", "values": {"Ja": True, "Nein": False}}, "ja", True),
    (BANDS, "11\u201350", 11),
    (BANDS, "10,001+", 10001),
    (BANDS, "51 to 200", 51),
    (BANDS, 43, 43),
    ({**BANDS, "otherwise": "hold"}, "tiny", HELD),
    ({"type": "multi"}, "B; A;B;", ["A", "B"]),
    ({"type": "multi"}, "||B||A||", ["A", "B"]),
    ({"type": "multi"}, [{"id": 1, "name": "T"}], ["T"]),
    ({"type": "multi"}, "", None),
    (TAGS, ["abm:T2", "vip", "abm:T1"], ["T1", "T2"]),
    ({"prefix": "ABM-"}, "ABM-7", "7"),
    ({"lens": "split", "part": "first"}, "Ada King Lovelace", "Ada King"),
    ({"lens": "split", "part": "last"}, "Ada King Lovelace", "Lovelace"),
    ({"lens": "split", "part": "first"}, "Ada", None),
    ({"lens": "split", "part": "last"}, "Ada", "Ada"),
    ({"type": "consent"}, "unsubscribed", "UNSUBSCRIBED"),
    ({"type": "consent"}, "BOUNCED", "UNSUBSCRIBED"),
    ({"type": "consent"}, "NO_STATUS", None),
    ({"type": "consent"}, "whatever", HELD),
    ({"type": "consent", "lens": "opt_out_flag"}, True, "UNSUBSCRIBED"),
    ({"type": "consent", "lens": "opt_out_flag"}, False, None),
    ({"type": "consent", "lens": "list_status"}, "1", "SUBSCRIBED"),
    ({"type": "consent", "lens": "list_status"}, 0, "PENDING"),
    ({"type": "consent", "lens": "list_status"}, 3, "UNSUBSCRIBED"),
    ({"type": "consent", "lens": "list_status"}, None, None),
]

WRITES = [
    ({}, "x", MISSING, "x"),
    ({}, None, "x", None),
    ({"type": "integer"}, 5, None, 5),
    ({"type": "integer", "kind": "activecampaign", "path": "fields.SIZE"}, 5, None, "5"),
    ({"type": "decimal", "scale": 2}, "12.345", None, 12.35),
    ({"type": "decimal"}, "0.30000000000000000001", None, "0.30000000000000000001"),
    ({"type": "boolean"}, None, True, True),
    ({"type": "boolean", "kind": "abmatic"}, None, True, None),
    ({"type": "date", "format": "datetime"}, "2026-01-02", None, "2026-01-02T00:00:00Z"),
    ({"type": "datetime", "format": "epoch"}, "2026-01-01T00:00:00Z", None, 1767225600),
    ({"type": "datetime", "format": "date"}, "2026-01-01T10:00:00Z", None, "2026-01-01"),
    ({"type": "country", "format": "name"}, "DE", None, "Germany"),
    ({"type": "domain"}, "acme.com", "https://www.acme.com/about", "https://www.acme.com/about"),
    ({"type": "email"}, "ada@acme.com", "ADA@acme.com", "ADA@acme.com"),
    (TABLE, "C-Level", "chief", "chief"),
    (TABLE, "C-Level", "vp", "executive"),
    (TABLE, "Staff", "vp", "Staff"),
    ({**TABLE, "otherwise": "hold"}, "Staff", "vp", HELD),
    ({**TABLE, "otherwise": "drop"}, "Staff", "vp", "vp"),
    ({**TABLE, "otherwise": "literal", "literal": "VP"}, "Staff", "x", "vp"),
    (BANDS, 43, "1-10", "11-50"),
    (BANDS, 20000, None, "10001+"),
    (BANDS, 300, None, HELD),
    ({"type": "multi"}, ["A", "B"], "C", "A;B"),
    ({"type": "multi"}, ["A;B"], None, HELD),
    ({"type": "multi", "kind": "activecampaign", "path": "fields.X"}, ["A", "B"], None, "||A||B||"),
    ({"type": "multi", "kind": "abmatic"}, ["A"], None, ["A"]),
    (TAGS, ["T2"], ["abm:T1", "vip"], ["vip", "abm:T2"]),
    (TAGS, None, ["abm:T1", "vip"], ["vip"]),
    ({"prefix": "ABM-"}, "7", None, "ABM-7"),
    ({"case": "lower"}, "Software", None, "software"),
    ({"max_length": 5, "truncate": True}, "Head of X", None, "Head"),
    ({"max_length": 5}, "Head of X", None, HELD),
    ({"lens": "split"}, "Ada", "Bob Key", HELD),
    ({"type": "consent"}, "UNSUBSCRIBED", MISSING, "UNSUBSCRIBED"),
    ({"type": "consent"}, "UNSUBSCRIBED", "COMPLAINED", "COMPLAINED"),
    ({"type": "consent"}, "SUBSCRIBED", None, None),
    ({"type": "consent", "subscribe": True}, "SUBSCRIBED", None, "SUBSCRIBED"),
    ({"type": "consent", "subscribe": True}, "SUBSCRIBED", "BOUNCED", "BOUNCED"),
    ({"type": "consent"}, "PENDING", "SUBSCRIBED", "PENDING"),
    ({"type": "consent"}, "PENDING", "UNSUBSCRIBED", "UNSUBSCRIBED"),
    ({"type": "consent", "lens": "opt_out_flag"}, "UNSUBSCRIBED", False, True),
    ({"type": "consent", "lens": "opt_out_flag"}, "SUBSCRIBED", True, True),
    ({"type": "consent", "lens": "opt_out_flag"}, "SUBSCRIBED", MISSING, MISSING),
    ({"type": "consent", "lens": "list_status"}, "UNSUBSCRIBED", MISSING, 2),
    ({"type": "consent", "lens": "list_status"}, "UNSUBSCRIBED", 3, 3),
    ({"type": "consent", "lens": "list_status"}, "SUBSCRIBED", MISSING, MISSING),
    ({"type": "consent", "lens": "list_status"}, "PENDING", None, None),
    ({"type": "consent", "lens": "list_status"}, "PENDING", 1, HELD),
]

SAME = [
    ({}, "Caf\u00e9 ", "Cafe\u0301", True),
    ({}, "CTO", "cto", False),
    ({}, None, " ", True),
    ({}, False, None, False),
    ({"type": "integer"}, 5, "5.0", True),
    ({"type": "decimal"}, 12.5, "12.50", True),
    ({"type": "email"}, "A@b.c", "a@B.c", True),
    ({"type": "id"}, "003ak00000luKU1", "003ak00000luKU1AAM", True),
    ({"type": "ref", "entity": "account"}, "003ak00000luKU1", "003ak00000luKU1AAM", True),
    ({"type": "ref", "entity": "account", "kind": "activecampaign"}, 5, "5", True),
    ({"type": "ref", "entity": "account", "kind": "activecampaign"}, "0", None, True),
    ({"type": "multi"}, "A;B", "B;A", True),
    (TAGS, ["VIP", "a"], ["A", "vip"], True),
    ({"type": "datetime"}, "2026-11-20T09:15:02.123Z", "2026-11-20T10:15:02.000+0100", True),
    ({"type": "datetime", "kind": "abmatic"}, "2026-11-20T09:15:02.123Z", "2026-11-20T09:15:02Z", False),
    (BANDS, "11-50", "11 \u2013 50", True),
    ({"type": "consent", "lens": "list_status"}, 2, "UNSUBSCRIBED", True),
    ({"type": "consent", "lens": "list_status"}, 2, 3, False),
    ({"type": "consent", "lens": "opt_out_flag"}, False, None, True),
    ({"type": "domain"}, "acme.com", "http://acme.com", False),
]

AGREE = [
    (BANDS, 43, "11-50", True),
    (BANDS, 60, "11-50", False),
    ({"type": "decimal", "scale": 0}, "12.3", 12, True),
    ({"max_length": 5, "truncate": True}, "Head of X", "Head", True),
    ({"case": "lower"}, "Software", "software", True),
    ({"type": "domain"}, "acme.com", "https://www.ACME.com/x", True),
    ({"type": "datetime"}, "2026-01-01T00:00:00.500000Z", "2026-01-01T00:00:00.000+0000", True),
    ({"type": "consent", "lens": "opt_out_flag"}, "SUBSCRIBED", False, True),
    ({"type": "consent", "lens": "opt_out_flag"}, "UNSUBSCRIBED", False, False),
    ({}, "x", MISSING, False),
]

VARIANTS = [
    ("Head of Everything", "Head of Every", False),
    ("a" * 300, "A" * 255, True),
    ("a" * 300, "a" * 254, True),
    ("a" * 300, "a" * 253, False),
    ("\u00e4" * 300, "\u00e4" * 127, True),
    ("\U0001f600" * 200, "\U0001f600" * 127, True),
    ("a" * 79 + " and more", "a" * 79, True),
    ("&" * 60, "&amp;" * 10, True),
    ("CTO", "CT", False),
    ("12", "1", False),
    ("  padded  ", "padded", True),
    ("CamelCase", "camelcase", True),
    ("O\u2019Neil & Sons", "O\u2019Neil &amp; Sons", True),
    ("&lt;b&gt;", "<b>", True),
    ("\ufb01ne", "fine", True),
    (12.345, 12.35, True),
    (12.345, 12.34, True),
    (12.345, 12, True),
    (12.345, 13, False),
    ("2026-01-02T10:00:00Z", "2026-01-02", True),
    ("2026-01-02T10:00:00Z", "2026-01-0", False),
    (["B", "a"], ["A", "b"], True),
    (["B"], ["A", "b"], False),
    ("CTO", "CEO", False),
    ("CTO", "CTO and more", False),
    ("CTO", None, False),
    ("CTO", "", False),
    ("CTO", MISSING, False),
]


@pytest.mark.law("row 49")
@pytest.mark.parametrize(("options", "native", "expected"), READS)
def test_get(options, native, expected):
    """Every spelling of a vendor is read as what it means."""
    found = make_cell(**options).get(native, NO_REFS)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(("options", "value", "before", "expected"), WRITES)
def test_put(options, value, before, expected):
    """Every value is written as the system keeps it, and what means the same is left as it stands."""
    found = make_cell(**options).put(value, before, NO_REFS)
    assert found == expected and type(found) is type(expected)


@pytest.mark.law("row 51")
@pytest.mark.parametrize(("options", "left", "right", "expected"), SAME)
def test_eq(options, left, right, expected):
    """Native values are equal if the system cannot tell them apart, and only then."""
    assert make_cell(**options).eq(left, right) is expected


@pytest.mark.parametrize(("options", "value", "native", "expected"), AGREE)
def test_agrees(options, value, native, expected):
    """Either side may be the coarser one; nothing agrees with what is not known."""
    assert make_cell(**options).agrees(value, native, NO_REFS) is expected


@pytest.mark.law("row 46")
@pytest.mark.parametrize(("sent", "seen", "expected"), VARIANTS)
def test_variant(sent, seen, expected):
    """A server's normalisation is told from somebody's edit."""
    assert make_cell().variant(sent, seen) is expected


def test_a_beginning_is_a_cut_only_where_that_is_shown():
    """A short beginning is the server's doing at the column's declared length, or where the row's version is our write's; else an edit."""
    cell = make_cell()
    assert cell.variant("Head of Everything", "Head of Every", 13)
    assert cell.variant("Head of Everything", "Head of", 8)
    assert cell.variant("Head of Everything", "Head of E", proven=True)
    assert not cell.variant("Head of Everything", "Head of E", 13)
    assert not cell.variant("CTO", "CT", 3)
    assert not cell.variant("CTO", "CEO", 3, proven=True)
    assert not cell.variant("CTO", "", 3, proven=True)


def test_ref():
    """A ref is read and written through the links, in either form of the id; without a link it is unresolved."""
    cell = make_cell(type="ref", entity="account")
    links = Links({("salesforce", "account", "003ak00000luKU1AAM"): "rec1"})
    assert cell.get("003ak00000luKU1", links) == "rec1"
    assert cell.put("rec1", "003ak00000luKU1", links) == "003ak00000luKU1"
    assert cell.put("rec1", None, links) == "003ak00000luKU1AAM"
    assert cell.get("003ak00000luKU9AAM", links) is UNRESOLVED
    assert cell.put("rec2", None, links) is UNRESOLVED
    assert cell.get(None, links) is None and cell.put(None, "x", links) is None


def test_ref_as_field_of_its_target():
    """`of` writes a field of the parent, agrees with it, and never reads it back."""
    cell = make_cell(type="ref", entity="account", of=("name",), target=Options(type="string"), mode="write")
    links = Links({}, {("account", "rec1", "name"): "Acme"})
    assert cell.put("rec1", "Old", links) == "Acme"
    assert cell.agrees("rec1", " Acme", links) and not cell.agrees("rec1", "Old", links)
    assert cell.get("Acme", links) is HELD
    assert cell.writes and not cell.reads


@pytest.mark.parametrize("native", [10**30, -(10**30), "999999999999999999999999999999.5", 10**30 - 1])
def test_whole_numbers_end_where_their_text_ends(native):
    """A whole number of more than 30 digits is held, as a number and as text alike: what is read can be written and read again."""
    cell = make_cell(kind="activecampaign", path="fields.SIZE", type="integer")
    value = cell.get(native, NO_REFS)
    assert (value is HELD) == (native != 10**30 - 1)
    assert value is HELD or cell.get(cell.put(value, MISSING, NO_REFS), NO_REFS) == value
