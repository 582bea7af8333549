"""axe-core on a page: the rules of WCAG 2.2 AA that a machine can check (R-PUB-3)."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from ops import browser
from tests.e2e.pages.markup import Markup

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A PDF in its frame is the browser's own viewer, no page of ours. Preloading copies style sheets into inline
# ones, which the CSP refuses, and serves an experimental rule only.
RUN = """async (tags) => {
  const options = {runOnly: tags, resultTypes: ["violations"], iframes: false, preload: false};
  const found = await axe.run(document, options);
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)
    + " | " + n.failureSummary.split("\\n").slice(1, 2)).join(" ;; ")}`);
}"""

# What kinds of elements a page is made of, and how they lie in each other; not how many rows its lists have.
KINDS = """() => {
  const told = (one, name) => one.getAttribute(name) ?? "";
  const name = (one) => [one.tagName, told(one, "class"), told(one, "role"), told(one, "type"),
    one.hasAttribute("aria-label")].join(" ");
  const all = [...document.querySelectorAll("body *")];
  return [...new Set(all.map((one) => `${name(one.parentElement)} > ${name(one)}`))];
}"""


@cache
def _source() -> str:
    return browser.axe()


def violations(page: Page) -> list[str]:
    """What is wrong, with examples. Evaluated from outside, so that the page's own CSP stays in force."""
    page.evaluate(_source())
    found: list[str] = page.evaluate(RUN, TAGS)
    return found


class Gaze:
    """Looks at each kind of page once, and again wherever something stands that was not looked at before.

    The roles of the console share most of their pages; axe needs longer for a page than its person.
    """

    def __init__(self) -> None:
        self._pages: set[str] = set()
        self._kinds: set[str] = set()
        self._scripts: dict[str, set[str]] = {}
        self._sent: set[str] = set()

    def knows(self, sent: Markup, *, endpoint: str) -> bool:
        """Whether a page of this endpoint was opened with all its scripts, and every kind of element that was
        sent stood on a page that was opened: it would look and behave as they did.
        """
        scripts = self._scripts.setdefault(endpoint, set())
        known = endpoint in self._pages and sent.scripts <= scripts and sent.kinds <= self._sent
        scripts |= sent.scripts
        self._sent |= sent.kinds
        return known

    def violations(self, page: Page, *, endpoint: str) -> list[str]:
        kinds = set(page.evaluate(KINDS))
        if endpoint in self._pages and kinds <= self._kinds:
            return []
        self._pages.add(endpoint)
        self._kinds |= kinds
        return violations(page)


def check(page: Page) -> None:
    """Raises AssertionError with the page's address and what is wrong."""
    found = violations(page)
    assert not found, f"{page.url}\n" + "\n".join(found)
