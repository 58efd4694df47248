"""What config.toml says of Salesforce, on the wire of the emulated org."""

from contextlib import closing

import pytest
from salesforce_http import running

from sync.config import load
from sync.errors import AuthError
from sync.model.clock import SystemClock
from sync.model.remote import Feed
from sync.runner.wire import build
from sync.state import Store

CONTACT = Feed("Contact", ("LastName",))


@pytest.fixture
def org():
    with running() as found:
        found.vendor.limit({"rotate_refresh_tokens": True})
        yield found


@pytest.fixture
def log_in(org, tmp_path):
    """A process of its own: reads the configuration, logs in with a refresh token, reads, ends."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text(
        f'[systems.salesforce]\nlogin_url = "{org.url}"\nclient_id = "env:KEY"\n'
        'auth = "refresh_token"\nclient_secret = "env:KEY"\nrefresh_token = "env:TOKEN"\n'
    )

    def log_in(token):
        clock, url = SystemClock(), f"sqlite:///{tmp_path}/state.db"
        (config,) = load(tmp_path / "config.toml", {"KEY": "sandbox", "TOKEN": token}).systems.values()
        with closing(Store.open(url, clock=clock)) as store:
            connector = build(config, clock, store, url).connector
            with closing(connector):
                return list(connector.pull(CONTACT, None))

    return log_in


def test_a_rotated_token_is_used_by_the_next_process(log_in):
    """Each log-in kills the token before: the next process goes on with the one that the state keeps."""
    for _ in range(3):
        assert log_in("sandbox-first")


def test_a_new_token_in_the_configuration_replaces_what_the_former_became(org, log_in):
    """When the grant is void a person logs in anew: that token counts, not the dead one that the state keeps."""
    log_in("sandbox-first")
    org.token(grant_type="refresh_token", client_id="sandbox", client_secret="sandbox", refresh_token="sandbox-first")
    with pytest.raises(AuthError):
        log_in("sandbox-first")
    for _ in range(2):
        assert log_in("sandbox-second")
