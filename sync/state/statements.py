"""SQL texts, made once from the tables, and the few words that only SQLite speaks.

Nothing here is ever built from a value: values travel as parameters. A list of values is one parameter, a JSON array
(``@list``), so every statement is constant and stays prepared.
"""
# ruff: noqa: S608 - texts are built from table and column names of `tables`, at import

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy

from sync.state.tables import Table


def table(model: type[Table]) -> sqlalchemy.Table:
    """The table behind a model."""
    found: sqlalchemy.Table = model.__table__  # type: ignore[attr-defined]
    return found


def columns(model: type[Table], alias: str = "", without: Sequence[str] = ()) -> str:
    """The column list in the order of the class, with an alias in front of each."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + column.name for column in table(model).columns if column.name not in without)


def select(model: type[Table], tail: str = "", without: Sequence[str] = ()) -> str:
    """All columns but some, with the rest of the statement as given."""
    return within(f"SELECT {columns(model, without=without)} FROM {table(model).name} {tail}")


def insert(model: type[Table], tail: str = "", without: Sequence[str] = ("number",), word: str = "INSERT") -> str:
    """One row; the number is given by the database unless ``without`` says otherwise."""
    names = columns(model, without=without)
    places = ", ".join("?" for _ in names.split(", "))
    return f"{word} INTO {table(model).name} ({names}) VALUES ({places}) {tail}".rstrip()


def update(model: type[Table], names: Sequence[str], key: str = "number") -> str:
    """Sets columns of the row with that key, unless they hold these values already.

    Takes the values, the key, and the values again.
    """
    new = ", ".join(f"{name} = ?" for name in names)
    differs = " OR ".join(f"{name} IS NOT ?" for name in names)
    return f"UPDATE {table(model).name} SET {new} WHERE {key} = ? AND ({differs})"


def within(text: str) -> str:
    """Reads ``IN @list`` as: any of the values of one JSON array parameter."""
    return text.replace("@list", "(SELECT value FROM json_each(?))")


def asked(text: str, names: Sequence[str]) -> str:
    """Reads ``@asked`` as a table with these columns, made from one parameter: a JSON array of arrays."""
    picked = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names))
    return text.replace("@asked", f"(SELECT {picked} FROM json_each(?)) AS asked")
