"""Papers that the demonstration's companies hand in: plain PDFs that say what they stand for."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.documents import fonts


def paper(title: str, lines: list[str]) -> bytes:
    """One A4 page with a title, some lines and the demonstration's mark; same words, same bytes."""
    fonts.register()
    buffer = BytesIO()
    settings: dict[str, Any] = {"pagesize": A4, "initialFontName": fonts.REGULAR, "invariant": 1}
    canvas = Canvas(buffer, pageCompression=1, **settings)
    width, height = A4
    canvas.setFont(fonts.BOLD, 24)
    canvas.drawCentredString(width / 2, height - 45 * mm, title)
    canvas.setFont(fonts.REGULAR, 13)
    for row, line in enumerate(lines):
        canvas.drawString(35 * mm, height - (75 + 12 * row) * mm, line)
    canvas.setFont(fonts.REGULAR, 11)
    canvas.drawCentredString(width / 2, 30 * mm, "시연용 서류입니다. 실제 증명서가 아닙니다.")
    canvas.rect(22 * mm, 20 * mm, width - 44 * mm, height - 40 * mm)
    canvas.save()
    return buffer.getvalue()
