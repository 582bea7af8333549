"""The questions of the demonstration: something to read and something to do (R-CAT-3)."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.db import db
from app.demo import questions
from app.models.questions import Question
from app.policy import Role
from tests import factories


def test_every_supplier_has_answered_and_waiting_ones(tx: Flask) -> None:
    suppliers = [factories.make_supplier() for _ in range(2)]
    on_sale = [factories.make_offering(supplier=supplier) for supplier in suppliers for _ in range(4)]
    sellers = {s.id: factories.make_actor(Role.SUPPLIER, supplier_id=s.id) for s in suppliers}
    staff = {"programme": factories.make_actor(Role.PROGRAMME_MANAGER)}
    stage: Any = SimpleNamespace(suppliers=sellers, staff=staff, counts={})
    buyers: Any = [
        SimpleNamespace(actor=factories.make_actor(Role.DEMAND), ready=date(2020, month, 1))
        for month in (8, 9, 12)
    ]
    questions.ask_all(stage, buyers, on_sale)
    rows = db.session.scalars(select(Question)).all()
    assert len(rows) == stage.counts["서비스 문의"] == 2 * 2 * questions.ABOUT + 1
    assert {row.company_id for row in rows} == {buyer.actor.company_id for buyer in buyers[:2]}
    for supplier in suppliers:
        own = [row for row in rows if row.supplier_id == supplier.id]
        assert {row.answer is None for row in own} == {True, False}
        assert {row.is_private for row in own} == {True, False}
    assert sum(row.hidden_at is not None for row in rows) == 1
    assert all(row.answered_at is None or row.answered_at > row.asked_at for row in rows)
