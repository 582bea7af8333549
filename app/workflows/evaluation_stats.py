"""서비스 평점 by criterion: how the marks of a service are spread (R-CAT-3, R-EVA-1)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app.db import db
from app.models.settlements import Evaluation

SCORES = (5, 4, 3, 2, 1)


@dataclass(frozen=True, kw_only=True)
class Spread:
    label: str
    average: str
    """One decimal, rounded half up, in whole-number arithmetic."""
    counts: dict[int, int]
    """How many gave each mark, the best first."""


def of_offering(offering_id: int, /) -> list[Spread]:
    """One line for each criterion, in one statement; none without evaluations."""
    columns = [
        func.count().filter(getattr(Evaluation, name) == score)
        for name in Evaluation.CRITERIA
        for score in SCORES
    ]
    row = db.session.execute(select(*columns).where(Evaluation.offering_id == offering_id)).one()
    lines = []
    for place, label in enumerate(Evaluation.CRITERIA.values()):
        counts = dict(zip(SCORES, row[place * len(SCORES) : (place + 1) * len(SCORES)], strict=True))
        if number := sum(counts.values()):
            marks = sum(score * count for score, count in counts.items())
            lines.append(Spread(label=label, average=tenths(marks, number), counts=counts))
    return lines


def tenths(marks: int, number: int) -> str:
    """`4.2`: of so many marks the average with one decimal, rounded half up, in whole-number arithmetic."""
    tenths = (marks * 20 + number) // (number * 2)
    return f"{tenths // 10}.{tenths % 10}"
