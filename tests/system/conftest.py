"""The vendors that a service under test talks to: one sandbox for each module, emptied before each test."""

import pytest
from process import vendors


@pytest.fixture(scope="module")
def remote():
    with vendors("--accounts", "0", "--contacts", "0", "--no-limits") as found:
        yield found


@pytest.fixture
def emptied(remote):
    remote.calm()
    remote.call("POST", "reset", {"empty": True})
    return remote
