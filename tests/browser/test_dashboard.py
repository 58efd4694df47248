"""A person works with the dashboard, in a real browser: with scripts and without, in light and dark, wide and narrow."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from stage import MARKUP, TOKEN

from sync.runner import api

WIDTHS = {"wide": 1280, "narrow": 390}
SERIOUS = ("serious", "critical")


class Visitor:
    """One person at one browser; anything that the browser complains of fails the test."""

    def __init__(self, chromium, url, *, scripts=True, scheme="light", width="wide"):
        size = {"width": WIDTHS[width], "height": 800}
        self.context = chromium.new_context(
            java_script_enabled=scripts, color_scheme=scheme, viewport=size, base_url=url
        )
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        assert kind is not None or self.complaints == []

    def goes_to(self, path):
        answer = self.page.goto(path)
        assert answer.status == 200, path
        return self.page


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_day_with_the_dashboard(chromium, fresh, artefacts, scripts):
    """Log in; see what is wrong; choose in a conflict, and in many; retry and drop; explain a record; preview an undo and make it."""
    name = "with" if scripts else "without"
    with fresh.served() as url, Visitor(chromium, url, scripts=scripts) as visitor:
        page = visitor.page
        _logs_in(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("2 things need you.")
        page.screenshot(path=artefacts / f"day-{name}-scripts-1-overview.png", full_page=True)
        _settles_conflicts(page, fresh)
        page.screenshot(path=artefacts / f"day-{name}-scripts-2-conflicts.png", full_page=True)
        _works_on_the_quarantine(page, fresh)
        page.screenshot(path=artefacts / f"day-{name}-scripts-3-quarantine.png", full_page=True)
        _explains(page, fresh)
        page.screenshot(path=artefacts / f"day-{name}-scripts-4-record.png", full_page=True)
        _undoes(page, fresh)
        page.screenshot(path=artefacts / f"day-{name}-scripts-5-undone.png", full_page=True)
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("All is well.")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto("/conflicts")
        expect(page.get_by_label("Token")).to_be_visible()
        visitor.complaints = [each for each in visitor.complaints if "401" not in each]  # the wrong token


def _logs_in(page):
    page.goto("/conflicts")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile(r"/login$|/$|/conflicts$"))
    page.get_by_role("link", name="Overview").click()


def _settles_conflicts(page, stage):
    """One by its button, the others together: each system holds what was chosen."""
    page.get_by_role("link", name="Choose").click()
    first = page.locator("section.choice").first
    key = first.get_by_role("link").inner_text()
    first.get_by_role("button", name="take salesforce").click()
    expect(page.get_by_role("status")).to_contain_text("1 write in run")
    expect(page.locator("section.choice")).to_have_count(2)
    page.get_by_label("all 2 shown").check()
    page.get_by_label("take").select_option("abmatic")
    page.get_by_role("button", name="Choose for all ticked").click()
    expect(page.get_by_role("status")).to_contain_text("2 writes in run")
    expect(page.get_by_text("No conflicts.")).to_be_visible()
    titles = {row["email"]: row["title"] for row in stage.control("dump?system=abmatic")["contacts"]}
    assert titles[key].startswith("VP of")
    held = {row["Email"]: row["Title"] for row in stage.control("dump?system=salesforce")["Contact"]}
    assert sum(str(title).startswith("Head of") for title in held.values()) == 2


def _works_on_the_quarantine(page, stage):
    """One is put right and tried again, the other dropped."""
    page.get_by_role("link", name="Quarantine").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    key = rows.first.get_by_role("link").inner_text()
    [row] = [each for each in stage.control("dump?system=abmatic")["contacts"] if each["email"] == key]
    stage.edit("abmatic", "contacts", row["id"], title="Short")
    rows.first.get_by_role("checkbox").check()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_contain_text("Tried again: 1 write")
    expect(rows).to_have_count(1)
    page.get_by_label("all of them shown").check()
    page.get_by_role("button", name="Drop").click()
    expect(page.get_by_role("status")).to_contain_text("1 record was dropped")
    expect(page.get_by_text("The quarantine is empty.")).to_be_visible()


def _explains(page, stage):
    """The record of the edit, found by its address: the title's life tells where it came from."""
    page.get_by_role("link", name="Records").click()
    page.get_by_role("searchbox").fill(stage.hero)
    page.get_by_role("button", name="Find").click()
    assert stage.hero not in page.url
    page.get_by_role("link", name=stage.hero).click()
    field = page.locator("#field-title")
    field.locator("summary").click()
    expect(field.locator(".life")).to_contain_text("Chief Example Officer")
    expect(field.locator(".life")).to_contain_text("from salesforce, by edit")


def _undoes(page, stage):
    """The undo of one field shows what it would write before it writes; then both systems hold the value of before."""
    field = page.locator("#field-title")
    before = field.locator(".life .before").first.inner_text()
    field.get_by_role("link", name="undo").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Undo run")
    row = page.get_by_role("region", name="Values that would be written back").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("abmatic, salesforce")
    held = {each["Email"]: each["Title"] for each in stage.control("dump?system=salesforce")["Contact"]}
    assert held[stage.hero] == "Chief Example Officer"
    page.get_by_role("button", name="Undo 1 value").click()
    expect(page.get_by_role("status")).to_contain_text("The undo is done.")
    for system, name, key, title in (
        ("salesforce", "Contact", "Email", "Title"),
        ("abmatic", "contacts", "email", "title"),
    ):
        held = {each[key]: each[title] for each in stage.control(f"dump?system={system}")[name]}
        assert held[stage.hero] == before


def pages_of(stage):
    record = api.explain(*stage.both, "contact", stage.hero)["record"]
    run = stage.edited.run
    return {
        "overview": "/",
        "conflicts": "/conflicts",
        "quarantine": "/quarantine",
        "records": "/records",
        "record": f"/records/contact/{record}",
        "runs": "/runs",
        "run": f"/runs/{run}",
        "undo": f"/runs/{run}/undo",
        "systems": "/systems",
        "mappings": "/mappings",
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_by_everybody(chromium, looked_at, artefacts, scheme, width):
    """No page has a serious finding of axe, none is wider than its window; a picture of each is kept."""
    with looked_at.served() as url, Visitor(chromium, url, scheme=scheme, width=width) as visitor:
        for name, path in pages_of(looked_at).items():
            page = visitor.goes_to(path)
            for each in page.locator("details").all():
                each.evaluate("details => details.open = true")
            found = Axe().run(page).response["violations"]
            bad = [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in SERIOUS]
            assert not bad, (name, bad)
            assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width], name
            page.goto(path)
            page.screenshot(path=artefacts / f"{name}-{scheme}-{width}.png", full_page=True)


def test_the_log_in_can_be_read_by_everybody(chromium, fresh, artefacts):
    """The log-in has no serious finding of axe and begins in the field."""
    with fresh.served() as url, Visitor(chromium, url) as visitor:
        page = visitor.goes_to("/login")
        found = Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in SERIOUS] == []
        expect(page.get_by_label("Token")).to_be_focused()
        page.screenshot(path=artefacts / "login.png")


def test_the_keyboard_is_enough(chromium, looked_at):
    """The first tab stop leads past the menu; every control can be reached, and it is seen where one is."""
    with looked_at.served() as url, Visitor(chromium, url) as visitor:
        page = visitor.goes_to("/conflicts")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        reached = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.name || document.activeElement.innerText"))
        assert {"all", "take", "Choose for all ticked"} <= reached
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_pages_live_with_scripts(chromium, looked_at):
    """With scripts a search answers while one types, and nothing of a value is ever run."""
    with looked_at.served() as url, Visitor(chromium, url) as visitor:
        page = visitor.goes_to("/records")
        page.get_by_role("searchbox").press_sequentially(looked_at.hero[:12])
        expect(page.locator("#found").get_by_role("link", name=looked_at.hero)).to_be_visible()
        assert page.url.endswith("/records")
        page.get_by_role("searchbox").fill("onerror")
        expect(page.locator("#found tbody tr").first).not_to_contain_text(looked_at.hero)
        page.locator("#found tbody a").first.click()
        expect(page.get_by_text(MARKUP).first).to_be_visible()


def test_dark_can_be_chosen_and_stays(chromium, looked_at):
    """The choice between light and dark is kept from page to page."""
    with looked_at.served() as url, Visitor(chromium, url) as visitor:
        page = visitor.goes_to("/")
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Light or dark").click()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark != light
        visitor.goes_to("/runs")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_front_page_lives(chromium, fresh):
    """With scripts the overview shows a new run by itself, and whoever is at a button stays there."""
    fresh.listen("127.0.0.1:0")
    with fresh.served() as url, Visitor(chromium, url) as visitor:
        visitor.page.clock.install()
        page = visitor.goes_to("/")
        runs = page.get_by_role("region", name="Runs").locator("tbody tr")
        before = runs.count()
        page.get_by_role("button", name="Sync now").focus()
        fresh.sync()
        page.clock.fast_forward(21_000)
        expect(runs).to_have_count(before + 1)
        expect(page.get_by_role("button", name="Sync now")).to_be_focused()
