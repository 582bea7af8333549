"""The peers of the documents: the same receipt, with the same words, fonts and QR code, by WeasyPrint and by
fpdf2; and ready files that pikepdf puts together."""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from typing import Any

import segno

from app.documents import fonts
from app.documents.korean_money import in_words, won
from app.documents.outline import Band, Block, Facts, Outline, Parties, Section, Sums, Table
from app.documents.paper import QR_MASK

Draw = Callable[[Outline], bytes]
CHECK = "QR 코드를 찍거나 아래 주소에서 문서확인번호를 넣으면 이 문서가 진본인지 확인할 수 있습니다."
MARK = "시연용 문서입니다. 실제 정부 문서가 아니며 아무런 효력이 없습니다."
# A warning for each table of the font that it leaves out.
logging.getLogger("fontTools").setLevel(logging.ERROR)

CSS = """
@font-face {{ font-family: NG; src: url("file://{folder}/NanumGothic.ttf"); }}
@font-face {{ font-family: NG; font-weight: bold; src: url("file://{folder}/NanumGothicBold.ttf"); }}
@page {{ size: A4; margin: 17mm; }}
body {{ font: 9.5pt NG; color: #1e2124; margin: 0; }}
h1 {{ font-size: 24pt; text-align: center; color: #052b57; margin: 4mm 0 0; }}
h2 {{ font-size: 10.5pt; color: #052b57; border-left: 3pt solid #052b57; padding-left: 6pt;
      margin: 4mm 0 2mm; }}
p {{ margin: 1mm 0; text-align: center; color: #58616a; }}
table {{ width: 100%; border-collapse: collapse; border-top: 1.2pt solid #052b57; }}
th {{ background: #f4f5f6; font-weight: normal; color: #58616a; text-align: left; width: 66pt; }}
td, th {{ border-bottom: .5pt solid #cdd1d5; padding: 4pt 6pt; white-space: pre-line; }}
.two {{ display: flex; }} .two > div {{ flex: 1; }} .two > div + div {{ margin-left: 14pt; }}
.band {{ background: #f4f5f6; border-left: 4pt solid #052b57; padding: 8pt; display: flex; }}
.band b {{ margin-left: auto; font-size: 20pt; color: #052b57; }}
.check {{ background: #f4f5f6; display: flex; padding: 8pt; margin-top: 4mm; }}
svg {{ width: 58pt; height: 58pt; }}
.mark {{ position: fixed; top: 110mm; left: 30mm; font: bold 130pt NG; color: #fdf0f3;
         transform: rotate(-38deg); z-index: -1; }}
"""


class Absent(RuntimeError):
    """A peer that is not installed here, with what to do."""


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        # WeasyPrint's own text names the library of pango that it looked for.
        raise Absent(f"{name} cannot be loaded: {str(error).splitlines()[0]}") from error


@cache
def _weasyprint() -> tuple[Any, Any, Any]:
    module = _load("weasyprint")
    config = importlib.import_module("weasyprint.text.fonts").FontConfiguration()
    css = module.CSS(string=CSS.format(folder=fonts.folder()), font_config=config)
    return module, config, css


def weasyprint(outline: Outline) -> bytes:
    """Its style sheet and fonts are read once."""
    module, config, css = _weasyprint()
    content: bytes = module.HTML(string=_html(outline)).write_pdf(stylesheets=[css], font_config=config)
    return content


def _html(outline: Outline) -> str:
    stamp = outline.stamp
    qr = segno.make(stamp.url, error="m", boost_error=False, mask=QR_MASK).svg_inline(border=0, omitsize=True)
    return (
        f'<html lang="ko"><body><div class="mark">시연용</div><p>{stamp.programme} · {stamp.issuer}</p>'
        f"<h1>{outline.title}</h1><p>{outline.subtitle}</p>"
        f"<p>문서번호 {stamp.number} 발급일 {stamp.issued_on}</p>"
        + "".join(_section(section) for section in outline.sections)
        + f"<p>{outline.sentence}</p><p>{stamp.issued_on} {stamp.issuer} (직인 생략)</p>"
        f'<div class="check">{qr}<div><b>문서확인번호 {stamp.code}</b><br>'
        f"{CHECK}<br>{stamp.url}</div></div><p>{MARK}</p>"
        "</body></html>"
    )


def _rows(rows: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> str:
    head = f"<tr>{''.join(f'<th>{escape(each)}</th>' for each in heads)}</tr>" if heads else ""
    tag = "td" if heads else "th"
    body = (
        f"<tr><{tag}>{escape(first)}</{tag}>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table>{head}{''.join(body)}</table>"


def _section(section: Section) -> str:
    match section:
        case Band():
            return (
                f'<div class="band"><div>{section.label}<br>{in_words(section.amount)}</div>'
                f"<b>{won(section.amount)}원</b></div>"
            )
        case Facts():
            half = (len(section.rows) + 1) // 2
            columns = (section.rows[:half], section.rows[half:])
            return f"<h2>{section.title}</h2>" + _two(_rows(rows) for rows in columns)
        case Parties():
            return _two(f"<h2>{title}</h2>{_rows(rows)}" for title, rows in section.sides)
        case Table():
            heads = [column.title for column in section.columns]
            return f"<h2>{section.title}</h2>{_rows(section.rows, heads)}<p>{section.note}</p>"
        case Sums():
            return _two(f"<h2>{block.title}</h2>{_rows(_sums(block))}" for block in section.blocks)


def _two(parts: Any) -> str:
    return f'<div class="two">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def _sums(block: Block) -> list[tuple[str, str]]:
    return [(label, f"{won(amount)}원") for label, amount in (*block.rows, block.total)]


def fpdf2(outline: Outline) -> bytes:
    """As its manual has it: fonts added to each document, tables by `table()`."""
    module = _load("fpdf")
    pdf = module.FPDF(format="A4")
    for style, name in (("", fonts.REGULAR), ("B", fonts.BOLD)):
        pdf.add_font("NG", style, str(fonts.folder() / f"{name}.ttf"))
    pdf.set_margin(17)
    pdf.add_page()
    _mark(pdf)
    stamp = outline.stamp
    _line(pdf, f"{stamp.programme} · {stamp.issuer}", 8.5)
    _line(pdf, outline.title, 24, bold=True)
    _line(pdf, outline.subtitle, 9)
    _line(pdf, f"문서번호 {stamp.number} 발급일 {stamp.issued_on}", 9)
    for section in outline.sections:
        _fpdf_section(pdf, section)
    _line(pdf, outline.sentence, 10)
    _line(pdf, f"{stamp.issued_on} {stamp.issuer} (직인 생략)", 10)
    _qr(pdf, stamp.url)
    _line(pdf, f"문서확인번호 {stamp.code}", 12, bold=True)
    _line(pdf, CHECK, 8.5)
    _line(pdf, stamp.url, 8.5)
    _line(pdf, MARK, 7.5)
    return bytes(pdf.output())


def _mark(pdf: Any) -> None:
    pdf.set_font("NG", "B", 130)
    pdf.set_text_color(253, 240, 243)
    with pdf.rotation(38, 105, 150):
        pdf.text(50, 160, "시연용")
    pdf.set_text_color(30, 33, 36)


def _line(pdf: Any, words: str, size: float, *, bold: bool = False) -> None:
    pdf.set_font("NG", "B" if bold else "", size)
    pdf.cell(0, size * 0.5, words, align="C", new_x="LMARGIN", new_y="NEXT")


def _fpdf_section(pdf: Any, section: Section) -> None:
    match section:
        case Band():
            _line(pdf, f"{section.label} {in_words(section.amount)} {won(section.amount)}원", 14, bold=True)
        case Facts():
            _fpdf_table(pdf, section.title, section.rows)
        case Parties():
            for title, rows in section.sides:
                _fpdf_table(pdf, title, rows)
        case Table():
            heads = [column.title for column in section.columns]
            _fpdf_table(pdf, section.title, [heads, *section.rows])
            _line(pdf, section.note, 7.5)
        case Sums():
            for block in section.blocks:
                _fpdf_table(pdf, block.title, _sums(block))


def _fpdf_table(pdf: Any, title: str, rows: Sequence[Sequence[str]]) -> None:
    _line(pdf, title, 10.5, bold=True)
    pdf.set_font("NG", "", 9)
    with pdf.table(first_row_as_headings=False, line_height=5) as table:
        for row in rows:
            cells = table.row()
            for cell in row:
                cells.cell(cell)


def _qr(pdf: Any, url: str) -> None:
    rows = segno.make(url, error="m", boost_error=False, mask=QR_MASK).matrix
    step, left, top = 20 / len(rows), pdf.get_x(), pdf.get_y()
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                pdf.rect(left + x * step, top + y * step, step, step, style="F")
    pdf.set_y(top + 22)


def merged(files: Sequence[bytes]) -> bytes:
    """Ready files in one, as it is usually done."""
    pikepdf = _load("pikepdf")
    together = pikepdf.new()
    for content in files:
        with pikepdf.open(io.BytesIO(content)) as one:
            together.pages.extend(one.pages)
    out = io.BytesIO()
    together.save(out)
    return out.getvalue()
