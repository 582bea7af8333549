"""What the two sides of the demonstration's deals wrote to each other, with papers (R-DEAL-2a)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app import clock
from app.db import db
from app.demo.companies import Buyer
from app.demo.papers import paper
from app.demo.stage import Stage
from app.models.catalogue import Offering
from app.models.deals import Deal
from app.policy import Actor
from app.workflows import threads

ASKED = "우리 회사에 필요한 내용을 정리해서 첨부했습니다. 이 조건으로 가능한지 알려 주세요."
ANSWERED = "보내 주신 내용 확인했습니다. 견적서를 첨부하니 보시고 궁금한 점은 언제든지 물어봐 주세요."
ASKED_AGAIN = "견적 잘 받았습니다. 직원 교육도 요금에 들어 있나요?"
FIRST, NEXT = timedelta(minutes=12), timedelta(minutes=55)
UNANSWERED = 3
"""Of each so many deals the last word is the company's: its supplier finds a new message."""


def talk(stage: Stage, buyers: list[Buyer], *, until: datetime) -> None:
    """Each deal has its thread: a question, an offer, and in some a second question."""
    people = {buyer.actor.company_id: buyer.actor for buyer in buyers}
    rows = db.session.execute(
        select(Deal, Offering.name).join(Offering, Offering.id == Deal.offering_id).order_by(Deal.id)
    ).all()
    for deal, service in rows:
        if deal.requested_at + 3 * NEXT < until:
            _talk(
                deal.id,
                deal.requested_at,
                service,
                people[deal.company_id],
                stage.suppliers[deal.supplier_id],
            )
            stage.counts["메시지를 주고받은 거래"] = stage.counts.get("메시지를 주고받은 거래", 0) + 1


def _talk(deal_id: int, asked: datetime, service: str, buyer: Actor, seller: Actor) -> None:
    needs = paper("도입 요구사항", [f"서비스: {service}", "사용 인원: 20명", "희망 시작일: 다음 달 1일"])
    offer = paper("견적서", [f"서비스: {service}", f"공급기업: {seller.name}", "유효기간: 30일"])
    said = [
        (buyer, FIRST, ASKED, [("요구사항.pdf", needs)]),
        (seller, NEXT, ANSWERED, [("견적서.pdf", offer)]),
    ]
    if deal_id % UNANSWERED == 0:
        said.append((buyer, 2 * NEXT, ASKED_AGAIN, []))
    for place, (actor, after, text, files) in enumerate(said):
        with clock.at(asked + after):
            threads.post(
                actor=actor, deal_id=deal_id, text=text, token=f"demo-{deal_id}-{place}", files=files
            )
