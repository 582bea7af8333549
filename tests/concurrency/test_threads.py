"""A double click on '메시지 보내기', on two connections: one message, told once (R-DEAL-2a, R-MSG-1)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app import clock
from app.db import db, transaction
from app.models.record import Notice
from app.models.threads import DealMessage
from app.workflows import deals, record, threads
from tests.market import MONDAY, make_market


def test_a_form_pressed_twice_at_once_sends_one_message(committed: Any, together: Any) -> None:
    clock.set_offset(MONDAY - clock.real_now())
    with transaction():
        market = make_market()
    deal_id = deals.request(actor=market.buyer, offering_id=market.offering.id, memo="상담").id

    def press() -> int:
        sent = threads.post(actor=market.buyer, deal_id=deal_id, text="한 번만 보냅니다.", token="one")
        return sent.id

    results = together(press, press, press)
    assert len(set(results)) == 1 and isinstance(results[0], int)
    assert db.session.scalar(select(func.count()).select_from(DealMessage)) == 1
    told = select(func.count()).select_from(Notice).where(Notice.key.like("deal_message:%"))
    assert db.session.scalar(told) == 1
    assert record.verify() == []
