"""A page as the server sent it: what kinds of elements it is made of, and where its links lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Markup:
    kinds: set[str] = field(default_factory=set)
    """Elements by tag, class, role, type, the names of all their attributes, and what they lie in; not how
    many rows a list has."""
    scripts: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)


def read(content: str, *, address: str) -> Markup:
    reader = _Reader(address)
    reader.feed(content)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.found = address, Markup()
        self.open: list[tuple[str, str]] = []
        """Tag and kind of the elements in which we are."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        kind = " ".join([tag, *(told.get(name, "") for name in ("class", "role", "type")), *sorted(told)])
        self.found.kinds.add(f"{self.open[-1][1] if self.open else ''} > {kind}")
        if tag == "script":
            self.found.scripts.add(told.get("src", ""))
        if tag == "a" and "href" in told and "template" not in (above for above, _ in self.open):
            self.found.links.append(urljoin(self.address, told["href"]))
        if tag not in VOID:
            self.open.append((tag, kind))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        places = [place for place, (open_tag, _) in enumerate(self.open) if open_tag == tag]
        if places:
            # What was left open inside, as HTML allows for some, ends with it.
            del self.open[places[-1] :]
