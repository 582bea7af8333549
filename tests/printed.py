"""What stands on a paper, for the tests: as a reader copies it, blanks left out."""

from __future__ import annotations

import re
import unicodedata

import pypdfium2


def words(content: bytes) -> str:
    return "".join(words_of(page) for page in pypdfium2.PdfDocument(content))


def words_of(page: pypdfium2.PdfPage) -> str:
    text = page.get_textpage().get_text_bounded()
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))
