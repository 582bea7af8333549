"""The demonstration's deals have their threads, each written at its own time (R-DEAL-2a)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.demo import threads as demo
from app.demo.companies import Buyer
from app.models.threads import DealMessage
from app.models.vouchers import InstrumentKind
from app.workflows import deals
from tests import factories
from tests.market import MONDAY, make_market


def test_every_deal_of_the_past_has_its_thread(tx: Flask) -> None:
    with clock.at(MONDAY):
        market = make_market()
        made = []
        for _ in range(4):
            offering = factories.make_offering(supplier=market.supplier)
            made.append(deals.request(actor=market.buyer, offering_id=offering.id, memo="상담"))
    stage: Any = SimpleNamespace(suppliers={market.supplier.id: market.seller}, counts={})
    buyer = Buyer(market.buyer, InstrumentKind.ZEROPAY, "01000000000", date(2020, 11, 10))
    demo.talk(stage, [buyer], until=MONDAY + timedelta(hours=2))
    assert db.session.scalars(select(DealMessage)).all() == []
    demo.talk(stage, [buyer], until=MONDAY + timedelta(days=1))
    rows = db.session.scalars(select(DealMessage)).all()
    assert {row.at for row in rows} <= {MONDAY + demo.FIRST, MONDAY + demo.NEXT, MONDAY + 2 * demo.NEXT}
    spoken = Counter(row.deal_id for row in rows)
    assert spoken == {deal.id: 3 if deal.id % demo.UNANSWERED == 0 else 2 for deal in made}
    assert all(file.content_type == "application/pdf" for row in rows for file in row.files)
    # The same again, after a cut-off start, says nothing twice.
    demo.talk(stage, [buyer], until=MONDAY + timedelta(days=1))
    assert Counter(db.session.scalars(select(DealMessage.deal_id)).all()) == spoken
