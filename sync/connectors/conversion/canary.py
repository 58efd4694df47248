"""The first update of a connector's life goes alone and is looked at: do the variables that were not sent still stand?

The vendor says of a later revision that a batch changes only what it brings (C1); of the seed's nobody says anything (`apis/` 2.6).
Were it to replace the rest, one row shows it before ten thousand are emptied, and that row is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sync.connectors.conversion.batches import Item
from sync.connectors.conversion.profiles import Endpoint, Profile
from sync.connectors.conversion.reader import Reader
from sync.connectors.conversion.rows import bag_of
from sync.errors import DriftError
from sync.model.remote import Kind
from sync.model.values import Native


class Canary:
    """What is known of how each object takes a batch."""

    def __init__(self, profile: Profile, reader: Reader, system: str) -> None:
        self._profile = profile
        self._reader = reader
        self._system = system
        self._trusted: set[str] = set()

    def groups(self, endpoint: Endpoint, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        """The rows in the order given; the first alone while the object is not trusted."""
        rest = list(items)
        while rest and self._watches(endpoint, rest):
            yield rest[:1]
            rest = rest[1:]
            if len(items) - len(rest) >= _TRIES:
                break
        if rest:
            yield rest

    @contextmanager
    def watching(self, endpoint: Endpoint, items: Sequence[Item], mend: Callable[[Item], None]) -> Iterator[None]:
        """Compares a row that goes alone before and after. Raises DriftError where variables vanished, once it is mended."""
        if len(items) != 1 or not self._watches(endpoint, items):
            yield
            return
        one = items[0]
        before = self._others(endpoint, one)
        yield
        if before:
            gone = before.keys() - self._others(endpoint, one).keys()
            if gone:
                mend(replace(one, body={**one.body, self._profile.bag: {**before, **one.body[self._profile.bag]}}))
                raise DriftError(
                    f"{self._system}: an update of one variable emptied {len(gone)} others of {endpoint.object}; they were put back",
                    remedy='Set `variables_mode = "replace"` for this system.',
                    system=self._system,
                )
            self._trusted.add(endpoint.object)

    def _watches(self, endpoint: Endpoint, items: Sequence[Item]) -> bool:
        return (
            endpoint.one is not None
            and endpoint.object not in self._trusted
            and bool(items[0].body.get(self._profile.bag))
            and items[0].write.kind is Kind.UPDATE
        )

    def _others(self, endpoint: Endpoint, one: Item) -> dict[str, Native]:
        """The filled variables that this write does not touch."""
        row = self._reader.row(endpoint, one.key) or {}
        sent = one.body.get(self._profile.bag, {})
        return {name: value for name, value in bag_of(self._profile, row).items() if value and name not in sent}


_TRIES = 3
"""Rows without other variables show nothing; after so many the question is left for the next push."""
