"""Files with mistakes, given to the command line: refused, each with its place, its reason and what to do."""

import re
import shutil
import subprocess
import sys

import pytest
from process import ADDRESSES, ROOT

from sync import redaction
from sync.cli.app import run

DATA = ROOT / "tests" / "data"
CONFIGS = sorted((DATA / "config").glob("bad_config_*.toml"))
MAPPINGS = sorted(DATA.glob("bad_mapping_*.toml"))
ACCOUNTS = DATA / "good_mapping_accounts.toml"
CANARY = "hidden-canary"
FIVE = """entity = "contact"

[match]
keys = ["email"]

[systems.abmatic]
object = "contacts"
create = true

[systems.salesforce]
object = "Contact"
external_id = "CRM_Sync_Id__c"
creat = true

[fields.email]
type = "email"
required = true
abmatic = "email"
salesforce = "Email"

[fields.title]
type = "sting"
abmatic = "title"
salesforce = "Title"

[fields.phone]
type = "phone"
owner = "hubspot"
abmatic = "phone"
salesforce = "Phone"

[fields.mobile]
type = "phone"
abmatic = "mobile"
salesforce = "Phone"

[fields.tier]
type = "enum"
values = ["Hot", "Cold"]
compute = '(scor ?? 0) > 80 ? "Hot" : "Cold"'
salesforce = "Abmatic_Tier__c"
"""
FIVE_TOLD = (
    (13, "creat", "create"),
    (22, "sting", "string"),
    (28, "hubspot", "owner"),
    (35, "Phone", "phone"),
    (40, "scor", "no field"),
)


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setenv("SET", "xyz")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)
    yield
    redaction.forget_hidden()


def config(folder):
    """A good config.toml that names every system."""
    tables = [
        f'[systems.{name}]\n{address} = "https://x.example"\n'
        + "".join(f'{secret} = "env:SET"\n' for secret in secrets)
        for name, (address, secrets) in ADDRESSES.items()
    ]
    (folder / "config.toml").write_text("\n".join(tables))
    (folder / "mappings").mkdir()
    return folder / "config.toml"


def check(file, capsys):
    """What `check --offline` says, and its exit code."""
    code = run(["check", "--offline", "--config", str(file), "--no-color"])
    said = capsys.readouterr()
    return code, said.out + said.err


def expected(file):
    """The line and the words that the first line of a mistake file promises."""
    found = re.match(r"# expect: (\d+|-): (.+)", file.read_text(errors="replace"))
    assert found, "the first line tells what to expect"
    return found[1], found[2].lower().split("; ")


@pytest.mark.parametrize("file", MAPPINGS, ids=[file.stem.removeprefix("bad_mapping_") for file in MAPPINGS])
def test_a_mistake_in_a_mapping_is_refused_by_the_program(file, tmp_path, capsys):
    """Exit 2, and a screen with the file, the line, the reason and a remedy; nothing is contacted."""
    place = config(tmp_path)
    shutil.copy(file, tmp_path / "mappings")
    shutil.copy(ACCOUNTS, tmp_path / "mappings")
    line, words = expected(file)
    code, said = check(place, capsys)
    assert code == 2, said
    where = file.name if line == "-" else f"{file.name}:{line}"
    blocks = [block for block in said.split("\n\n") if where in block]
    assert len(blocks) == 1, said
    reason, *remedy = blocks[0].strip().splitlines()
    assert reason and remedy and remedy[0].startswith("    "), said
    assert not [word for word in words if word not in " ".join(blocks[0].lower().split())], said


@pytest.mark.parametrize("file", CONFIGS, ids=[file.stem.removeprefix("bad_config_") for file in CONFIGS])
def test_a_mistake_in_the_configuration_is_refused_by_the_program(file, tmp_path, capsys):
    """Exit 2, and a screen with the file, the line, the reason and a remedy, and no secret in it."""
    place = shutil.copy(file, tmp_path / file.name)
    if (DATA / "config" / "mappings").exists():
        shutil.copytree(DATA / "config" / "mappings", tmp_path / "mappings")
    line, words = expected(file)
    code, said = check(place, capsys)
    assert code == 2, said
    blocks = [block for block in said.split("\n\n") if f"{file.name}:{line}" in block]
    assert blocks, said
    assert any(words[0] in block.lower() and block.strip().splitlines()[1].startswith("    ") for block in blocks), said
    assert CANARY not in said


def test_five_mistakes_are_one_screen(tmp_path):
    """A mapping with five mistakes: the program lists all five, in the order of the file, in a few lines each, and ends with 2."""
    place = config(tmp_path)
    (tmp_path / "mappings" / "contacts.toml").write_text(FIVE)
    done = subprocess.run(
        [sys.executable, "-m", "sync", "check", "--config", place, "--no-color"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={"SET": "xyz", "PATH": "/usr/bin"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert said.startswith("5 problems; nothing was contacted."), said
    blocks = [block for block in said.split("\n\n") if "contacts.toml:" in block]
    assert len(blocks) == len(FIVE_TOLD), said
    for block, (line, *words) in zip(blocks, FIVE_TOLD, strict=True):
        assert f"contacts.toml:{line} " in block, said
        assert not [word for word in words if word not in block], said
        assert len(block.strip().splitlines()) >= 2, said


def test_there_are_many():
    """The collection of mistakes does not shrink unnoticed."""
    assert len(CONFIGS) + len(MAPPINGS) >= 120
