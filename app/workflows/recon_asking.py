"""Asking about a difference, and holding its money back until there is an answer (R-SET-3, R-SET-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict
from app.gateways.errors import GatewayError
from app.gateways.payments import Approval, Cancelled, Failed, Found, InProgress
from app.models.holds import HoldSource
from app.models.payments import Payment
from app.models.statements import ItemAction, ReconItem, StatementSystem
from app.policy import Actor, Permission
from app.workflows import holds, matching, payment_resolution, record, statements
from app.workflows.recon_items import checked_note, note_act, open_item

NO_ANSWER = "결제 기관이 답하지 않았습니다. 잠시 뒤 다시 조회해 주세요."


@dataclass(frozen=True)
class _Asked:
    system: StatementSystem
    order_id: str
    payment_id: int | None


def ask_gateway(*, actor: Actor, item_id: int, note: str) -> str:
    """Ask the gateway about the order once more; returns its answer in words, which stays on record.

    A payment whose outcome is unknown is resolved by it, and what is accounted for then settles itself.
    Raises Denied, NotFound, InvalidInput `recon.note`, Conflict `recon.closed` or `recon.no_order`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    note = checked_note(note)
    with transaction():
        asked = _asked(open_item(item_id))
    if asked.payment_id is not None:
        payment_resolution.resolve_one(payment_id=asked.payment_id)
    answer = _answer(asked)
    with transaction():
        note_act(open_item(item_id), ItemAction.ASK_GATEWAY, actor, note, answer=answer)
    matching.look_again(system=asked.system)
    return answer


def _asked(item: ReconItem) -> _Asked:
    ours = db.session.get(Payment, item.payment_id) if item.payment_id else None
    order_id = ours.order_id if ours else item.line.order_id if item.line else None
    if not order_id:
        raise Conflict(
            "recon.no_order",
            "명세에 주문번호가 없어 조회할 수 없습니다. 승인번호로 결제 기관에 직접 문의하고 받은 답을 "
            "증빙으로 등록해 주세요.",
        )
    return _Asked(item.system, order_id, ours.id if ours else None)


def _answer(asked: _Asked) -> str:
    try:
        return in_words(statements.gateway_of(asked.system).find(order_id=asked.order_id))
    except GatewayError:
        return NO_ANSWER


def in_words(found: Found) -> str:
    """What the gateway says of an order, for the officer who asked."""
    if isinstance(found, Approval):
        return (
            f"승인 {found.amount:,}원, {_when(found.approved_at)}, 승인번호 {found.approval_number}. "
            "취소 없음"
        )
    if isinstance(found, Cancelled):
        back = sum(each.amount for each in found.cancellations)
        last = max((each.cancelled_at for each in found.cancellations), default=found.approval.approved_at)
        return (
            f"승인 {found.approval.amount:,}원(승인번호 {found.approval.approval_number}) 가운데 "
            f"{back:,}원 취소, {_when(last)}. 남은 승인 {found.balance:,}원"
        )
    if isinstance(found, Failed):
        return f"승인되지 않은 주문입니다. {found.korean}"
    if isinstance(found, InProgress):
        return "아직 승인 전인 주문입니다."
    return "결제 기관에 없는 주문입니다."


def _when(at: datetime) -> str:
    return f"{at.astimezone(clock.KST):%Y.%m.%d. %H:%M}"


def hold(*, actor: Actor, item_id: int, note: str) -> ReconItem:
    """Hold the payment back from settlement until two people let it go.

    Raises as `holds.place`, and Conflict `recon.no_payment` or `recon.closed`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    note = checked_note(note)
    with transaction():
        item = open_item(item_id)
        payment = _payment(item)
        holds.place(actor=actor, payment_id=payment.id, source=HoldSource.RECONCILIATION, reason=note)
        note_act(item, ItemAction.HOLD, actor, note, answer=f"{payment.order_id} 정산 보류")
        return item


def ask_supplier(*, actor: Actor, item_id: int, note: str) -> ReconItem:
    """Ask the supplier of the payment, who finds the question in its 알림.

    Raises Denied, NotFound, InvalidInput `recon.note`, Conflict `recon.no_payment` or `recon.closed`.
    """
    policy.require(actor, Permission.RECONCILE_WORK)
    note = checked_note(note)
    with transaction():
        item = open_item(item_id)
        payment = _payment(item)
        answer = f"{payment.deal.supplier.name}에 문의"
        seq = note_act(item, ItemAction.ASK_SUPPLIER, actor, note, answer=answer)
        text = (
            f"결제 {payment.order_id}에 대해 전문기관이 확인을 요청했습니다: {note} "
            "답변은 고객센터 1:1 문의로 보내 주세요."
        )
        message = record.Message(
            key=f"recon_item:{item.id}:{seq}:supplier",
            text=text,
            supplier_id=payment.supplier_id,
            link=f"/supply/sales/{payment.id}",
        )
        record.tell([message])
        return item


def _payment(item: ReconItem) -> Payment:
    if item.payment_id is None:
        raise Conflict(
            "recon.no_payment",
            "우리 장부에 해당하는 결제가 없는 건이라 처리할 수 없습니다. 결제 기관에 문의해 주세요.",
        )
    return db.session.get_one(Payment, item.payment_id)
