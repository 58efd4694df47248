"""Ten minutes at full speed by the clock of the vendors' emulations: with its default pace no connector runs into a limit."""

from typing import get_type_hints

import pytest
from benches import BENCHES, SwiftClock

from sync.config.kinds import AbmaticConfig, ActivecampaignConfig, ConversionConfig, LetricsConfig
from sync.model.remote import Outcome
from sync.sandbox.start import Sandbox


def of_default(config):
    """The pace of a configuration that says nothing of it."""
    keys = get_type_hints(config, include_extras=True)
    named = {name: keys[name].__metadata__[0].default for name in ("requests_per_minute", "requests_per_second")}
    return {name: value for name, value in named.items() if value is not None}


STRETCH_S = 600
LIMITS = {
    "abmatic": {"requests_per_minute": 100},
    "conversion": {"requests_per_second": 5},
    "activecampaign": {"requests_per_second": 5},
    "letrics": {"requests_per_minute": 60},
}
"""What the vendors' documents name, and what is assumed where they name nothing (`apis/`)."""
CONFIGS = (AbmaticConfig, ConversionConfig, ActivecampaignConfig, LetricsConfig)
PACES = {system: of_default(config) for system, config in zip(LIMITS, CONFIGS, strict=True)}


class SharedClock(SwiftClock):
    """A wait of the connector moves the emulation's clock as well."""

    def __init__(self, control):
        super().__init__()
        self._control = control

    def sleep(self, seconds):
        super().sleep(seconds)
        self._control("clock", {"advance_s": seconds})


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(accounts=0, contacts=0) as found:
        yield found


@pytest.mark.parametrize("system", LIMITS)
def test_no_limit_is_exceeded_by_more_than_one_request(sandbox, system):
    """Writes, looks and lists as fast as the connector lets them go: the vendor refuses one request at most for its rate."""
    bench = BENCHES[system](sandbox)
    ids = bench.fill(120)
    bench.control("limits", {"system": system, **LIMITS[system]})
    bench.clock, bench.pace = SharedClock(bench.control), PACES[system]
    one = bench.connect()
    bench.control("calls", method="DELETE")
    started, turn = bench.clock.monotonic(), 0
    while bench.clock.monotonic() < started + STRETCH_S:
        turn += 1
        _work(bench, one, ids, turn)
    log = bench.log()
    print(f"{system}: {len(log)} requests in ten minutes, {turn} turns")
    assert len(log) > 0.7 * _most(LIMITS[system]), "the connector was not at full speed"
    assert sum(row["status"] in (400, 429) for row in log) <= 1
    bench.close()


def _work(bench, one, ids, turn):
    if not bench.writable or (turn % 10 == 0 and bench.listable):
        list(one.pull(bench.feed, None, full=True))
    else:
        one.fetch(bench.feed, ids[turn % 100 : turn % 100 + 3])
    if bench.writable:
        [receipt] = one.push([bench.retitle(ids[turn % len(ids)], f"title {turn}")])
        assert receipt.outcome is Outcome.ACKED


def _most(limit):
    return limit.get("requests_per_minute", 0) * 10 or limit["requests_per_second"] * STRETCH_S
