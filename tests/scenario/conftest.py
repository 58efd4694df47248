"""One sandbox for all scenarios of a process; each scenario finds it empty, with a workspace of its own."""

import pytest
from scene import Scene

from sync import redaction
from sync.sandbox.start import Sandbox


@pytest.fixture(scope="session")
def sandbox():
    with Sandbox(accounts=0, contacts=0, limits=False) as found:
        yield found


@pytest.fixture
def scene(sandbox, tmp_path):
    yield Scene(sandbox, tmp_path)
    redaction.forget_hidden()
