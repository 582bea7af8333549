"""R-SET-3: what is asked about a difference, and its money held until there is an answer (R-SET-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.holds import HoldSource, SettlementHold
from app.models.record import Notice
from app.models.statements import (
    Bucket,
    ItemAction,
    ItemState,
    ReconAct,
    StatementFile,
    StatementSystem,
)
from app.policy import Role
from app.workflows import matching, recon_asking, recon_reads, statements
from tests import factories, money
from tests.integration.workflows import differing
from tests.integration.workflows.differing import WHY, Desk, acts, fresh, refused
from tests.integration.workflows.reconciling import begin, days, items

pytestmark = pytest.mark.usefixtures("tx")
desk = differing.desk


def test_holding_the_payment(desk: Desk) -> None:
    recon_asking.hold(actor=desk.one, item_id=desk.ours.id, note="승인 내역이 없습니다.")
    [hold] = db.session.scalars(select(SettlementHold))
    assert (hold.payment_id, hold.source) == (desk.payment.id, HoldSource.RECONCILIATION)
    assert acts(desk.ours) == [ItemAction.HOLD]
    assert recon_reads.item(actor=desk.one, item_id=desk.ours.id).holds == [hold]
    refused(lambda: recon_asking.hold(actor=desk.one, item_id=desk.theirs.id, note=WHY), "recon.no_payment")


def test_asking_the_supplier(desk: Desk) -> None:
    recon_asking.ask_supplier(actor=desk.one, item_id=desk.ours.id, note="실제 제공한 서비스입니까?")
    notice = db.session.scalars(select(Notice).where(Notice.key.startswith("recon_item:"))).one()
    assert notice.supplier_id == desk.payment.supplier_id and "실제 제공한 서비스입니까?" in notice.text
    assert notice.link == f"/supply/sales/{desk.payment.id}"
    assert acts(desk.ours) == [ItemAction.ASK_SUPPLIER]


def test_asking_the_gateway_about_an_order_of_nobody(desk: Desk) -> None:
    refused(
        lambda: recon_asking.ask_gateway(actor=desk.one, item_id=desk.theirs.id, note=WHY), "recon.no_order"
    )


def test_asking_the_gateway_keeps_its_answer(sandbox: str) -> None:
    with clock.at(clock.start_of(clock.date(2033, 5, 2)) + timedelta(hours=10)):
        payer = money.make_payer(sandbox)
        payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="90")
        officer = factories.make_actor(Role.FINANCE_OFFICER)
        days([], [], first=clock.today())
        [item] = items()
        answer = recon_asking.ask_gateway(actor=officer, item_id=item.id, note="명세에 없어 조회합니다.")
        assert "승인 300,000원" in answer and str(payment.approval_number) in answer
        [act] = db.session.scalars(select(ReconAct))
        assert (act.action, act.answer) == (ItemAction.ASK_GATEWAY, answer)
        assert fresh(item).state is ItemState.OPEN


def test_asking_the_gateway_settles_a_lost_outcome(sandbox: str) -> None:
    """The file had the charge first; the answer tells us of it, and both books agree."""
    with clock.at(clock.start_of(clock.date(2033, 6, 2)) + timedelta(hours=10)):
        payer = money.make_payer(sandbox)
        payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
        officer = factories.make_actor(Role.FINANCE_OFFICER)
        db.session.commit()
        day = clock.today()
        with clock.at(clock.end_of(day)):
            begin()
            assert statements.fetch(system=StatementSystem.CARD, day=day)
        for file in db.session.scalars(select(StatementFile)).all():
            matching.match(file_id=file.id)
        [item] = items()
        assert (item.bucket, item.payment_id) == (Bucket.ONLY_THEIRS, payment.id)
        recon_asking.ask_gateway(actor=officer, item_id=item.id, note="결과를 모르는 결제입니다.")
        assert fresh(item).state is ItemState.CLOSED
