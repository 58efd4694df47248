"""How many: what status, guards and reports ask."""

from __future__ import annotations

from datetime import datetime

from sync.state.documents import moment_or_none
from sync.state.door import Door
from sync.state.rows import Totals

_LIVE = "SELECT entity, system, count(*) FROM observed WHERE deleted = 0 GROUP BY entity, system"
_LINKED = "SELECT entity, system, count(*) FROM link WHERE state = 'linked' GROUP BY entity, system"
_OBSERVED = "SELECT count(*) FROM observed WHERE entity = ? AND system = ? AND deleted = 0"
_SAMPLES = (
    "WITH RECURSIVE part(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM part WHERE n + 1 < ?2),"
    " span(entity, low, high) AS (SELECT entity,"
    " (SELECT min(number) FROM observed WHERE entity = e.entity AND system = ?1 AND deleted = 0),"
    " (SELECT max(number) + 1 FROM observed WHERE entity = e.entity AND system = ?1 AND deleted = 0)"
    " FROM (SELECT DISTINCT entity FROM observed WHERE system = ?1) AS e)"
    " SELECT o.object, o.remote_id FROM span JOIN part JOIN observed AS o ON o.number = ("
    "SELECT r.number FROM observed AS r JOIN link AS l ON l.observed_number = r.number"
    " WHERE r.entity = span.entity AND r.system = ?1 AND r.deleted = 0 AND l.state = 'linked'"
    " AND r.number >= low + n * (high - low) / ?2 AND r.number < low + (n + 1) * (high - low) / ?2"
    " ORDER BY r.number DESC LIMIT 1)"
)
_OF_LINKED = (
    "FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.system = ? AND o.object = ? AND (l.state = 'linked' OR (l.state = 'former' AND o.deleted = 0))"
)
_LINKED_ROWS = f"SELECT count(*) {_OF_LINKED}"
_UNSEEN = f"SELECT o.remote_id {_OF_LINKED} ORDER BY o.seen_at, o.number LIMIT ?"
_BURIED = (
    "SELECT o.remote_id FROM observed AS o JOIN link AS l ON l.observed_number = o.number"
    " WHERE o.system = ? AND o.object = ? AND l.state = 'tombstone' AND o.deleted = 1 ORDER BY o.number"
)
_CALLS_LEFT = (
    "SELECT json_extract(systems, ?) FROM (SELECT number, systems FROM run WHERE seconds IS NOT NULL ORDER BY number DESC LIMIT 100)"
    " WHERE json_extract(systems, ?) IS NOT NULL ORDER BY number DESC LIMIT 1"
)


class Counts(Door):
    """Numbers of rows, links and records."""

    def observed_count(self, entity: str, system: str, object: str | None = None) -> int:  # noqa: A002
        """Rows that are not deleted, of one object or of all."""
        if object is None:
            return int(self._value(_OBSERVED, entity, system))
        return int(self._value(_OBSERVED + " AND object = ?", entity, system, object))

    def samples(self, system: str, each: int = 20) -> list[tuple[str, str]]:
        """(object, remote id) of a few linked rows of every entity of a system, old and new: they show whose data it is.

        They are spread over all rows in the order in which these became known, so that a person who deletes the oldest does not
        look like another tenant. No list of all rows is made for it: that would cost memory for each.
        """
        rows = self._rows(_SAMPLES, system, each)
        return [(object_, remote_id) for object_, remote_id in rows]

    def linked_count(self, entity: str | None, system: str) -> int:
        """Links that are alive, of one entity or of all."""
        sql = "SELECT count(*) FROM link WHERE state = 'linked' AND system = ?"
        return int(self._value(sql, system) if entity is None else self._value(sql + " AND entity = ?", system, entity))

    def linked_rows(self, system: str, object: str) -> int:  # noqa: A002 - the field's word
        """Live links of one object, those to former rows too."""
        return int(self._value(_LINKED_ROWS, system, object))

    def longest_unseen(self, system: str, object: str, limit: int) -> list[str]:  # noqa: A002
        """Remote ids of linked rows of one object, those first that were not seen for longest."""
        return [remote_id for (remote_id,) in self._rows(_UNSEEN, system, object, limit)]

    def buried_rows(self, system: str, object: str) -> list[str]:  # noqa: A002 - the field's word
        """Remote ids of the rows of one object that tombstones lead to."""
        return [remote_id for (remote_id,) in self._rows(_BURIED, system, object)]

    def totals(self) -> dict[tuple[str, str], Totals]:
        """Both counts for every (entity, system)."""
        live = {(entity, system): count for entity, system, count in self._rows(_LIVE)}
        linked = {(entity, system): count for entity, system, count in self._rows(_LINKED)}
        return {pair: Totals(live.get(pair, 0), linked.get(pair, 0)) for pair in sorted(live | linked)}

    def record_count(self, entity: str | None = None) -> int:
        """Live records, of one entity or of all."""
        sql = "SELECT count(*) FROM record WHERE status = 'live'"
        return int(self._value(sql) if entity is None else self._value(sql + " AND entity = ?", entity))

    def pending_count(self) -> int:
        """Records that the next run looks at."""
        return int(self._value("SELECT count(*) FROM record WHERE pending > 0"))

    def seen_at(self, system: str) -> datetime | None:
        """When a cursor of this system was last stored."""
        return moment_or_none(self._value("SELECT max(at) FROM cursor WHERE system = ?", system))

    def calls_left(self, system: str) -> int | None:
        """What the last finished run that knew it noted as ``calls_left`` among this system's numbers."""
        path = f'$."{system}".calls_left'
        left: int | None = self._value(_CALLS_LEFT, path, path)
        return left
