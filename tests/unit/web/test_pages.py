"""Lists live in the address."""

from __future__ import annotations

import pytest
from flask import Flask

from app.web.pages import kept_args, page_args, page_url


@pytest.mark.parametrize(
    ("query", "size", "sort"),
    [
        ("", 20, "new"),
        ("size=50&sort=old", 50, "old"),
        ("size=1000000&sort=secret", 20, "new"),
        ("size=-1", 20, "new"),
        ("size=x", 20, "new"),
    ],
)
def test_an_address_cannot_ask_for_what_is_not_offered(
    screens: Flask, query: str, size: int, sort: str
) -> None:
    with screens.test_request_context(f"/list?{query}"):
        args = page_args(sorts=("new", "old"), default_sort="new")
        assert (args.size, args.sort, args.is_first) == (size, sort, True)


def test_cursors(screens: Flask) -> None:
    with screens.test_request_context("/list?after=abc&before=def"):
        args = page_args()
        assert (args.after, args.before) == ("abc", None)
    with screens.test_request_context("/list?after=" + "x" * 300):
        assert page_args().is_first


def test_filters_stay_and_the_place_goes(screens: Flask) -> None:
    with screens.test_request_context("/list?q=화상&state=a&state=b&after=9"):
        assert page_url(size=50) == "/list?q=%ED%99%94%EC%83%81&state=a&state=b&size=50"
        assert page_url(q=None, state=None) == "/list"
        assert page_url(after="10").endswith("after=10")
        assert kept_args("state") == [("q", "화상")]
