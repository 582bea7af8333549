"""청구내역서 that companies had issued: the job that runs afterwards draws them (R-PAY-8)."""

from __future__ import annotations

from datetime import date, timedelta

from app import clock
from app.demo.companies import Buyer
from app.demo.stage import instant
from app.workflows import billing_statement, payments_reads

FIRST = date(2020, 11, 1)


def issue_some(buyers: list[Buyer], *, until: date) -> None:
    """Those of the first companies that have paid something; one asks for the month as well."""
    day = until - timedelta(days=1)
    with clock.at(instant(day, 15, 20)):
        for place, buyer in enumerate(buyers[:6]):
            if payments_reads.statement(actor=buyer.actor, size=1):
                billing_statement.issue(actor=buyer.actor)
            if place == 0 and payments_reads.statement(actor=buyer.actor, since=FIRST, until=day, size=1):
                billing_statement.issue(actor=buyer.actor, since=FIRST, until=day)
