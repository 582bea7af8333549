"""What the public pages must know of the year's programme, read in one statement (R-MONEY-2a, R-TIME-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, Date, func, select

from app import clock
from app.db import db
from app.models.catalogue import Plan
from app.models.companies import Company
from app.models.programme import ClockStop, ClosingDay, Programme, VatMode
from app.workflows import shares
from app.workflows.deadlines import Explanation
from app.workflows.reckoning import Reckoner

VAT_WORDS = {VatMode.INCLUDED: "부가세 포함", VatMode.BORNE: "부가세 별도"}
VAT_NOTES = {
    VatMode.INCLUDED: "표시된 가격에는 부가가치세가 들어 있으며, 바우처로 모두 결제합니다.",
    VatMode.BORNE: "표시된 가격은 공급가액입니다. 바우처는 공급가액을 결제하고, 부가가치세 10%는 기업이 따로 "
    "부담합니다.",
}
# What a plan that is paid by the month calls its unit: its price is that of a month already.
MONTHLY = frozenset({"월", "1월", "개월", "1개월", "매월", "한달", "한 달"})


@dataclass(frozen=True, kw_only=True)
class PlanPrice:
    """A plan's price opened into what it is made of, won (R-MONEY-2b)."""

    plan: Plan
    supply: int
    tax: int
    """Inside the price, or on top of it (R-MONEY-2a)."""
    total: int
    """With the tax, wherever that lies."""
    monthly: int
    """The price for one month, rounded half up; of a plan paid by the month the price itself."""

    @property
    def by_month(self) -> bool:
        return self.plan.unit.strip() in MONTHLY


@dataclass(frozen=True)
class Terms:
    """The programme by which a visitor, or a company, buys."""

    programme: Programme
    reckoner: Reckoner

    @property
    def vat(self) -> str:
        return VAT_WORDS[self.programme.vat_mode]

    @property
    def vat_note(self) -> str:
        return VAT_NOTES[self.programme.vat_mode]

    def answer_by(self) -> Explanation:
        """Until when a consultation that is asked for now is answered, in words (R-TIME-2, R-TIME-5a)."""
        now, count = clock.now(), self.reckoner.count("consultation")
        return Explanation(
            deadline=self.reckoner.deadline("consultation", now),
            text=clock.explain(now, count, self.reckoner.stops),
        )

    def price(self, plan: Plan) -> PlanPrice:
        on_top = shares.tax_on_top(programme=self.programme, amount=plan.price)
        parts = shares.supply_and_tax(amount=plan.price, tax=on_top)
        return PlanPrice(
            plan=plan,
            supply=parts.supply,
            tax=parts.tax,
            total=plan.price + on_top,
            monthly=monthly(plan),
        )


def monthly(plan: Plan) -> int:
    if plan.unit.strip() in MONTHLY:
        return plan.price
    return (plan.price * 2 + plan.period_months) // (plan.period_months * 2)


def terms(*, company_id: int | None = None) -> Terms | None:
    """Of the company's own programme, else of the current one; None before there is any."""
    closed = func.array(
        select(ClosingDay.day).where(ClosingDay.programme_id == Programme.id).scalar_subquery(),
        type_=ARRAY(Date),
    )
    stood = (
        select(func.json_agg(func.json_build_array(ClockStop.starts_at, ClockStop.ends_at, ClockStop.reason)))
        .where(ClockStop.programme_id == Programme.id)
        .scalar_subquery()
    )
    own = Programme.id == select(Company.programme_id).where(Company.id == company_id).scalar_subquery()
    row = db.session.execute(
        select(Programme, closed, stood)
        .order_by(func.coalesce(own, False).desc(), Programme.is_open.desc(), Programme.year.desc())
        .limit(1)
    ).first()
    return None if row is None else Terms(row[0], _reckoner(*row))


def _reckoner(programme: Programme, closed: list[date], stood: list[Any] | None) -> Reckoner:
    stops = [
        clock.Stop(_instant(starts), _instant(ends), reason or "") for starts, ends, reason in stood or []
    ]
    return Reckoner(programme, frozenset(closed), tuple(sorted(stops)))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(clock.KST)
