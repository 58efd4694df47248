"""What may be written to a column that its row does not show: the first value, the last word, and little else.

MISSING is no blank. It may hide somebody's edit, and of consent it may hide an opt-out.
"""

from __future__ import annotations

from sync.engine.consent import is_opt_out
from sync.mapping import Cell, FieldMapping
from sync.model.record import Exchange, HubCell
from sync.model.values import Canonical, is_blank


def may_fill(
    cell: Cell,
    mapped: FieldMapping,
    hub: HubCell,
    exchange: Exchange | None,
    value: Canonical,
    *,
    sparse: bool,
    unread: bool,
) -> bool:
    """Whether a value may go where nothing is shown.

    ``sparse``: the system leaves out what was never set. ``unread``: it shows no column at all, so that no edit could be seen
    either, and what was sent last counts as what stands there.

    An opt-out goes there in any case: nothing that is hidden is stricter. An opt-in goes nowhere where nobody can look, but on a
    person's own word.
    """
    unset = sparse and (exchange is None or is_blank(exchange.seen))
    if mapped.type == "consent" and cell.reads:
        if is_opt_out(value):
            return sparse or unread
        return hub.rule == "granted" if unread else unset
    return not cell.reads or unset or unread
