"""What `check` says where a vendor's real API is another than the configured one: which profile fits, found out without a write."""

from __future__ import annotations

import pytest
from benches import AbmaticBench, ConversionBench, LetricsBench, SalesforceBench

from sync.connectors.abmatic import Abmatic
from sync.connectors.conversion import Conversion
from sync.connectors.salesforce import ClientCredentials, Salesforce
from sync.sandbox.start import Sandbox


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(accounts=0, contacts=0, limits=False) as found:
        yield found


def findings(bench, one):
    bench.forget()
    found = {finding.what: finding for finding in one.probe()}
    assert not bench.sent()
    one.close()
    return found


@pytest.mark.parametrize("configured", ["A1", "A2", "A3"])
@pytest.mark.parametrize("real", ["A1", "A2", "A3"])
def test_abmatic(sandbox, configured, real):
    """Whatever is configured, check names the revision that the server speaks, and is content only if it is that one."""
    bench = AbmaticBench(sandbox)
    bench.add("ada")
    bench.control("limits", {"system": "abmatic", "profile": real})
    one = Abmatic("abmatic", bench.url(), "sandbox", clock=bench.clock, gate=bench.gate, profile=configured, retries=1)
    profile = findings(bench, one)["profile"]
    assert profile.well is (configured == real)
    assert real in profile.detail
    assert profile.well or f'`profile = "{real}"`' in profile.remedy


@pytest.mark.parametrize("configured", ["C0", "C1", "C2"])
@pytest.mark.parametrize("real", ["C0", "C1", "C2"])
def test_conversion(sandbox, configured, real):
    """A key that another revision takes is said to belong there, header and all."""
    bench = ConversionBench(sandbox)
    bench.control("limits", {"system": "conversion", "profile": real})
    exports = {"exports": True} if configured == "C2" else {}
    one = Conversion(
        "conversion",
        bench.url(),
        "sandbox",
        clock=bench.clock,
        gate=bench.gate,
        profile=configured,
        retries=0,
        **exports,
    )
    bench.forget()
    found = {finding.what: finding for finding in one.probe()}
    one.close()
    profile = found["profile"]
    assert configured in profile.detail
    if configured == real:
        assert profile.well and profile.detail == f"{real} fits"
    else:
        assert f'`profile = "{real}"`' in profile.remedy + profile.detail


def test_conversion_with_a_key_that_nobody_takes(sandbox):
    """Where no revision takes the key, it is the key that is wrong."""
    bench = ConversionBench(sandbox)
    one = Conversion("conversion", bench.url(), "nobody's", clock=bench.clock, gate=bench.gate, retries=0)
    found = findings_of_a_refusal(bench, one)
    assert not found["credentials"].well and found["credentials"].remedy


def findings_of_a_refusal(bench, one):
    found = {finding.what: finding for finding in one.probe()}
    one.close()
    return found


def test_salesforce_names_the_versions_that_are_served(sandbox):
    """An API version that the org does not serve is said to be so, with those that it does."""
    bench = SalesforceBench(sandbox)
    auth = ClientCredentials("sandbox", "sandbox")
    one = Salesforce("salesforce", bench.url(), auth=auth, clock=bench.clock, gate=bench.gate, api_version="11.0")
    version = findings(bench, one)["API version"]
    assert not version.well and "67.0" in version.remedy


@pytest.mark.parametrize("style", ["brackets", "repeat", "comma"])
def test_letrics_in_every_form(sandbox, style):
    """Where lists are spelled otherwise than configured, check names the form that works."""
    bench = LetricsBench(sandbox)
    bench.add("ada")
    bench.control("limits", {"system": "letrics", "array_style": style})
    for configured in ("brackets", "repeat", "comma"):
        one = bench.connect(method="GET", array_style=configured)
        filters = {finding.what: finding for finding in one.probe()}["filters"]
        heard = configured == style or (style, configured) == ("repeat", "brackets")
        assert filters.well is heard
        assert filters.well or "POST" in filters.remedy
    bench.close()


def test_letrics_by_get_alone(sandbox):
    """Where only GET is there, the style that works is named."""
    bench = LetricsBench(sandbox)
    bench.add("ada")
    bench.fault("status", status=405, method="POST", times=None)
    form = {finding.what: finding for finding in bench.connect().probe()}["form"]
    assert not form.well and form.remedy == 'Set `method = "GET"`.'
    bench.control("limits", {"system": "letrics", "array_style": "comma"})
    filters = {finding.what: finding for finding in bench.connect(method="GET").probe()}["filters"]
    assert filters.remedy == 'Set `method = "GET"` and `array_style = "comma"`.'
    bench.close()
