"""One request to several suppliers at once: what came of it, and which deals belong together (R-DEAL-1)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db, transaction
from app.errors import InvalidInput, Refusal
from app.models.deals import Deal
from app.policy import Actor, Permission
from app.workflows import comparison, deals


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A service about which no consultation began, and why."""

    offering_id: int
    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Together:
    key: uuid.UUID
    """What the deals that were made have in common (`Deal.asked_together`)."""
    made: list[Deal]
    refused: list[Refused]


def request(*, actor: Actor, offering_ids: Sequence[int], memo: str, key: uuid.UUID) -> Together:
    """함께 상담 요청: the same question to the suppliers of up to three services.

    Each stands or falls alone; what is made has `key` in common, and a second press with it makes nothing
    again. Raises Denied, InvalidInput and the voucher's refusals, which meet all of them.
    """
    policy.require(actor, Permission.DEAL_REQUEST)
    memo, ids = deals.clean_memo(memo), _wanted(offering_ids)
    with transaction():
        company, programme = deals.buyer_of(actor)
        made, refused = _made_by(company_id=company.id, key=key), list[Refused]()
        for offering_id in sorted(set(ids) - {deal.offering_id for deal in made}):
            try:
                offering = deals.may_ask(company, programme, offering_id)
            except Refusal as refusal:
                refused.append(Refused(offering_id=offering_id, code=refusal.code, text=refusal.text))
            else:
                parties = (company, programme, offering)
                made.append(deals.begin_with(actor, *parties, memo=memo, asked_together=key))
        return Together(key=key, made=made, refused=refused)


def _wanted(offering_ids: Sequence[int]) -> list[int]:
    """Each once. Raises InvalidInput for none and for more than three."""
    ids = list(dict.fromkeys(offering_ids))
    if not 1 <= len(ids) <= comparison.MOST:
        text = f"상담을 요청할 서비스를 1개에서 {comparison.MOST}개까지 선택해 주세요."
        raise InvalidInput("together.number", text)
    return ids


def _made_by(*, company_id: int, key: uuid.UUID) -> list[Deal]:
    """What an earlier press with this key has made; another company's are its own business."""
    statement = (
        select(Deal)
        .where(Deal.asked_together == key, Deal.company_id == company_id)
        .options(joinedload(Deal.offering), joinedload(Deal.supplier))
        .order_by(Deal.id)
    )
    return list(db.session.scalars(statement))


def result(*, actor: Actor, key: uuid.UUID) -> list[Deal]:
    """The company's deals that one request made, oldest first; none for a key that is not its own."""
    policy.require(actor, Permission.DEMAND_VIEW)
    return _made_by(company_id=actor.company_id, key=key) if actor.company_id is not None else []


def siblings(*, actor: Actor, deal: Deal) -> list[Deal]:
    """The deals asked for together with this one, for the company's own page.

    None for a supplier: whom else a company asked is not its business.
    """
    if deal.asked_together is None or actor.company_id is None or deal.company_id != actor.company_id:
        return []
    return [row for row in _made_by(company_id=deal.company_id, key=deal.asked_together) if row.id != deal.id]
