"""The papers by their kind: one in a file of its own, or many in one file, drawn from what was taken down.

Many are never merged from ready files: drawn again from their data they share the fonts, which takes less
time than reading the files, and a fraction of the room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.documents import payment_outlines, shapes
from app.documents.billing_outline import billing
from app.documents.outline import Outline
from app.documents.pdf import Pdf
from app.documents.settlement_outline import settlement
from app.documents.slip_data import BillingPaper, PaymentPaper, SettlementPaper
from app.models.payments import SlipKind

EDITION = 3
"""Of the drawing. Whoever changes what a paper looks like raises it: a file that was lost is drawn again only
as it was (R-DOC-1)."""

Data = Mapping[str, Any]
"""A paper as it is kept: `Slip.data`."""


@dataclass(frozen=True)
class _Kind:
    load: Callable[[Data], Any]
    outline: Callable[[Any], Outline]


_KINDS: dict[SlipKind, _Kind] = {
    SlipKind.RECEIPT: _Kind(PaymentPaper.load, payment_outlines.receipt),
    SlipKind.STATEMENT: _Kind(PaymentPaper.load, payment_outlines.statement),
    SlipKind.CANCELLATION: _Kind(PaymentPaper.load, payment_outlines.cancellation),
    SlipKind.SETTLEMENT: _Kind(SettlementPaper.load, settlement),
    SlipKind.BILLING: _Kind(BillingPaper.load, billing),
}


def outline(kind: SlipKind, data: Data) -> Outline:
    """What the paper shows."""
    found = _KINDS[kind]
    return found.outline(found.load(data))


def draw_one(kind: SlipKind, data: Data) -> bytes:
    """The PDF of one paper. Drawn again, the same bytes."""
    found = outline(kind, data)
    pdf = Pdf(title=f"{kind.label} {found.stamp.number}")
    shapes.lay(pdf, found)
    return pdf.finish()


def draw(papers: Iterable[tuple[SlipKind, Data]], *, title: str = "전표 모음") -> bytes:
    """Many papers in one PDF, in the order in which they come, each with its own page numbers.

    They are taken one by one, and kept as packed pages: hand in an iterator, a thousand or so to a file.
    """
    pdf = Pdf(title=title)
    for kind, data in papers:
        shapes.lay(pdf, outline(kind, data))
    return pdf.finish()
