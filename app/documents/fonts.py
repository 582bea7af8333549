"""The PDFs' font: NanumGothic, which has every Hangul syllable, ₩, ㈜ and the hanja of names (R-DOC-1).

It comes with the package koreanize-matplotlib, found without importing it (it would import matplotlib).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "NanumGothic"
BOLD = "NanumGothicBold"
_PACKAGE = "koreanize_matplotlib"


class FontMissing(RuntimeError):
    """The font's package is not installed."""


def folder() -> Path:
    """Where the font's files lie. Raises FontMissing."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FontMissing(
            "NanumGothic is not installed: pip install --no-deps --require-hashes -r requirements/fonts.txt"
        )
    return Path(spec.submodule_search_locations[0]) / "fonts"


@cache
def register() -> None:
    """Make both weights known to ReportLab, once per process: parsing them costs a tenth of a second.

    Workers call it before they fork. Raises FontMissing.
    """
    files = folder()
    for name in (REGULAR, BOLD):
        file = files / f"{name}.ttf"
        if not file.is_file():
            raise FontMissing(f"{_PACKAGE} is installed without {file.name}")
        pdfmetrics.registerFont(TTFont(name, str(file)))
