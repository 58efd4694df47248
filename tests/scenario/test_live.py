"""Live changes in the middle of a long run: carried at once, and nothing of the long run is lost, doubled or overtaken."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from sync.errors import UnreachableError
from sync.model.clock import SystemClock
from sync.runner import api, lingering
from sync.runner.context import Alone, Silence
from sync.runner.hold import Hold
from sync.runner.live import carry_news
from sync.runner.push import drive
from sync.runner.wire import connect, hold, limits


class Between(Alone):
    """A service that looks for news at every `every`-th safe point of a long run from `when` on, after `act` was done once."""

    def __init__(self, every, act, bite=5, when=lambda: True):
        self.every, self.act, self.size, self.when = every, act, bite, when
        self.points = self.looks = 0
        self.done = []
        self.hold = None

    def interlude(self, context, *, due=False):
        self.points += 1
        if self.points % self.every == 0 and (self.looks or self.when()):
            if self.act is not None:
                act, self.act = self.act, None
                act()
            self.looks += 1
            self.done.append(carry_news(context, self.hold.second()))

    def gives_way(self):
        return True

    def bite(self):
        return self.size


def backfill(scene, around):
    config, mappings = scene.both
    around.hold = hold(config, SystemClock(), "test", around, dict)
    with around.hold.lock, around.hold.taken():
        try:
            return api.backfill(config, mappings, (), source=None, since=None, init=False, progress=Silence())
        finally:
            around.hold.close()


def dump(scene, system, name):
    return [row for row in scene.control(f"dump?system={system}", method="GET")[name] if not row["_deleted"]]


def crowd(scene, count):
    for number in range(count):
        scene.person(f"p{number}", abmatic={"title": f"T{number}"})


def values(scene, system, name):
    return {
        row["Email" if system == "salesforce" else "email"]: row["Title" if system == "salesforce" else "title"]
        for row in dump(scene, system, name)
    }


def test_an_edit_beside_a_backfill_is_carried_before_it_ends(scene):
    """While a backlog is written, an edit of a person who is linked already is carried by the next look, long before the backlog is done."""
    scene.linked("ada", title="CTO")
    crowd(scene, 30)
    seen = []

    def act():
        scene.edit("ada", salesforce={"title": "CEO"})

    around = Between(1, act, when=lambda: len(dump(scene, "salesforce", "Contact")) > 1)
    look = around.interlude

    def watched(context, **due):
        look(context, **due)
        if around.looks and not seen:
            seen.append(
                (values(scene, "abmatic", "contacts")["ada@acme.example"], len(dump(scene, "salesforce", "Contact")))
            )

    around.interlude = watched
    done = backfill(scene, around)
    assert seen[0][0] == "CEO"
    assert seen[0][1] < 31, "the backlog was not done yet"
    assert done.status == "ok"
    assert len(dump(scene, "salesforce", "Contact")) == 31
    scene.quiet(scene.sync())


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_looks_at_every_safe_point_change_nothing_of_the_outcome(scene, every):
    """However often news is looked for, everybody is made once, everywhere the same, and nothing is left to do."""
    scene.linked("ada", title="CTO")
    crowd(scene, 20)
    scene.person("both", abmatic={"title": "A"}, salesforce={"title": "S"})

    def act():
        scene.edit("ada", abmatic={"title": "CEO"})
        scene.person("late", salesforce={"title": "New"})
        scene.edit("p3", abmatic={"title": "Changed meanwhile"})

    around = Between(every, act)
    backfill(scene, around)
    assert around.looks
    scene.sync()
    here, there = values(scene, "abmatic", "contacts"), values(scene, "salesforce", "Contact")
    assert here == there
    assert (here["ada@acme.example"], here["late@acme.example"], here["p3@acme.example"]) == (
        "CEO",
        "New",
        "Changed meanwhile",
    )
    assert len(dump(scene, "abmatic", "contacts")) == len(dump(scene, "salesforce", "Contact")) == 23
    scene.quiet(scene.sync())
    assert not scene.verify()["unexplained"]


def test_an_opt_out_overtakes_what_the_long_run_has_planned_for_the_same_person(scene):
    """Somebody for whom a write is planned and not sent opts out: the other system hears of it long before the backlog is done."""
    names = [f"p{number}" for number in range(40)]
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    scene.linked(*names, title="CTO", opted_out=False)
    for name in names:
        scene.edit(name, abmatic={"title": "CEO"})
    seen = []

    class Opting(Between):
        def interlude(self, context, *, due=False):
            super().interlude(context, due=due)
            if self.looks and not seen:
                rows = {row["email"]: row for row in dump(scene, "abmatic", "contacts")}
                titles = values(scene, "salesforce", "Contact")
                seen.append(
                    (rows["p39@acme.example"]["opted_out"], sum(title == "CTO" for title in titles.values()), titles)
                )

    def begun():
        return "CEO" in values(scene, "salesforce", "Contact").values()

    around = Opting(1, lambda: scene.edit("p39", salesforce={"opted_out": True}), when=begun)
    done = backfill(scene, around)
    out, waiting, titles = seen[0]
    assert out is True
    assert waiting, "the backlog was not done yet"
    assert titles["p39@acme.example"] == "CEO", "the look carried all that there was of this person"
    assert done.status == "ok"
    assert set(values(scene, "salesforce", "Contact").values()) == {"CEO"}
    scene.quiet(scene.sync())
    assert not scene.verify()["unexplained"]


def test_a_plan_that_waits_for_approval_holds_up_nobody(scene):
    """A run that a guard stopped has left its plan, an update of ada among it: her opt-out beside the backfill goes out all the same."""
    scene.mapping("contacts.fields.subscription.abmatic", {"field": "opted_out", "lens": "opt_out_flag"})
    scene.linked("ada", title="CTO", opted_out=False)
    crowd(scene, 30)
    scene.edit("ada", abmatic={"title": "CEO"})
    scene.settings("safety.max_creates", 10)
    assert scene.sync().status == "stopped"

    def begun():
        return len(dump(scene, "salesforce", "Contact")) > 1

    around = Between(1, lambda: scene.edit("ada", salesforce={"opted_out": True}), when=begun)
    look, seen = around.interlude, []

    def watched(context, **due):
        look(context, **due)
        if around.looks and not seen:
            [ada] = [row for row in dump(scene, "abmatic", "contacts") if row["email"] == "ada@acme.example"]
            seen.append((ada["opted_out"], len(dump(scene, "salesforce", "Contact"))))

    around.interlude = watched
    backfill(scene, around)
    assert seen[0][0] is True
    assert seen[0][1] < 31, "the backlog was not done yet"


def test_a_page_that_was_asked_for_before_a_look_undoes_nothing_of_it(scene):
    """The long run reads ahead: a page from before an edit was carried shows the old value, and nobody takes it for an edit."""
    names = [f"p{number}" for number in range(130)]
    scene.linked(*names, title="CTO")
    ahead = threading.Event()

    class Reading(Between):
        def interlude(self, context, *, due=False):
            if not self.looks:
                assert ahead.wait(30)
                super().interlude(context, due=due)

    around = Reading(1, lambda: [scene.edit(name, salesforce={"title": "CEO"}) for name in names])
    config, mappings = scene.both
    around.hold = hold(config, SystemClock(), "test", around, dict)
    with around.hold.lock, around.hold.taken():
        try:
            around.hold.context(mappings, Silence(), (), limits(config))
            connector = around.hold._of_long_runs()["abmatic"].connector
            pull = connector.pull

            def read_to_its_end(feed, cursor, *, full=False):
                pages = list(pull(feed, cursor, full=full))
                if feed.object == "contacts" and full:
                    ahead.set()
                yield from pages

            connector.pull = read_to_its_end
            done = api.sync(config, mappings, (), full=True, init=False, progress=Silence())
        finally:
            around.hold.close()
    assert around.done[0].systems["abmatic"].updated == 130
    assert done.systems["salesforce"].updated == 0, "the old pages were not taken for edits"
    assert set(values(scene, "salesforce", "Contact").values()) == {"CEO"}
    scene.quiet(scene.sync())
    assert not scene.verify()["unexplained"]


def test_before_the_first_load_there_is_no_news(scene):
    """On a fresh state looks for news do nothing: everything is the backlog's."""
    crowd(scene, 10)
    around = Between(1, None)
    done = backfill(scene, around)
    assert done.status == "ok"
    assert not any(c.created + c.updated for each in around.done[:3] for c in each.systems.values())
    assert len(dump(scene, "salesforce", "Contact")) == 10
    scene.quiet(scene.sync())


def test_a_long_run_leaves_half_of_every_rate_to_live_changes(scene):
    """While it works, news has connectors of its own, with the whole rate; polls use those too."""
    config, mappings = scene.both
    made = []

    def counted(asked, clock, store):
        made.append({name: system.rate_per_second for name, system in asked.systems.items()})
        return connect(asked, clock, store)

    around = Between(1, None)
    held = Hold(config, SystemClock(), "test", counted, around, dict)
    usual = {name: system.rate_per_second for name, system in config.systems.items()}
    with held.lock, held.taken():
        try:
            long = held.context(mappings, Silence(), (), limits(config)).systems
            news = held.second()
            around.gives_way = lambda: False
            poll = held.context(mappings, Silence(), (), limits(config)).systems
        finally:
            held.close()
    assert sorted(made, key=str) == sorted([usual, {name: rate and rate / 2 for name, rate in usual.items()}], key=str)
    assert all(long[name].connector is not news[name].connector for name in usual)
    assert all(poll[name].connector is news[name].connector for name in usual)
    assert long["abmatic"].connector.pace._whole is news["abmatic"].connector.pace
    assert {name: each.settings for name, each in long.items()} == {name: each.settings for name, each in poll.items()}


def test_news_does_not_wait_for_the_end_of_a_call():
    """A call that lasts for ever is no reason not to look: here it ends because of the look."""
    looked = threading.Event()

    class Surroundings(Alone):
        def interlude(self, context, *, due=False):
            looked.set()

    def lane():
        assert (yield lambda: looked.wait(60))

    drive(SimpleNamespace(around=Surroundings()), {"slow": lane()})
    assert looked.is_set()


def test_an_edit_goes_before_a_backlog_of_new_people(scene):
    """What a run found edited is written before whoever is new, which may be thousands."""
    scene.linked("ada", title="CTO")
    for number in range(3):
        scene.person(f"p{number}", salesforce={"title": f"T{number}"})
    scene.edit("ada", salesforce={"title": "CEO"})
    scene.control("calls", method="DELETE")
    scene.sync()
    log = scene.control("calls?system=abmatic&log=true", method="GET")["abmatic"]["log"]
    writes = [call["method"] for call in log if call["write"]]
    assert writes == ["PUT", "POST", "POST", "POST"]


def linked_beside_a_crowd(scene):
    scene.linked("ada", title="CTO")
    crowd(scene, 30)


def looked(scene, act, looks):
    """A backfill in which `act(number, connectors)` is called before each look once its backlog is being written; Abmatic's title of ada after
    each of the first `looks` looks."""
    seen = []

    class Watched(Between):
        def interlude(self, context, *, due=False):
            if len(seen) < looks and (seen or len(dump(scene, "salesforce", "Contact")) > 1):
                act(len(seen), {name: system.connector for name, system in self.hold.second().items()})
                super().interlude(context, due=due)
                seen.append(values(scene, "abmatic", "contacts")["ada@acme.example"])

    around = Watched(1, None, bite=1)
    backfill(scene, around)
    assert len(seen) == looks
    return seen


def test_a_system_that_lists_slowly_holds_up_no_other(scene, monkeypatch):
    """Abmatic does not answer for long; an edit of Salesforce is carried by a look all the same, and what Abmatic had to tell by a later one."""
    monkeypatch.setattr(lingering, "WAIT_S", 0.5)
    scene.linked("bob", title="CTO")
    linked_beside_a_crowd(scene)
    answer = threading.Event()

    def act(number, connectors):
        if number == 0:
            scene.edit("ada", salesforce={"title": "CEO"})
            pull = connectors["abmatic"].pull

            def slow(feed, cursor, *, full=False):
                assert answer.wait(30)
                yield from pull(feed, cursor, full=full)

            connectors["abmatic"].pull = slow
        if number == 1:
            scene.edit("bob", abmatic={"title": "Carpenter"})
            answer.set()

    seen = looked(scene, act, 3)
    assert seen[0] == "CEO"
    assert values(scene, "salesforce", "Contact")["bob@acme.example"] == "Carpenter"
    scene.quiet(scene.sync())
    assert not scene.verify()["unexplained"]


def test_what_a_look_could_not_bring_to_its_end_is_left_to_the_next(scene):
    """A system that is out during one look gets its part from the next one, not after the backfill."""
    linked_beside_a_crowd(scene)

    def act(number, connectors):
        if number == 0:
            scene.edit("ada", salesforce={"title": "CEO"})
            push = connectors["abmatic"].push

            def out(writes):
                connectors["abmatic"].push = push
                raise UnreachableError("no answer", remedy="Wait.", system="abmatic")

            connectors["abmatic"].push = out

    assert looked(scene, act, 2) == ["CTO", "CEO"]
    scene.quiet(scene.sync())


def test_an_edit_of_somebody_in_the_backlog_stops_no_look(scene):
    """People whom the backlog is yet to create are edited meanwhile: that is no reason for a guard to stop what a look has to carry, and
    the long run makes them, with the edit, once."""
    scene.settings("safety.max_creates", 5)
    linked_beside_a_crowd(scene)

    def act(number, connectors):
        if number == 0:
            for each in range(20, 30):
                scene.edit(f"p{each}", abmatic={"title": "Changed meanwhile"})
        if number == 1:
            scene.edit("ada", salesforce={"title": "CEO"})

    assert looked(scene, act, 2) == ["CTO", "CEO"]
    there = values(scene, "salesforce", "Contact")
    assert sum(title == "Changed meanwhile" for title in there.values()) == 10
    assert len(dump(scene, "salesforce", "Contact")) == 31
    scene.quiet(scene.sync())
    assert not scene.verify()["unexplained"]
