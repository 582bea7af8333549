"""Charts drawn by the server: read aloud, told apart without colour, nothing inline (R-PUB-3, KWCAG)."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask, render_template_string

from app.backoffice.dashboard_parts import Chart, days_text, million, picture, stacked

IMPORT = '{% import "components/charts.html" as charts %}'
SVG = "{http://www.w3.org/2000/svg}"
CALLS = {
    "bar": "{{ charts.bar('k', '처리 결과', chart.description, chart['items']) }}",
    "histogram": "{{ charts.histogram('k', '처리 결과', chart.description, chart['items']) }}",
    "stacked": "{{ charts.stacked('k', '처리 결과', chart.description, chart.series, chart.rows) }}",
    "line": "{{ charts.line('k', '처리 결과', chart.description, chart.ticks, chart.series, chart.top) }}",
}
LINE = Chart(
    kind="line",
    description="가 기관: 11.02. 2일.",
    ticks=["10.26.", "11.02.", "11.09."],
    series=[
        {"label": "가 기관", "values": [None, 2.0, 4.0], "texts": ["-", "2일", "4일"]},
        {"label": "나 기관", "values": [1.0, None, 3.0], "texts": ["1일", "-", "3일"]},
    ],
    top=4,
)
CHARTS = {
    "bar": picture("bar", [("심사확정", 4), ("보류 <사유>", 2), ("탈락", 0)]),
    "histogram": picture("histogram", [("0~1일", 3), ("2~3일", 0)]),
    "stacked": stacked(["확정", "보류", "탈락"], [("가 기관", [6, 0, 3]), ("나 기관", [0, 0, 0])]),
    "line": LINE,
}


def drawn(screens: Flask, chart: Chart) -> str:
    with screens.test_request_context("/"):
        return render_template_string(IMPORT + CALLS[chart.kind], chart=chart)


def picture_of(html: str) -> ElementTree.Element:
    """The chart's picture, which is well-formed. Inside HTML an SVG needs no namespace; here it does."""
    found = re.search(r"<svg class=\"kv-chart__picture\".*?</svg>", html, re.S)
    assert found
    # Our own page, nothing foreign.
    return ElementTree.fromstring(  # noqa: S314
        found[0].replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


@pytest.mark.parametrize("kind", CHARTS)
def test_each_has_a_title_and_all_its_numbers_in_words(kind: str, screens: Flask) -> None:
    chart = CHARTS[kind]
    svg = picture_of(drawn(screens, chart))
    assert svg.get("role") == "img"
    named = [svg.find(f".//*[@id='{key}']") for key in (svg.get("aria-labelledby") or "").split()]
    assert [one.text for one in named if one is not None] == ["처리 결과", chart.description]


@pytest.mark.parametrize("kind", CHARTS)
def test_nothing_is_inline_and_texts_are_escaped(kind: str, screens: Flask) -> None:
    html = drawn(screens, CHARTS[kind])
    assert not re.search(r"\sstyle=|<style|<script|\son[a-z]+=", html)
    assert "<사유>" not in html


def test_a_bar_is_as_long_as_its_number(screens: Flask) -> None:
    bars = picture_of(drawn(screens, CHARTS["bar"])).findall(f"{SVG}rect")
    longest, half, none = [float(bar.get("width") or 0) for bar in bars]
    assert (longest, half, none) == (470, 235, 0)


def test_a_column_is_as_tall_as_its_number_and_stands_on_the_axis(screens: Flask) -> None:
    bars = picture_of(drawn(screens, CHARTS["histogram"])).findall(f"{SVG}rect")
    assert [(float(bar.get("height") or 0), float(bar.get("y") or 0)) for bar in bars] == [
        (180, 30),
        (0, 210),
    ]


def test_parts_keep_their_pattern_where_one_is_missing(screens: Flask) -> None:
    """Colour is never the only difference: each series has a pattern of its own, named in the legend."""
    html = drawn(screens, CHARTS["stacked"])
    parts = picture_of(html).findall(f"{SVG}rect")
    assert [part.get("fill") for part in parts] == ["url(#chart-k-0)", "url(#chart-k-2)"]
    assert [float(part.get("width") or 0) for part in parts] == [313.3, 156.7]
    legend = re.findall(r"fill=\"url\(#chart-k-(\d)\)\"/></svg> (\S+)</li>", html)
    assert legend == [("0", "확정"), ("1", "보류"), ("2", "탈락")]


def test_a_line_breaks_where_nothing_is_known(screens: Flask) -> None:
    svg = picture_of(drawn(screens, CHARTS["line"]))
    lines = [p for p in svg.findall(f"{SVG}path") if (p.get("class") or "").startswith("kv-line")]
    assert [(line.get("d") or "").split() for line in lines] == [
        ["M288.0", "121.0", "L540.0", "16.0"],
        ["M36.0", "173.5", "M540.0", "68.5"],
    ]


@pytest.mark.parametrize(
    "chart",
    [picture("bar", []), picture("histogram", [("0~1일", 0)]), stacked(["확정"], [("가", [0])])],
    ids=["bar", "histogram", "stacked"],
)
def test_of_nothing_there_is_no_picture_but_a_sentence(chart: Any, screens: Flask) -> None:
    html = drawn(screens, chart)
    assert "<svg" not in html and "그림으로 나타낼 값이 없습니다." in html


def test_numbers_are_written_as_people_read_them() -> None:
    assert [days_text(value) for value in (None, 3.0, 2.5)] == ["-", "3일", "2.5일"]
    assert million(1_234_500_000) == "1,234백만원"
    assert stacked(["집행", "잔여"], [("가", [3_600_000, 0])], money=True).description == (
        "가: 집행 4백만원, 잔여 0백만원."
    )
