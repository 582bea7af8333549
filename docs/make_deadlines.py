"""`make docs`: writes deadlines.md from the table of deadlines that the tests hold the clock against."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from app import clock
from tests.clock_vectors import VECTORS, Kind, Vector

PATH = Path(__file__).parent / "deadlines.md"
HEADING = """# Deadlines

Made by `make docs` from `tests/clock_vectors.py`; do not edit. Each row was worked out by hand from a wall
calendar and the law, and is held against the clock and against what the platform gives to a request, a bill
or a confirmation of that instant.

Times are Korean. A deadline is the 24:00 of its last day, which is the first instant of the next: an action
at that instant is late, whether a sweep has run or not. Public holidays come from the package `holidays`
(the decree 관공서의 공휴일에 관한 규정 and, since July 2021, the act 공휴일에 관한 법률): a holiday that the
government declares after a release of that package is declared as a closing day of the programme (console,
사업 설정) until the package is renewed, and moves every deadline that is open. Periods in which the clocks
stand still are a page of their own: [stopped clocks](decisions/0007-stopped-clocks.md).
"""
TITLES: dict[Kind, tuple[str, str]] = {
    "consultation": ("거래상담 답변", "The second business day after the day of the request."),
    "payment": ("결제", "The second calendar day after the day of the bill."),
    "first_payment": ("바우처 첫 결제", "The same day one month after 선정일, or that month's last day."),
    "full_use": ("바우처 사용", "The same day eight months after 선정일, or that month's last day."),
}
COLUMNS = ("at", "until 24:00 of", "why")


def document() -> str:
    return "\n".join([HEADING, *(_section(kind) for kind in VECTORS)])


def _section(kind: Kind) -> str:
    title, rule = TITLES[kind]
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *map(_row, VECTORS[kind])]
    return "\n".join([f"## {title}", "", rule, "", *(f"| {' | '.join(row)} |" for row in rows), ""])


def _row(vector: Vector) -> tuple[str, ...]:
    at = f"{clock.write_day(vector.instant.date())} {vector.instant:%H:%M}"
    return at, clock.write_day(date.fromisoformat(vector.last)), vector.why


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
