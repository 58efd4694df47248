"""Lines of keys in TOML text."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.mapping.lines import locate

TEXT = '''# comment with [brackets] = "x"
entity = "contact" # trailing
[fields."odd key"]
abmatic = { field = "a", values = { a = "B", "c.d" = 'x' }, bands = [
  "1-2", # one
  "3-4" ] }
a.b . c = 3
s = """
multi "quoted" \\""" [x]
"""
t = \'\'\'
[not.a.table]\'\'\'
d = 2020-01-01
[[routes]]
on = "x"
[[routes]]
fields = { S = "q" }
[routes.data]
x = 1
'''


def test_every_spelling():
    """Tables, arrays of tables, inline tables, dotted and quoted keys and long texts are found where they stand."""
    lines = locate(TEXT)
    expected = {
        ("entity",): 2,
        ("fields", "odd key", "abmatic", "values", "c.d"): 4,
        ("fields", "odd key", "abmatic", "bands", 1): 6,
        ("fields", "odd key", "a", "b", "c"): 7,
        ("fields", "odd key", "s"): 8,
        ("fields", "odd key", "d"): 13,
        ("routes", 1): 16,
        ("routes", 1, "fields", "S"): 17,
        ("routes", 1, "data", "x"): 19,
        ("routes", 0, "on", "nothing"): 15,
        (): None,
    }
    assert {path: lines.at(path) for path in expected} == expected
    assert locate(TEXT.replace("\n", "\r\n")).at(("routes", 1, "data", "x")) == 19


keys = st.text(st.sampled_from("abc.\"'#[]= \n\\\u00e4"), min_size=1, max_size=4)


def quoted(text):
    return '"' + "".join(f"\\u{ord(char):04x}" if char in '"\\\n' else char for char in text) + '"'


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(keys, st.lists(keys, max_size=3), st.text("x\"'#]", max_size=3)),
        max_size=4,
        unique_by=lambda row: row[0],
    )
)
def test_any_key_is_found(rows):
    """Whatever a key is made of, it is found in its line."""
    text = "".join(
        f"[{quoted(name)}]\nlist = [{', '.join(map(quoted, words))}]\n{quoted(value + 'k')} = {quoted(value)}\n"
        for name, words, value in rows
    )
    tomllib.loads(text)
    lines = locate(text)
    for place, (name, words, value) in enumerate(rows):
        assert lines.at((name,)) == 3 * place + 1
        assert lines.at((name, value + "k")) == 3 * place + 3
        assert all(lines.at((name, "list", number)) == 3 * place + 2 for number in range(len(words)))


@given(st.text(max_size=60))
def test_odd_text_is_survived(text):
    """Text that is no TOML ends the walk without harm."""
    locate(text)
