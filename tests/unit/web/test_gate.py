"""Who comes in, and who does not (reliability.md rows 117 to 120)."""

import re
from html import escape

import httpx
import pytest
from stage import MARKUP, TOKEN, form_token, log_in

from sync.web.gate import FORWARDED
from sync.web.login import safe_path
from sync.web.sessions import Sessions, Throttle, network

PAGES = ["/", "/runs", "/records", "/conflicts", "/quarantine", "/systems", "/mappings"]


def crawl(client):
    """Every page that the front page leads to, by path."""
    seen, todo = {}, ["/"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = client.get(path)
        if "html" in seen[path].headers["content-type"]:
            todo += [link.replace("&amp;", "&") for link in re.findall(r'(?:href|src)="(/[^"#]*)"', seen[path].text)]
    return seen


@pytest.fixture(scope="session")
def pages(url):
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        return crawl(client)


@pytest.mark.law("row 117")
def test_every_page_answers_and_escapes(pages):
    """Every page that can be reached answers 200, and a value full of markup stays text on all of them."""
    assert {path: page.status_code for path, page in pages.items() if page.status_code != 200} == {}
    assert len(pages) > 15
    assert not [path for path, page in pages.items() if MARKUP in page.text]
    assert [path for path, page in pages.items() if escape(MARKUP, quote=True).replace("&#x27;", "&#39;") in page.text]


@pytest.mark.law("row 117")
def test_no_page_holds_a_script_or_style_of_its_own(pages):
    """No page has an inline script, an inline style or an event handler: the policy would refuse it."""
    for path, page in pages.items():
        if "html" in page.headers["content-type"]:
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=[\"']", page.text), path


def test_every_answer_says_what_a_browser_may_do(web):
    """Pages, refusals, the API and files alike carry the policy, no sniffing, no framing, no referrer to others."""
    for path in ("/", "/nowhere", "/api/status", "/static/app.css", "/healthz", "/metrics"):
        head = web.get(path).headers
        assert "default-src 'none'" in head["content-security-policy"]
        assert "unsafe" not in head["content-security-policy"]
        assert "frame-ancestors 'none'" in head["content-security-policy"]
        assert (head["x-content-type-options"], head["x-frame-options"], head["referrer-policy"]) == (
            "nosniff",
            "DENY",
            "same-origin",
        )
        assert "access-control-allow-origin" not in head
    assert web.get("/", headers={"Origin": "https://evil.example"}).headers.get("access-control-allow-origin") is None
    assert web.get("/").headers["cache-control"] == "no-store"


@pytest.mark.law("row 119")
@pytest.mark.parametrize(
    "host", ["evil.example.com", "127.0.0.1.evil.example", "localhost.evil.example:8787", "", "[::1", "10.0.0.1"]
)
def test_another_name_is_not_served_on_loopback(web, host):
    """A request that reaches this machine under a foreign name (DNS rebinding) is refused, whatever it asks."""
    for path in ("/", "/api", "/api/status", "/metrics", "/static/app.css", "/login"):
        assert web.get(path, headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "[::1]:8787"])
def test_this_machines_names_are_served(web, host):
    """Names of the loopback are ours, with any port."""
    assert web.get("/healthz", headers={"Host": host}).status_code == 200
    assert web.get("/api/status", headers={"Host": host}).status_code == 200


def test_configured_names_are_served(stranger):
    """A name of [server] hosts is served; another is not."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert stranger.get("/api/status", headers={"Host": "crm.example.com", **bearer}).status_code == 200
    assert stranger.get("/api/status", headers={"Host": "crm.example.org", **bearer}).status_code == 421


def test_health_answers_under_any_name(web):
    """A load balancer may ask for health by a name that we do not know."""
    assert web.get("/healthz", headers={"Host": "pod-7.internal"}).status_code == 200
    assert web.get("/readyz", headers={"Host": "pod-7.internal"}).json()["ready"]


# tokens and sessions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/metrics", "/api", "/api/status", "/api/openapi.json", "/runs/x/undo"])
def test_nothing_but_health_without_a_token_off_loopback(stranger, stage, path):
    """A stranger hears 401, or is sent to the log-in, and no address of anybody."""
    answer = stranger.get(path)
    assert answer.status_code in (401, 303)
    assert stage.hero not in answer.text
    if answer.status_code == 303:
        assert answer.headers["location"].startswith("/login?next=/")


def test_a_bearer_token_opens(stranger):
    """The token as `Authorization: Bearer` opens pages, API and metrics; a wrong one is 401."""
    for path in ("/", "/api/status", "/metrics"):
        assert stranger.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", "", "Bearer \xe9"):
        assert stranger.get("/", headers={"Authorization": wrong.encode("latin-1")}).status_code == 401


@pytest.mark.parametrize("name", FORWARDED)
def test_what_a_proxy_passes_on_is_not_local(web, name):
    """A proxy on this machine does not make the people behind it local: they need the token."""
    assert web.get("/api/status", headers={name: "203.0.113.9"}).status_code == 401


def test_logging_in_opens_and_logging_out_shuts(stranger):
    """The token opens a session in a cookie that scripts and other sites cannot use; logging out ends it for good."""
    entered = log_in(stranger, onward="/conflicts")
    assert (entered.status_code, entered.headers["location"]) == (303, "/conflicts")
    flags = entered.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "secure" not in flags  # plain http: a browser would not send it back
    page = stranger.get("/conflicts")
    assert page.status_code == 200
    old = dict(stranger.cookies)
    assert stranger.post("/logout", data={"form_token": form_token(page)}).status_code == 303
    assert (
        stranger.get("/conflicts", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in old.items())}).status_code == 401
    )


def test_behind_tls_the_cookie_is_secure(stranger):
    """Where the proxy says that the browser came by https, the cookie is for https only."""
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    assert "secure" in stranger.get("/login", headers=proxied).headers["set-cookie"].lower()


def test_a_session_is_never_one_that_the_visitor_brought(stranger):
    """Logging in hands out a new name: one that was planted before (session fixation) opens nothing."""
    page = stranger.get("/login")
    planted = stranger.cookies["crm_sync_session"]
    stranger.post("/login", data={"form_token": form_token(page), "token": TOKEN})
    assert stranger.cookies["crm_sync_session"] != planted
    assert stranger.get("/api/status", headers={"Cookie": f"crm_sync_session={planted}"}).status_code == 401


@pytest.mark.law("row 118")
def test_logging_in_from_another_site_is_refused(stranger):
    """A log-in form without its token does nothing."""
    assert stranger.post("/login", data={"token": TOKEN}).status_code == 403
    assert stranger.get("/api/status").status_code == 401


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil",
        "/\tx",
        "/é",
        "",
        "evil",
    ],
)
def test_logging_in_never_leads_elsewhere(onward):
    """`next` leads to a path of ours, or to the front page."""
    assert safe_path(onward) == "/"


def test_logging_in_leads_to_the_page_that_was_asked_for():
    """A path of ours is kept."""
    assert safe_path("/runs/01J?done=undo") == "/runs/01J?done=undo"


@pytest.mark.law("row 120")
def test_guessing_is_slowed_down(stage):
    """After ten wrong tokens in a minute an address must wait, at the form and with a bearer alike, even with the right one."""
    with (
        stage.served() as url,
        httpx.Client(base_url=url, trust_env=False, headers={"X-Forwarded-For": "203.0.113.7"}) as client,
    ):
        wrong = [client.get("/api/status", headers={"Authorization": "Bearer wrong"}).status_code for _ in range(12)]
        assert wrong == [401] * 10 + [429] * 2
        assert client.get("/api/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 429
        assert int(client.get("/api/status", headers={"Authorization": "Bearer x"}).headers["retry-after"]) > 50
        assert log_in(client).status_code == 429
        other = {"X-Forwarded-For": "203.0.113.8", "Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/status", headers=other).status_code == 200


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_wait_for_guesses_ends_and_is_shared_by_all():
    """A minute later one may guess again; and a thousand addresses together get no more than a hundred guesses."""
    clock = Clock()
    throttle = Throttle(clock=clock)
    for _ in range(10):
        throttle.failed("192.0.2.1")
    assert throttle.wait_s("192.0.2.1") == 61
    assert throttle.wait_s("192.0.2.2") == 0
    clock.now = 60.0
    assert throttle.wait_s("192.0.2.1") == 0
    for place in range(100):
        throttle.failed(f"192.0.2.{place}")
    assert throttle.wait_s("198.51.100.1") > 0


def test_one_ipv6_customer_is_one_guesser():
    """The addresses of one /64 count together; IPv4 addresses count alone."""
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") != network("2001:db8:1:3::1")
    assert network("192.0.2.1") != network("192.0.2.2")


def test_sessions_end():
    """A session ends when it is idle, when it is old, when the token changes, and when newer ones are too many."""
    clock = Clock()
    sessions = Sessions(clock)
    name = sessions.open("token")
    clock.now = 11 * 3600.0
    assert sessions.holds(name, "token")
    clock.now = 22 * 3600.0
    assert sessions.holds(name, "token")
    assert not sessions.holds(name, "another")
    assert not sessions.holds(name, "token")  # a wrong one ends it
    name = sessions.open("token")
    clock.now += 13 * 3600.0
    assert not sessions.holds(name, "token")
    name = sessions.open("token")
    for _ in range(1000):
        sessions.open("token")
    assert not sessions.holds(name, "token")


def test_an_old_session_ends_although_it_is_used():
    """A week after the log-in the token is asked for again."""
    clock = Clock()
    sessions = Sessions(clock)
    name = sessions.open("token")
    alive = []
    for hours in range(0, 24 * 8, 10):
        clock.now = hours * 3600.0
        alive.append(sessions.holds(name, "token"))
    assert alive.index(False) == 17


# forms ---------------------------------------------------------------------------------------------------------------

FORMS = ["/conflicts", "/quarantine", "/sync", "/records", "/runs/01J/undo", "/runs/01J/apply", "/logout"]


@pytest.mark.law("row 118")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "head",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_forms_of_other_sites_are_refused(web, path, head):
    """A form without its token, or from another origin, is 403 and changes nothing."""
    before = web.get("/api/conflicts").json(), web.get("/api/runs").json()
    token = form_token(web.get("/conflicts"))
    for data in (
        {"take": "salesforce", "all": "yes"},
        {"form_token": "0" * 64},
        *([{"form_token": token}] if head else []),
    ):
        assert web.post(path, data=data, headers=head).status_code == 403
    assert (web.get("/api/conflicts").json(), web.get("/api/runs").json()) == before


@pytest.mark.law("row 118")
def test_a_form_token_belongs_to_its_visitor(web, url):
    """A token that was made for one visitor is not believed from another."""
    token = form_token(web.get("/conflicts"))
    with httpx.Client(base_url=url, trust_env=False) as other:
        other.get("/conflicts")
        assert other.post("/quarantine", data={"form_token": token, "all": "yes"}).status_code == 403


@pytest.mark.law("row 118")
def test_commands_of_other_sites_are_refused(web):
    """The API's commands need JSON, which no foreign form can send without asking, and refuse foreign origins."""
    assert web.post("/api/commands/sync", json={}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert web.post("/api/commands/sync", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert web.post("/api/commands/sync", content=b"{}", headers={"Content-Type": kind}).status_code == 415
    assert web.request("OPTIONS", "/api/commands/sync").status_code in (403, 404, 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_pages_are_only_read(web, method):
    """A page without a command takes no other method."""
    assert web.request(method, "/systems").status_code in (403, 405)
