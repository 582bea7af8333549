"""Finds what a person can open: follows the links of every page, one example for each kind of address."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urljoin, urlsplit

from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, Rule

# Parts of the address behind `?` that make a page another one; the rest only picks rows.
TELLING = ("tab", "state", "step", "from", "document")
DOWNLOADS = (".pdf", ".xlsx", ".csv", ".json")
# Of these one example does not show all that can be done: one sent back is edited, one on sale is priced; of
# the documents taken out, some can be had, others were stopped.
EXAMPLES = {"supply.service": 2, "console_exports.show": 2}
DOCUMENTS = (
    "supply.service_file",
    "services.file",
    "public.notice_file",
    "console_offerings.file",
    "console_posts.file",
    "company.document",
    "console_case.document",
    "supply.document",
    "console_suppliers.document",
    "deals.file",
    "supply.deal_file",
    "console_deals.file",
    "console_exports.download",
    "console_reconciliation.evidence",
    "console_statements.original",
    "console_abuse.file",
    "console_invoices.document",
)
PREFIXES_OF_FILES = ("/static/", "/console/static/")
LINKS = "all => all.map(one => one.href)"


def map_of(routes: list[dict[str, str]]) -> MapAdapter:
    rules = [Rule(route["rule"], endpoint=route["endpoint"], methods=["GET"]) for route in routes]
    return Map(rules, strict_slashes=False).bind("")


@dataclass(frozen=True)
class Found:
    """A kind of address; `page` is None for a file that is downloaded."""

    url: str
    endpoint: str
    variant: str
    is_file: bool
    source: str
    """The page that links to it."""


@dataclass
class Crawl:
    """Breadth first from one page, within one host."""

    addresses: MapAdapter
    origin: str
    variants: set[tuple[str, str]] = field(default_factory=set)
    """Endpoints with what told them apart, seen by those who walked before: once is enough for all."""
    seen: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    known: set[str] = field(default_factory=set)
    waiting: deque[Found] = field(default_factory=deque)

    def endpoint_of(self, url: str) -> str | None:
        try:
            endpoint: str = self.addresses.match(urlsplit(url).path, method="GET")[0]
        except HTTPException:
            return None
        return endpoint

    def add(self, url: str, *, source: str = "") -> None:
        """Remember an address of ours, unless one of its kind is known."""
        parts = urlsplit(urljoin(self.origin, url))
        if parts.netloc != urlsplit(self.origin).netloc or parts.path.startswith(PREFIXES_OF_FILES):
            return
        endpoint = self.endpoint_of(parts.geturl())
        assert endpoint is not None, f"{source} links to {url}, which nothing answers to"
        query = parse_qs(parts.query)
        variant = "&".join(f"{name}={value}" for name in TELLING for value in query.get(name, []))
        if query.get("document"):
            variant = "document"
        is_file = parts.path.endswith(DOWNLOADS) or "format" in query or endpoint in DOCUMENTS
        kind, address = (endpoint, variant, is_file), parts._replace(fragment="").geturl()
        repeated = bool(variant) and (endpoint, variant) in self.variants
        if repeated or address in self.known or self.seen[kind] >= EXAMPLES.get(endpoint, 1):
            return
        self.seen[kind] += 1
        self.known.add(address)
        self.variants.add((endpoint, variant))
        self.waiting.append(Found(address, endpoint, variant, is_file, source))

    def walk(self, *, visit: Callable[[Found], list[str]]) -> Iterator[Found]:
        """Visit everything that can be reached; the links that a visit gives are added while it goes on."""
        while self.waiting:
            found = self.waiting.popleft()
            for href in visit(found):
                if urlsplit(href).scheme in ("http", "https"):
                    self.add(href, source=found.url)
            yield found


def links_of(page: Page) -> list[str]:
    """Where the links of the page lead that is open."""
    found: list[str] = page.locator("a[href]").evaluate_all(LINKS)
    return found
