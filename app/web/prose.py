"""Plain text that people wrote, as safe HTML: paragraphs, line breaks, links (R-PUB-2)."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_LINK = re.compile(r"https?://[^\s<>\"'‘’“”]+")
_TAIL = ".,;:!?)]}"


def prose(text: str | None) -> Markup:
    """Blank lines part paragraphs; an address of the web becomes a link; everything else is only text."""
    paragraphs = re.split(r"\n\s*\n", (text or "").strip())
    return Markup("\n").join(
        Markup("<p>{}</p>").format(_lines(paragraph)) for paragraph in paragraphs if paragraph
    )


def _lines(paragraph: str) -> Markup:
    return Markup("<br>\n").join(_linked(line) for line in paragraph.split("\n"))


def _linked(line: str) -> Markup:
    parts, end = [], 0
    for found in _LINK.finditer(line):
        address = found.group().rstrip(_TAIL)
        parts += [escape(line[end : found.start()]), _anchor(address)]
        end = found.start() + len(address)
    return Markup("").join([*parts, escape(line[end:])])


def _anchor(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noopener nofollow">{0}</a>').format(address)
