"""R-DOC-1: each paper looks as it looked when it was last looked at, by tolerance."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import ImageDraw

from app.documents.book import EDITION
from app.models.payments import SlipKind
from tests import papers
from tests.unit.documents import pictures

ON_THE_WHOLE, ANYWHERE = 0.01, 0.08
"""Another version of the renderer sets an edge a little otherwise; a letter more or less is far beyond it."""


@pytest.mark.parametrize("kind", SlipKind)
def test_each_paper_looks_as_it_did(kind: SlipKind) -> None:
    now, before = pictures.taken(kind), pictures.kept(kind)
    assert now.size == before.size
    whole, worst = pictures.differences(now, before)
    assert whole < ON_THE_WHOLE and worst < ANYWHERE, (whole, worst)


def test_an_edition_draws_what_it_drew() -> None:
    """A lost file is made again to the byte: whoever draws otherwise raises EDITION and takes new pictures.

    What is hashed is not packed yet: another zlib packs otherwise, and draws the same.
    """
    assert {kind.value: pictures.marks(kind) for kind in SlipKind} == pictures.pinned(EDITION)


def test_the_tolerance_sees_a_word_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would say nothing."""
    before = pictures.kept(SlipKind.RECEIPT)
    paper = papers.payment(stamp=replace(papers.STAMP, number=""))
    monkeypatch.setitem(papers.PAPERS, SlipKind.RECEIPT, paper)
    assert pictures.differences(pictures.taken(SlipKind.RECEIPT), before)[1] > ANYWHERE
    blot = before.copy()
    ImageDraw.Draw(blot).rectangle((300, 300, 316, 316), fill=0)
    assert pictures.differences(blot, before)[1] > ANYWHERE
