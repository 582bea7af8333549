"""axe-core on a page: the rules of WCAG 2.2 AA that a machine can check (R-PUB-3)."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from ops import browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A PDF in its frame is the browser's own viewer, no page of ours. Preloading copies style sheets into inline
# ones, which the CSP refuses, and serves an experimental rule only.
RUN = """async (tags) => {
  const options = {runOnly: tags, resultTypes: ["violations"], iframes: false, preload: false};
  const found = await axe.run(document, options);
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)
    + " | " + n.failureSummary.split("\\n").slice(1, 2)).join(" ;; ")}`);
}"""


@cache
def _source() -> str:
    return browser.axe()


def violations(page: Page) -> list[str]:
    """What is wrong, with examples. Evaluated from outside, so that the page's own CSP stays in force."""
    page.evaluate(_source())
    found: list[str] = page.evaluate(RUN, TAGS)
    return found


def check(page: Page) -> None:
    """Raises AssertionError with the page's address and what is wrong."""
    found = violations(page)
    assert not found, f"{page.url}\n" + "\n".join(found)
