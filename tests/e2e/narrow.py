"""A page on a phone: nothing runs out of its box (R-PUB-3)."""

from __future__ import annotations

from playwright.sync_api import Page

PHONE = 390
# The page itself, and the frames of tables: a row of tabs and printed code are meant to be pushed along.
RUN = """() => [...document.querySelectorAll("html, .kv-table-frame")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => [one.ariaLabel ?? one.tagName, one.scrollWidth, "in", one.clientWidth].join(" "))"""


def runs_out(page: Page) -> list[str]:
    """What is wider than its place on a phone; the page has its size again afterwards."""
    before = page.viewport_size
    page.set_viewport_size({"width": PHONE, "height": 844})
    found: list[str] = page.evaluate(RUN)
    if before:
        page.set_viewport_size(before)
    return [f"on a phone runs out of its box: {one}" for one in found]
