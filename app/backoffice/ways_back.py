"""The way back from a decision to the list that it was made from, with its filters (R-SCR-3, R-SCR-3c).

A list's forms name it as `back`; a case carries it in its address from the list that it was opened from. What
comes from outside is taken apart and put together again: it leads to one of these lists or nowhere.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import request, url_for

from app.web.pages import page_url

BACK = "back"
# The lists that lead to cases, and those that decide in their rows.
LISTS = (
    "console_screening.index_view",
    "console_budget.index",
    "console_offers.index",
    "console_waivers.index",
    "console_waivers.decided",
    "console_dashboard.decisions",
    "console_dashboard.ending",
    "console_unknown.index",
    "console_reconciliation.index",
)
LONGEST = 1_000
# Of a list's address, what asks for a file instead of the page.
NOT_KEPT = frozenset({"format"})
# Addresses of a case that are no pages to come back from.
_FILES = frozenset({"console_case.document"})


def here() -> str:
    """This list as it is looked at: its filters, and where in it."""
    return page_url(after=request.args.get("after"), format=None)


def known(address: str | None) -> str:
    """The address where it is one of the lists, without its host; else empty."""
    if not address or len(address) > LONGEST:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.netloc not in ("", request.host) or parts.path not in [url_for(name) for name in LISTS]:
        return ""
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in NOT_KEPT]
    return f"{parts.path}?{urlencode(kept)}" if kept else parts.path


def from_form(default: str) -> str:
    """Where the list's own form says that it stands."""
    return known(request.form.get(BACK)) or default


def from_address() -> str:
    """The list that this page's address names, else the one that it was opened from; empty where neither."""
    if BACK in request.args:
        return known(request.args[BACK])
    return known(request.referrer) if request.method == "GET" else ""


def carry_on(endpoint: str, values: dict[str, Any]) -> None:
    """For a blueprint's `url_defaults`: each of its addresses leads on with the way back of this page."""
    if endpoint in _FILES or request.blueprint != endpoint.rpartition(".")[0]:
        return
    if back := from_address():
        values.setdefault(BACK, back)
