"""The configuration file: what is read, what is refused and how that is said."""

from __future__ import annotations

import pickle
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.config import KINDS, Guard, Listen, Secret, load, read, settings_shown
from sync.config.keys import keys_of
from sync.config.lines import line_index
from sync.config.model import SECTIONS, Config
from sync.config.refused import Around, Refused
from sync.config.shown import spelled
from sync.config.values import duration, guard
from sync.errors import ConfigError

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "config"
BAD = sorted(DATA.glob("bad_config_*.toml"))
CANARY = "hidden-canary"
ENVIRONMENT = {"SET": "xyz", "EMPTY": ""}
SMALL = '[systems.abmatic]\nbase_url = "https://api.abmatic.ai/v1"\napi_key = "env:SET"\n'


@pytest.fixture
def write(tmp_path):
    """Writes a config.toml with a mappings folder beside it and answers its path."""
    (tmp_path / "mappings").mkdir()

    def written(text):
        (tmp_path / "config.toml").write_text(text)
        return tmp_path / "config.toml"

    return written


def example_environment():
    names = re.findall(r"env:([A-Z_]+)", (ROOT / "config.example.toml").read_text())
    return dict.fromkeys(names, "value-of-a-secret")


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_mistake_is_named_with_its_line_and_a_remedy(path):
    """Every mistake is one problem, at its line, in the expected words, with a remedy and without any secret."""
    line, words = re.match(r"# expect: (\d+): (.*)", path.read_text()).groups()
    problems = read(path, ENVIRONMENT).problems
    hits = [p for p in problems if words in str(p)]
    assert hits, [str(p) for p in problems]
    assert hits[0].line == int(line)
    assert hits[0].remedy
    assert path.name in str(hits[0])
    assert CANARY not in "".join(map(str, problems))


def test_there_are_many_mistakes_on_file():
    """The collection of mistakes does not shrink unnoticed."""
    assert len(BAD) >= 45


def test_all_mistakes_are_reported_at_once(write):
    """Ten mistakes give ten problems, in the order of the file."""
    path = write(
        'workspce = "x"\n[state]\nurl = "mysql://x"\nhistory_days = "long"\n[schedule]\npoll = 60\nreconcile = "never"\n'
        '[logging]\nlevel = "loud"\nformat = "jason"\n[systems.abmatic]\napi_key = "literal"\n[systems.hubspot]\n'
    )
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert [p.line for p in caught.value.problems] == [1, 3, 4, 6, 7, 9, 10, 11, 12, 13]


def test_empty_and_broken_files_are_no_traceback(write, tmp_path):
    """An empty file, binary noise, a folder and an absent file are problems like any other."""
    assert "systems" in str(read(write(""), {}).problems[0])
    (tmp_path / "noise.toml").write_bytes(b'workspace = "a"\nx = "\xff\xfe"\n')
    noise = read(tmp_path / "noise.toml", {}).problems[0]
    assert (noise.line, "UTF-8" in noise.message) == (2, True)
    assert read(tmp_path, {}).problems
    assert "crm-sync init" in str(read(tmp_path / "absent.toml", {}).problems[0])


def test_the_example_loads_and_states_every_default(tmp_path):
    """config.example.toml loads as it stands, and every value in it is the default."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "config.toml").write_text((ROOT / "config.example.toml").read_text())
    config = load(tmp_path / "config.toml", example_environment())
    assert list(config.systems) == list(KINDS)
    raw = tomllib.loads((ROOT / "config.example.toml").read_text())
    for name, model in {"": Config, **SECTIONS, **{f"systems.{kind}": model for kind, model in KINDS.items()}}.items():
        table = raw
        for part in filter(None, name.split(".")):
            table = table[part]
        for key, spec in keys_of(model).items():
            if isinstance(spec.default, str | int | float | list) and key in table:
                assert table[key] == spec.default, f"{name}.{key}"


def test_the_example_has_every_key():
    """Every key known to the loader stands in config.example.toml, in its table, if only as a comment."""
    tables, current = {"": set()}, ""
    for line in (ROOT / "config.example.toml").read_text().splitlines():
        if header := re.match(r"\[([\w.]+)\]", line):
            current = header[1]
            tables[current] = set()
        elif key := re.match(r"(?:# )?([a-z_]+)\s*=", line):
            tables[current].add(key[1])
    for name, model in {"": Config, **SECTIONS, **{f"systems.{kind}": model for kind, model in KINDS.items()}}.items():
        assert set(keys_of(model)) <= tables[name], name


def test_defaults_of_a_small_file(write):
    """One system with its address and key is a complete configuration."""
    path = write(SMALL)
    config = load(path, ENVIRONMENT)
    assert config.schedule.poll == timedelta(seconds=60)
    assert config.state.url == f"sqlite:///{path.parent}/crm-sync.db"
    assert config.mappings == path.parent / "mappings"
    assert config.safety.max_deletes == Guard(10, 0.01)
    assert config.server.listen == Listen("127.0.0.1", 8787)
    assert config.systems["abmatic"].rate_per_second == pytest.approx(100 / 60)
    assert config.systems["abmatic"].overlap_days == 2


def test_order_of_lookup(write, tmp_path):
    """A named file beats $CRM_SYNC_CONFIG, which beats config.toml of the current folder."""
    path = write(SMALL)
    broken = tmp_path / "broken.toml"
    broken.write_text("nonsense = 1\n")
    assert read(path, {**ENVIRONMENT, "CRM_SYNC_CONFIG": str(broken)}).config
    assert not read(None, {**ENVIRONMENT, "CRM_SYNC_CONFIG": str(broken)}).config
    assert read(None, {**ENVIRONMENT, "CRM_SYNC_CONFIG": str(path)}).config


def test_a_rate_in_the_other_unit_replaces_the_default(write):
    """`requests_per_minute` stated for ActiveCampaign is the ceiling, whatever the default per second is."""
    text = '[systems.activecampaign]\nbase_url = "https://x.api-us1.com"\napi_key = "env:SET"\nrequests_per_minute = 60000\n'
    assert load(write(text), ENVIRONMENT).systems["activecampaign"].rate_per_second == 1000


def test_several_systems_of_one_kind(write):
    """A system's name is free where its kind is stated; the order of the file is kept."""
    text = "".join(
        SMALL.replace("systems.abmatic", f"systems.{name}") + 'kind = "abmatic"\n' for name in ("west", "east")
    )
    reading = read(write(text), ENVIRONMENT)
    assert reading.systems == {"west": "abmatic", "east": "abmatic"}
    assert list(reading.config.systems) == ["west", "east"]


def test_secrets_come_from_files_and_credentials(write, tmp_path):
    """`file:` is relative to the configuration and loses its last line break; `cred:` is in the credentials folder."""
    (tmp_path / "key").write_text("from-file\n")
    (tmp_path / "cred").write_text("from-cred")
    text = SMALL.replace("env:SET", "file:key") + '[server]\ntoken = "cred:cred"\n'
    config = load(write(text), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert config.systems["abmatic"].api_key.reveal() == "from-file"
    assert config.server.token.reveal() == "from-cred"


def test_a_state_url_may_be_a_reference(write):
    """A PostgreSQL URL with a password may come from the environment, and is never shown whole."""
    config = load(write(SMALL + '[state]\nurl = "env:URL"\n'), {**ENVIRONMENT, "URL": f"postgresql://me:{CANARY}@db/x"})
    assert config.state.url == f"postgresql+psycopg://me:{CANARY}@db/x"
    assert settings_shown(config)["state"]["url"] == "postgresql+psycopg://me:***@db/x"
    assert CANARY not in repr(config)


def test_no_secret_in_repr_or_settings(write):
    """Neither the configuration's repr nor what `config show` prints holds the value of a secret."""
    text = SMALL + '[server]\ntoken = "env:TOKEN"\n[notify]\nurls = ["env:HOOK"]\n'
    secrets = {"SET": "canary-1", "TOKEN": "canary-2", "HOOK": "https://canary-3"}
    config = load(write(text), secrets)
    assert "canary" not in repr(config) + str(settings_shown(config))
    assert {secret.reveal() for secret in config.secrets()} == set(secrets.values())


def test_a_secret_is_not_printed_or_pickled():
    """A secret shows three stars in every format and refuses to be stored."""
    secret = Secret("canary", "env:X")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_mappings_can_be_checked_although_the_file_has_mistakes(write):
    """A reading with mistakes still knows systems and mappings, as long as these are right."""
    reading = read(write(SMALL + '[logging]\nlevel = "loud"\n'), ENVIRONMENT)
    assert reading.config is None
    assert reading.systems == {"abmatic": "abmatic"}
    assert reading.mappings


@pytest.mark.parametrize(
    ("guarded", "linked", "limit"),
    [
        ([100, "10%"], 50, 100),
        ([100, "10%"], 5000, 500),
        (3, 10_000, 3),
        ("10%", 90, 9),
        ("0%", 90, 0),
        ([0, "1%"], 99, 0),
    ],
)
def test_a_guard_is_the_larger_of_count_and_share(guarded, linked, limit):
    """The limit is the larger of the count and the share of linked records."""
    assert guard(guarded, Around(Path(), {})).limit(linked) == limit


@given(st.integers(min_value=1, max_value=10**9))
def test_a_duration_reads_back_as_written(milliseconds):
    """What `config show` prints for a duration is the same duration."""
    assert duration(spelled(timedelta(milliseconds=milliseconds)), Around(Path(), {})) == timedelta(
        milliseconds=milliseconds
    )


@given(
    st.one_of(
        st.text(),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.lists(st.text()),
        st.dictionaries(st.text(), st.integers()),
    )
)
@example("~nobody-has-this-name")
@example("file:~nobody-has-this-name/key")
@example("file:\0")
@example("sqlite:///~nobody-has-this-name/crm-sync.db")
def test_any_value_is_read_or_refused(value):
    """No value under any key makes the loader fail in another way than by refusing it."""
    around = Around(Path("/nonexistent"), {})
    for model in (Config, *SECTIONS.values(), *KINDS.values()):
        for key in keys_of(model).values():
            try:
                key.parse(value, around)
            except Refused as refusal:
                assert refusal.message


def test_lines_of_all_kinds_of_toml():
    """Keys are found through comments, quotes, dots, lists of tables, inline tables, and values over several lines."""
    text = (
        '# [not.a.table]\na = "x # y"\n[t."q.r"] # c\nb = [\n  "1", # ]\n  { c = 1 },\n]\nd.e = """\nf = 1\n"""\n'
        "[[l]]\ng = { h = { i = 'x' } }\n[[l]]\n[l.sub]\nj = 1979-05-27T07:32:00Z\n'k' = 0x1F"
    )
    lines = line_index(text)
    expected = {
        ("a",): 2, ("t", "q.r"): 3, ("t", "q.r", "b"): 4, ("t", "q.r", "b", 0): 5, ("t", "q.r", "b", 1, "c"): 6,
        ("t", "q.r", "d", "e"): 8, ("l",): 11, ("l", 0, "g", "h", "i"): 12, ("l", 1): 13, ("l", 1, "sub", "j"): 15,
        ("l", 1, "sub", "k"): 16,
    }  # fmt: skip
    assert {path: lines.get(path) for path in expected} == expected


def paths_of(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths_of(inner, (*path, key))


@pytest.mark.parametrize("path", [ROOT / "config.example.toml", ROOT / "pyproject.toml"], ids=lambda p: p.name)
def test_every_key_of_real_files_has_a_line(path):
    """Every key and item of a real file has a line, and that line holds the key."""
    text = path.read_text()
    lines = line_index(text)
    for key in paths_of(tomllib.loads(text)):
        assert key in lines, key
        if isinstance(key[-1], str):
            assert key[-1] in text.splitlines()[lines[key] - 1]
