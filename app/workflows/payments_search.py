"""What a payment is found by in the lists (R-PAY-7, R-PAY-8): names, and the numbers that its papers bear."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, or_, select

from app.models.catalogue import Offering, Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.payments import Payment, Slip
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import search, slips

_KINDS = {letter: kind for kind, letter in slips.LETTERS.items()}
# `2020-R-000042` as the paper says, and shorter as people type it: `R-42`.
_SLIP_NUMBER = re.compile(r"(?:(\d{4})-?)?([RTC])-?0*(\d{1,9})", re.IGNORECASE)


def matching(query: str, *, actor: Actor) -> list[ColumnElement[bool]]:
    """Every word stands in a name or a number; none for an empty query. Set-based, wildcards escaped."""
    return [_said(word, actor) for word in search.words(query)]


def _said(word: str, actor: Actor) -> ColumnElement[bool]:
    own = _own_deals(actor)
    services = select(Offering.id).where(Offering.name.icontains(word, autoescape=True))
    conditions: list[ColumnElement[bool]] = [
        Payment.deal_id.in_(select(Deal.id).where(Deal.offering_id.in_(services), *own)),
        Payment.approval_number.icontains(word, autoescape=True),
        Payment.order_id.icontains(word, autoescape=True),
    ]
    # One's own name stands in every row: it would find all of them.
    if actor.role is not Role.SUPPLIER:
        suppliers = select(Supplier.id).where(Supplier.name.icontains(word, autoescape=True))
        conditions.append(Payment.supplier_id.in_(suppliers))
    if actor.role is not Role.DEMAND:
        companies = select(Company.id).where(Company.name.icontains(word, autoescape=True))
        if own:
            companies = companies.where(Company.id.in_(select(Deal.company_id).where(*own)))
        conditions.append(Payment.company_id.in_(companies))
    if (number := _SLIP_NUMBER.fullmatch(word)) is not None:
        conditions.append(Payment.id.in_(_with_slip(*number.groups())))
    return or_(*conditions)


def _own_deals(actor: Actor) -> list[ColumnElement[bool]]:
    """What keeps the look at names to one side's own deals, however many there are of others."""
    if actor.role is Role.DEMAND:
        return [Deal.company_id == (actor.company_id or 0)]
    if actor.role is Role.SUPPLIER:
        return [Deal.supplier_id == (actor.supplier_id or 0)]
    return []


def _with_slip(year: str | None, letter: str, number: str) -> ColumnElement[int | None]:
    """By the index of the numbers, which begins with the programme."""
    programmes = select(Programme.id)
    if year is not None:
        programmes = programmes.where(Programme.year == int(year))
    found = select(Slip.payment_id).where(
        Slip.programme_id.in_(programmes), Slip.kind == _KINDS[letter.upper()], Slip.number == int(number)
    )
    return found.where(Slip.payment_id.is_not(None)).scalar_subquery()
