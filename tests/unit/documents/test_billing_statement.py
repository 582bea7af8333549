"""R-PAY-8: the 청구내역 as a paper: parties, period, rows, sums, page numbers; any syllable prints."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace
from datetime import date
from typing import Any

import pypdf
import pytest
from reportlab.pdfbase import pdfmetrics

from app.documents import fonts
from app.documents.paper import Sheet
from app.documents.slip_data import BillingPaper, Parts
from app.models.payments import SlipKind
from app.workflows.billing_statement import MOST, write_period
from tests import papers
from tests.papers import billing as make_paper
from tests.printed import words


def draw(paper: BillingPaper) -> bytes:
    return papers.draw(SlipKind.BILLING, paper)


def test_it_says_what_an_accountant_looks_for() -> None:
    text = words(draw(make_paper(3)))
    for expected in (
        "청구내역서",
        papers.BUYER.name,
        papers.BUYER.business_number,
        papers.BUYER.representative,
        papers.BUYER.address,
        "2020-B-000007",
        papers.STAMP.code,
        "조회기간 2020.11.01. ~ 2020.11.30.",
        "한빛 화상회의 3",
        "00000003",
        "3,300,000원",
        "-1,100,000원",
        "2,200,000원",
        "금 이백이십만원정",
        "취소 11.17.",
        papers.SUPPLIER.business_number,
        "결제 합계 (3건) 3,000,000 300,000 2,970,000 330,000 3,300,000 -1,100,000",
        "취소 합계 (1건) -1,000,000 -100,000 -990,000 -110,000 -1,100,000 -",
        "청구 합계 (2건) 2,000,000 200,000 1,980,000 220,000 2,200,000 -",
        "결제와 취소 (3건)",
        "1/1",
        "시연용",
    ):
        assert re.sub(r"\s+", "", expected) in text, expected


def test_the_tax_on_top_is_a_line_of_its_own() -> None:
    """R-MONEY-2a"""
    plain = words(draw(make_paper()))
    assert "부가가치세(기업부담)" not in plain
    paid = Parts(grant=1_260_000, share=540_000, tax=180_000)
    text = words(draw(make_paper(paid=paid)))
    assert "부가가치세(기업부담)180,000원" in text and "1,980,000원" in text


def test_many_rows_go_on_over_numbered_pages_with_their_heading() -> None:
    content = draw(make_paper(90))
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    text = words(content)
    assert len(pages) > 2 and f"{len(pages)}/{len(pages)}" in text
    listing = [page for page in pages if papers.SUPPLIER.business_number in page.extract_text()]
    assert text.count("승인번호") == len(listing) == text.count("서비스·공급기업") > 2
    assert all(f"{n:08}" in text for n in range(1, 91))


def test_the_longest_takes_a_job_no_longer_than_a_lease() -> None:
    began = time.process_time()
    draw(make_paper(MOST))
    assert time.process_time() - began < 20


def test_rare_syllables_print_and_nothing_is_cut() -> None:
    company = replace(papers.BUYER, name="㈜뷁쀍힣상사", representative="李뷃")
    long = "가나다라마바사아자차카타파하" * 6
    rows = (replace(make_paper().rows[0], service=long, supplier="쀍뷁"),)
    text = words(draw(make_paper(company=company, rows=rows, search="뷁 화상")))
    assert "㈜뷁쀍힣상사" in text and "李뷃" in text and long in text and "쀍뷁" in text and "뷁화상" in text


def test_every_letter_of_its_own_words_has_a_glyph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign that the font lacks is drawn as nothing, and nobody notices."""
    drawn: set[str] = set()
    text = Sheet.text

    def note(sheet: Sheet, x: float, y: float, words: str, **style: Any) -> None:
        drawn.update(words)
        text(sheet, x, y, words, **style)

    monkeypatch.setattr(Sheet, "text", note)
    draw(make_paper(90, paid=Parts(grant=90_000_000, share=10_000_000, tax=1)))
    face = pdfmetrics.getFont(fonts.REGULAR).face
    assert len(drawn) > 80
    assert {letter for letter in drawn if not face.charToGlyph.get(ord(letter))} == set()


def test_only_the_embedded_font_is_used() -> None:
    for page in pypdf.PdfReader(io.BytesIO(draw(make_paper(60)))).pages:
        for font in page["/Resources"]["/Font"].values():
            assert "NanumGothic" in font.get_object()["/BaseFont"]


def test_production_papers_bear_no_demonstration_mark() -> None:
    stamp = replace(papers.STAMP, demonstration=False)
    assert "시연용" not in words(draw(make_paper(stamp=stamp)))


@pytest.mark.parametrize(
    ("since", "until", "written"),
    [
        (None, None, "전체 기간"),
        (date(2020, 11, 1), None, "2020.11.01. ~ 오늘"),
        (None, date(2020, 11, 30), "처음 ~ 2020.11.30."),
    ],
)
def test_a_period_in_words(since: date | None, until: date | None, written: str) -> None:
    assert write_period(since, until) == written
