"""R-DOC-1: papers say what an accountant looks for, any syllable prints, same data, same bytes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pypdf
import pypdfium2
import pytest
from reportlab.pdfbase import pdfmetrics

from app.documents import book, fonts, paper
from app.documents.paper import Sheet
from app.documents.pdf import Pdf, width_of
from app.documents.slip_data import BillingPaper, PaymentPaper, SettlementPaper
from app.models.payments import SlipKind
from tests import papers
from tests.papers import CANCELLED
from tests.printed import words, words_of

ROOT = Path(__file__).parents[3]
SYLLABLES = "".join(map(chr, range(0xAC00, 0xD7A4)))


def draw_all() -> dict[str, bytes]:
    return {
        "receipt": receipt(papers.payment()),
        "statement": papers.draw(SlipKind.STATEMENT, papers.payment()),
        "cancellation": papers.draw(SlipKind.CANCELLATION, papers.payment(**CANCELLED)),
        "settlement": papers.draw(SlipKind.SETTLEMENT, papers.settlement(60)),
        "billing": papers.draw(SlipKind.BILLING, papers.billing(90)),
    }


def receipt(data: PaymentPaper) -> bytes:
    return papers.draw(SlipKind.RECEIPT, data)


def blank() -> tuple[Pdf, Sheet]:
    pdf = Pdf(title="시험")
    return pdf, Sheet(pdf, demonstration=False)


COMMON = [
    papers.STAMP.issued_on,
    papers.STAMP.code,
    papers.STAMP.url,
    "시연용",
]
SUPPLIER = [papers.SUPPLIER.name, papers.SUPPLIER.business_number, papers.SUPPLIER.representative]
BUYER = [
    papers.BUYER.name,
    papers.BUYER.business_number,
    papers.BUYER.representative,
    papers.BUYER.address,
]
PAYER = ["지급자", *(value for value in vars(papers.PAYER).values() if value)]
PAYMENT = [
    "공급자·공급받는자 보관용",
    *SUPPLIER,
    *BUYER,
    papers.STAMP.number,
    papers.SUPPLIER.address,
    "한빛 화상회의 프로",
    "기업형 50인 · 12개월",
    "990,000",
    "신한법인체크카드",
    "****-****-****-1234",
    "30412789",
    "2020.11.16.(월) 10:24",
]
SUMS = ["1,800,000", "180,000", "1,980,000", "1,782,000", "198,000", "정부지원금", "공급가액", "세액"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("receipt", [*PAYMENT, *SUMS, "전표", "금 일백구십팔만원정"]),
        ("statement", [*PAYMENT, *SUMS, "거래명세서", papers.SUPPLIER.phone]),
        ("cancellation", [*PAYMENT, "-1,980,000", "취소전표", *CANCELLED.values()]),
        (
            "settlement",
            [
                *SUPPLIER,
                papers.SUPPLIER.address,
                *PAYER,
                "2020-S-000003",
                "정산내역서",
                "6,625,000",
                "S2020-0001",
                "110-***-***456",
                "신한은행",
                "30400060",
                "202011034100009600000060",
                "결제 합계 (60건) 6,000,000 600,000 6,600,000",
                "환수 합계 (1건) -20,000 -2,000 -22,000",
                "4/4",
            ],
        ),
        (
            "billing",
            [
                *BUYER,
                "2020-B-000007",
                "청구내역서",
                "49,500,000",
                "2020.11.01. ~ 2020.11.30.",
                "00000090",
                papers.SUPPLIER.business_number,
            ],
        ),
    ],
)
def test_each_paper_says_what_it_must(name: str, expected: list[str]) -> None:
    text = words(draw_all()[name])
    missing = [word for word in COMMON + expected if re.sub(r"\s+", "", word) not in text]
    assert missing == []


def test_the_sums_of_a_paper_agree() -> None:
    paper_ = papers.payment()
    assert paper_.total == paper_.supply + paper_.tax == paper_.grant + paper_.share + paper_.extra_tax
    settled = papers.settlement()
    assert settled.total == (
        settled.gross + settled.carried - settled.fee - settled.clawback - settled.withheld
    )
    assert all(item.amount == item.supply + item.tax for item in settled.items)
    assert sum(item.amount for item in settled.items) == settled.gross - settled.clawback
    for row in papers.billing().rows:
        assert row.total == row.supply + row.vat == row.grant + row.share + row.tax


def test_drawn_again_the_bytes_are_the_same() -> None:
    assert draw_all() == draw_all()


def test_drawn_by_another_process_the_bytes_are_the_same() -> None:
    """A worker that draws a lost file again must hit the kept hash."""
    code = (
        "import hashlib; from tests import papers;"
        "print([hashlib.sha256(papers.draw(*each)).hexdigest() for each in papers.PAPERS.items()])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Seoul"))
    }
    assert len(runs) == 1


def test_the_data_survive_being_kept_as_json() -> None:
    payment, settled = papers.payment(), papers.settlement()
    assert PaymentPaper.load(payment.dump()) == payment
    assert SettlementPaper.load(settled.dump()) == settled
    assert BillingPaper.load(papers.billing().dump()) == papers.billing()


def test_a_paper_of_the_second_edition_still_loads_and_draws() -> None:
    """What was taken down then lacks the payer, the invoices and the supply values; nothing is made up."""
    settled, billed = papers.settlement().dump(), papers.billing().dump()
    del settled["payer"]
    for item in settled["items"]:
        item["number"] = "2020-R-000007"
        for name in ("supply", "tax", "approval_number", "invoice_number"):
            del item[name]
    for row in billed["rows"]:
        for name in ("supply", "vat", "business_number"):
            del row[name]
    text = words(book.draw_one(SlipKind.SETTLEMENT, settled))
    assert "2020-R-000007" in text and "지급자" not in text and papers.SUPPLIER.representative in text
    assert "--1,100,000" not in text and "--110,000" in text
    assert "--990,000110,0001,100,000" in words(book.draw_one(SlipKind.BILLING, billed))


def test_one_payment_fits_on_one_page_even_with_the_longest_names() -> None:
    assert [len(pypdf.PdfReader(io.BytesIO(c)).pages) for c in draw_all().values()] == [1, 1, 1, 4, 7]


def test_nothing_is_cut_from_what_is_too_long_for_its_cell() -> None:
    long = "가나다라마바사아자차카타파하" * 12
    supplier = replace(papers.SUPPLIER, name=long, address=long)
    text = words(receipt(papers.payment(supplier=supplier, item=long)))
    assert text.count(long) == 3


def test_a_sum_too_wide_for_its_column_is_set_smaller_and_stays_in_one_line() -> None:
    """A supplier's hundreds of payments: a number that goes on below is misread."""
    items = tuple(
        replace(item, amount=1_100 * 10**8, supply=1_000 * 10**8, tax=100 * 10**8)
        for item in papers.settlement(12).items[:-1]
    )
    content = papers.draw(SlipKind.SETTLEMENT, papers.settlement(items=items))
    pages = pypdfium2.PdfDocument(content)
    lines = [line for page in pages for line in page.get_textpage().get_text_bounded().splitlines()]
    for amount in ("1,200,000,000,000", "120,000,000,000", "1,320,000,000,000"):
        assert [line for line in lines if amount in line], amount


def test_the_head_of_a_further_page_has_room_for_the_longest_name() -> None:
    long = "주식회사 " + "가나다라마바사아자차카타파하" * 6
    supplier = replace(papers.SUPPLIER, name=long)
    content = papers.draw(SlipKind.SETTLEMENT, papers.settlement(60, supplier=supplier))
    first, second = (words_of(page) for page in list(pypdfium2.PdfDocument(content))[:2])
    assert long.replace(" ", "") in first and long.replace(" ", "") not in second
    assert "…" in second


@pytest.mark.parametrize("name", ["receipt", "cancellation"])
def test_an_order_number_is_read_in_one_line(name: str) -> None:
    """As the platform gives them out; the widest digits of the font."""
    order = "KV20201116-" + "0" * 20
    content = papers.draw(SlipKind(name), replace(papers.payment(order_id=order), **CANCELLED))
    lines = pypdfium2.PdfDocument(content)[0].get_textpage().get_text_bounded().splitlines()
    assert [line for line in lines if order in line]


def test_what_fits_its_cell_keeps_its_size() -> None:
    """R-DOC-1: a paper that is drawn again hits its kept hash."""
    sizes = {paper._unbroken(value, 171) for value in ("KV20-0000000042-1", "요금제를 잘못 선택 " * 9)}
    assert sizes == {9.5} and paper._unbroken("KV20201116-" + "0" * 20, 171) == 9.0


def test_only_the_embedded_font_is_used() -> None:
    """Without an initial font ReportLab leaves a Helvetica that is not embedded."""
    for content in draw_all().values():
        for page in pypdf.PdfReader(io.BytesIO(content)).pages:
            for font in page["/Resources"]["/Font"].values():
                found = font.get_object()
                assert "NanumGothic" in found["/BaseFont"]
                assert "/FontFile2" in found["/FontDescriptor"].get_object()


@pytest.mark.parametrize("bold", [False, True])
def test_every_hangul_syllable_prints(bold: bool) -> None:
    """All 11,172: seen in the text that a reader extracts, and each has a glyph with ink or advance."""
    pdf, sheet = blank()
    for at in range(0, len(SYLLABLES), 50):
        sheet.need(12)
        sheet.y += 12
        sheet.text(paper.MARGIN, sheet.y, SYLLABLES[at : at + 50], size=9, bold=bold)
    sheet.close()
    text = re.sub(r"\d+/\d+", "", words(pdf.finish()))
    assert text == SYLLABLES


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("letters", ["₩㈜①㎡·~《》", "金李朴崔鄭姜趙尹張林漢城商社株式會社代表理事"])
def test_the_letters_of_names_have_glyphs(letters: str, bold: bool) -> None:
    fonts.register()
    face = pdfmetrics.getFont(fonts.BOLD if bold else fonts.REGULAR).face
    assert [letter for letter in letters if not face.charToGlyph.get(ord(letter))] == []
    assert all(face.charToGlyph.get(ord(letter)) for letter in SYLLABLES)


def test_names_with_rare_syllables_and_hanja_print_whole() -> None:
    supplier = replace(papers.SUPPLIER, name="㈜뷁쀍힣 ₩會社", representative="李뷃")
    text = words(receipt(papers.payment(supplier=supplier)))
    assert "㈜뷁쀍힣₩會社" in text and "李뷃" in text


def test_a_missing_font_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(fonts.FontMissing, match="requirements/fonts.txt"):
        fonts.folder()


def test_production_papers_bear_no_demonstration_mark() -> None:
    stamp = replace(papers.STAMP, demonstration=False)
    assert "시연용" not in words(receipt(papers.payment(stamp=stamp)))


def test_the_qr_code_is_drawn_as_vectors() -> None:
    content = receipt(papers.payment())
    page = pypdf.PdfReader(io.BytesIO(content)).pages[0]
    assert list(page.images) == []


def test_every_module_of_the_qr_code_is_where_it_belongs() -> None:
    pdf, sheet = blank()
    sheet.qr(100, 100, 58, papers.STAMP.url)
    sheet.close()
    image = pypdfium2.PdfDocument(pdf.finish())[0].render(scale=4).to_pil().convert("L")
    modules = [list(row) for row in paper.qr_modules(papers.STAMP.url)]
    step = 58 / len(modules)
    seen = [
        [
            image.getpixel((int(4 * (100 + (x + 0.5) * step)), int(4 * (100 + (y + 0.5) * step)))) < 128
            for x in row
        ]
        for y, row in ((y, range(len(modules))) for y in range(len(modules)))
    ]
    assert seen == [[bool(dark) for dark in row] for row in modules]


@pytest.mark.parametrize("width", [40.0, 90.0, 200.0])
def test_wrapping_keeps_every_letter_and_the_width(width: float) -> None:
    text = "서울특별시 강남구 테헤란로 123, 한빛타워 7층 (역삼동) averylongwordwithoutanyblankinit"
    lines = paper.wrap(text, width, 9.5)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width_of(line, 9.5) <= width for line in lines)


def test_many_papers_in_one_file_say_what_each_says_alone() -> None:
    """Finance export: drawn again from their data, never merged; each has its own page numbers."""
    many = [(kind, each.dump()) for kind, each in papers.PAPERS.items()]
    content = book.draw(iter(many))
    assert words(content) == "".join(words(book.draw_one(*each)) for each in many)
    assert book.draw(iter(many)) == content
    alone = sum(len(book.draw_one(*each)) for each in many)
    assert len(content) < alone / 2


def test_letters_that_pdf_reserves_print_as_they_are() -> None:
    """Brackets and backslashes end a string in PDF where nobody minds them."""
    text = words(receipt(papers.payment(item="((a\\)b) \\n 100%")))
    assert "((a\\)b)\\n100%" in text


def test_widths_are_those_of_the_font() -> None:
    fonts.register()
    for text in ("뷁쀍힣 ABC 123", "㈜한빛 金", "\u0b95"):
        for font in (fonts.REGULAR, fonts.BOLD):
            assert width_of(text, 9.5, font) == pytest.approx(pdfmetrics.stringWidth(text, font, 9.5))
