"""A PDF in the making: the fonts as ReportLab embeds them, the pages as the operators that draw them.

A canvas works out anew for each mark what a paper knows already; the operators themselves are a tenth of the
work. Pages are packed as they come, so that a thousand papers in one file need little memory. Same input,
same bytes: widths are summed here, in whole units of the font, with or without ReportLab's accelerator.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfdoc, pdfmetrics

from app.documents import fonts
from app.documents.fonts import BOLD, REGULAR

WIDTH, HEIGHT = A4
AUTHOR = "K-비대면바우처 플랫폼"

_SPECIAL = str.maketrans({"(": "\\(", ")": "\\)", "\\": "\\\\", "\r": "\\r", "\n": "\\n"})
# Words that one file has drawn before, labels above all. A large book must not remember every name.
_MOST_KNOWN = 4_096

Run = tuple[str, str]
"""The name of a subset in the file, and letters of it as a PDF string without its brackets."""


@cache
def _widths(font: str) -> tuple[Mapping[int, float], float]:
    """Of each letter, in thousandths of the size; and of one that the font lacks."""
    fonts.register()
    found: Any = pdfmetrics.getFont(font)
    face = found.face
    return face.charWidths, face.defaultWidth


def width_of(words: str, size: float, font: str = REGULAR) -> float:
    """In points."""
    widths, missing = _widths(font)
    try:
        units = sum(map(widths.__getitem__, map(ord, words)))
    except KeyError:
        units = sum(widths.get(ord(letter), missing) for letter in words)
    return units * size / 1000


def _document() -> Any:
    """The stubs know neither all of its methods nor what its pages may bear."""
    return pdfdoc.PDFDocument(compression=1, invariant=1, lang="ko-KR")


class Pdf:
    def __init__(self, *, title: str) -> None:
        fonts.register()
        self._document = _document()
        self._document.info.title = title
        self._document.info.author = AUTHOR
        shared: Any = pdfdoc.PDFResourceDictionary()
        shared.basicFonts()
        shared.basicProcs()
        self._resources: Any = self._document.Reference(shared, "paper.resources")
        self._faces: dict[str, Any] = {name: pdfmetrics.getFont(name) for name in (REGULAR, BOLD)}
        self._known: dict[tuple[str, str], list[Run]] = {}

    def runs(self, words: str, font: str) -> list[Run]:
        """The words in the file's own letters. NanumGothic is embedded in parts of 256 letters each."""
        found = self._known.get((font, words))
        if found is None:
            face = self._faces[font]
            found = [
                (
                    face.getSubsetInternalName(subset, self._document),
                    letters.decode("latin-1").translate(_SPECIAL),
                )
                for subset, letters in face.splitString(words, self._document)
            ]
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[(font, words)] = found
        return found

    def page(self, marks: Sequence[str]) -> None:
        """One page of A4."""
        content = pdfdoc.PDFStream(
            pdfdoc.PDFDictionary({"Filter": pdfdoc.PDFName("FlateDecode")}),
            zlib.compress("\n".join(marks).encode("latin-1")),
        )
        page: Any = pdfdoc.PDFPage()
        page.pagewidth, page.pageheight = WIDTH, HEIGHT
        page.Contents, page.Resources, page.ExtGState = content, self._resources, None
        self._document.addPage(page)

    def finish(self) -> bytes:
        data = self._document.GetPDFData(None)
        return data if isinstance(data, bytes) else data.encode("latin-1")
