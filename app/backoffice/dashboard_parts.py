"""What a dashboard is made of: blocks, each a table with the address behind each number, and its chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.documents.exports import Column, Kind


@dataclass(frozen=True)
class Cell:
    value: Any
    text: str = ""
    url: str = ""


@dataclass(frozen=True)
class Head:
    label: str
    kind: Kind = "number"

    @property
    def at_end(self) -> bool:
        return self.kind in ("number", "won")


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`kind` names the macro; the other fields are what it asks for."""

    kind: str
    description: str
    items: list[dict[str, Any]] = field(default_factory=list)
    series: list[Any] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    ticks: list[str] = field(default_factory=list)
    top: int = 0


@dataclass(frozen=True, kw_only=True)
class Block:
    key: str
    title: str
    heads: list[Head]
    rows: list[list[Cell]]
    """The first cell of a row names it."""
    note: str = ""
    chart: Chart | None = None
    summed: bool = False
    """The last row is the sum of those above."""
    empty: str = "조회된 내역이 없습니다."
    more: tuple[str, str] | None = None
    """Where the whole list is: (label, address)."""

    def columns(self) -> list[Column[list[Cell]]]:
        """For a file of the table."""
        return [
            Column(head.label, lambda row, place=place: row[place].value, head.kind)  # type: ignore[misc]
            for place, head in enumerate(self.heads)
        ]


def count(number: int, url: str = "") -> Cell:
    """A number of cases; nothing leads to an empty list."""
    return Cell(number, f"{number:,}건", url if number else "")


def percent(value: int | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value}%")


def days_text(value: float | None) -> str:
    """`3일`, `2.5일`: business days."""
    return "-" if value is None else f"{value:g}일"


def days_cell(value: float | None) -> Cell:
    return Cell(value, days_text(value))


def million(amount: int) -> str:
    """Won, short enough for a chart; the table beside it has them in full."""
    return f"{amount / 1_000_000:,.0f}백만원"


def picture(kind: str, pairs: Sequence[tuple[str, float]], texts: Sequence[str] = ()) -> Chart:
    """A bar or a column for each pair of label and value; described by all of them in words."""
    said = texts or [f"{value:,}건" for _, value in pairs]
    items = [
        {"label": label, "value": value, "text": text}
        for (label, value), text in zip(pairs, said, strict=True)
    ]
    words = ", ".join(f"{item['label']} {item['text']}" for item in items)
    return Chart(kind=kind, description=f"{words}." if words else "", items=items)


def stacked(
    series: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]], *, money: bool = False
) -> Chart:
    """A bar for each row, with a part for each of the series; parts of nothing are left out."""

    def say(value: int) -> str:
        return million(value) if money else f"{value:,}건"

    def inside(value: int) -> str:
        return f"{value / 1_000_000:,.0f}" if money else f"{value:,}"

    drawn = []
    for label, parts in rows:
        shown = [(place, value) for place, value in enumerate(parts) if value > 0]
        drawn.append(
            {
                "label": label,
                "places": [place for place, _ in shown],
                "values": [value for _, value in shown],
                "texts": [inside(value) for _, value in shown],
                "text": say(sum(value for _, value in shown)),
            }
        )
    words = "; ".join(
        f"{label}: " + ", ".join(f"{name} {say(value)}" for name, value in zip(series, parts, strict=True))
        for label, parts in rows
    )
    return Chart(kind="stacked", description=f"{words}.", series=list(series), rows=drawn)
