"""A slip as a page, for those who cannot read a PDF: the same sections, made of the same data (R-DOC-1)."""

from __future__ import annotations

from dataclasses import dataclass

from app import policy
from app.db import db
from app.documents import book
from app.documents.korean_money import in_words
from app.documents.outline import Band, Beside, Facts, Outline, Parties, Sums, Table
from app.errors import NotFound
from app.models.payments import Slip
from app.policy import Actor

ROWS = 500
"""Of a long table, at once."""

_SECTIONS = {
    Band: "band",
    Facts: "facts",
    Parties: "parties",
    Table: "table",
    Sums: "sums",
    Beside: "beside",
}


@dataclass(frozen=True)
class SlipView:
    slip: Slip
    outline: Outline

    @property
    def sections(self) -> list[tuple[str, object]]:
        """Each with the name of what it is."""
        return [(_SECTIONS[type(section)], section) for section in self.outline.sections]

    @property
    def words(self) -> str:
        """The sum, as it is written out."""
        return next(in_words(each.amount) for each in self.outline.sections if isinstance(each, Band))


def view(*, actor: Actor, slip_id: int) -> SlipView:
    """What a slip shows, for those whose it is, whether its file is drawn or not. Raises NotFound."""
    slip = db.session.get(Slip, slip_id)
    if slip is None:
        raise NotFound()
    policy.require_own(actor, slip)
    return SlipView(slip, book.outline(slip.kind, slip.data))
