"""A workbook of one sheet, the same bytes for the same rows whenever and wherever it is made. Pure.

Written out rather than by a library: that one puts the hour into the file, and its next release may write
another file. Nothing is compressed, since compressors differ too; such a file has a few hundred rows.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

Cell = str | int
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WHEN = (1980, 1, 1, 0, 0, 0)

_FIXED = {
    "[Content_Types].xml": f'<Types xmlns="{_TYPES}">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
    f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    # Styles by place: 0 text, 1 won, 2 the heading.
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="11"/></font>'
    '<font><b/><sz val="11"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf numFmtId="49" applyNumberFormat="1"/>'
    '<xf numFmtId="3" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" applyNumberFormat="1" '
    'applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
    "</cellStyles></styleSheet>",
}


def write(
    rows: Iterable[Sequence[Cell]], *, title: str, widths: Sequence[int] = (), headed: bool = True
) -> bytes:
    """The rows as XLSX: a whole number stays a number, a text a text that no spreadsheet runs.

    `headed`: the first row is the heading. Raises ValueError for a number that a spreadsheet would round.
    """
    parts = dict(_FIXED)
    name = escape(re.sub(r"[\[\]:*?/\\]", " ", title)[:31], {'"': "&quot;"})
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    parts["xl/worksheets/sheet1.xml"] = _sheet(rows, widths, headed=headed)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, content in parts.items():
            entry = zipfile.ZipInfo(path, date_time=_WHEN)
            entry.create_system, entry.external_attr = 0, 0
            archive.writestr(entry, (_HEAD + content).encode())
    return out.getvalue()


def _sheet(rows: Iterable[Sequence[Cell]], widths: Sequence[int], *, headed: bool) -> str:
    columns = "".join(
        f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>'
        for n, width in enumerate(widths, start=1)
    )
    lines = []
    for n, row in enumerate(rows, start=1):
        cells = (_cell(value, f"{_letters(at)}{n}", head=headed and n == 1) for at, value in enumerate(row))
        lines.append(f'<row r="{n}">{"".join(cells)}</row>')
    return (
        f'<worksheet xmlns="{_MAIN}">{f"<cols>{columns}</cols>" if columns else ""}'
        f"<sheetData>{''.join(lines)}</sheetData></worksheet>"
    )


def _cell(value: Cell, place: str, *, head: bool) -> str:
    if isinstance(value, int):
        if abs(value) >= 10**15:
            raise ValueError("a spreadsheet keeps fifteen digits")
        return f'<c r="{place}" s="1"><v>{value}</v></c>'
    text = escape(_NOT_IN_XML.sub("", value))
    return (
        f'<c r="{place}" s="{2 if head else 0}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    )


def _letters(at: int) -> str:
    """A, B, … Z, AA: the column's name by its place from 0."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
