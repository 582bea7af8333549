"""What looks wrong: reports of abuse, a case that one of them opened, payments that are held (R-SET-4)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app import clock
from app.db import db
from app.demo.papers import paper
from app.demo.stage import Stage, instant
from app.models.abuse import AbuseCategory
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.holds import HoldSource, HoldState, SettlementHold
from app.models.payments import Payment, PaymentState
from app.models.settlements import SettlementItem
from app.policy import Actor
from app.workflows import abuse, holds, suspicion
from app.workflows.abuse import Upload

REPORTED, READ, SEEN = date(2020, 11, 11), date(2020, 11, 12), date(2020, 11, 13)


def look_into(stage: Stage) -> None:
    """After the last draft of a settlement: only payments that no draft holds are held."""
    free = _payments()
    manager = stage.staff["programme"]
    if free:
        _report_and_look(manager, free[0])
    with clock.at(instant(SEEN, 9, 20)):
        abuse.file(
            category=AbuseCategory.PROXY,
            about="이름을 모르는 대행 업체",
            body="전화로 신청과 결제를 대신해 주겠다며 바우처의 절반을 달라고 했습니다. "
            "여러 기업에 같은 전화를 한다고 합니다.",
        )
    with clock.at(instant(SEEN, 14)):
        suspicion.look()
    _ask_for_release(stage)


def _payments() -> list[Payment]:
    settled = select(SettlementItem.payment_id)
    statement = select(Payment).where(Payment.state == PaymentState.PAID, Payment.id.not_in(settled))
    return list(db.session.scalars(statement.order_by(Payment.id).limit(1)))


def _report_and_look(manager: Actor, payment: Payment) -> None:
    company = db.session.get_one(Company, payment.company_id)
    supplier = db.session.get_one(Supplier, payment.supplier_id)
    with clock.at(instant(REPORTED, 21, 5)):
        filed = abuse.file(
            category=AbuseCategory.KICKBACK,
            about=f"{company.name}, {supplier.name}",
            body="두 회사가 결제한 뒤에 일부를 현금으로 돌려주기로 했다고 들었습니다. "
            "회의에서 직접 들었습니다.",
            contact="저녁에 연락 바랍니다: 010-0000-0000",
            upload=Upload("회의_메모.pdf", paper("회의 메모", ["10월 28일 15시", "결제 뒤 절반을 현금으로"])),
        )
        report_id = abuse.follow(number=filed.number, code=filed.code).id
    with clock.at(instant(READ, 10)):
        abuse.take(actor=manager, report_id=report_id)
        abuse.name_parties(
            actor=manager,
            report_id=report_id,
            company_number=company.business_number,
            supplier_number=supplier.business_number,
        )
        abuse.answer(
            actor=manager,
            report_id=report_id,
            body="알려 주셔서 고맙습니다. 언제 들으셨는지, 증거가 될 자료가 있는지 알려 주세요.",
        )
    with clock.at(instant(READ, 20, 40)):
        abuse.add(number=filed.number, code=filed.code, body="10월 말 회의였습니다. 자료는 찾아보겠습니다.")


def _ask_for_release(stage: Stage) -> None:
    """What one officer held: another asks to let it go, and waits for a second."""
    held = db.session.scalar(
        select(SettlementHold)
        .where(SettlementHold.source == HoldSource.MANUAL, SettlementHold.state == HoldState.PLACED)
        .order_by(SettlementHold.id)
        .limit(1)
    )
    if held is not None:
        with clock.at(instant(SEEN, 17, 30)):
            holds.ask_release(
                actor=stage.staff["finance1"],
                hold_id=held.id,
                reason="공급기업이 바로잡은 서류를 보냈습니다.",
            )
