"""The deal between a demand company and a supplier (domain section 7): asked, answered, billed, ended.

A deadline is a column, and it counts by itself: an answer at the deadline or later is refused although no
sweep has run yet (R-TIME-6). `deadlines.sweep` only writes down what has already happened.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Category, Offering, OfferingState, Plan, SupplierState
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import clock_runs, deal_parties, reckoning, record, shares, together, vouchers
from app.workflows.deal_lifecycle import DEAL, SUPPLIER_LINK
from app.workflows.lifecycle import begin, fire
from app.workflows.together import Entry

MAX_MEMO = 2000
MAX_QUANTITY = 10_000


def request(*, actor: Actor, offering_id: int, memo: str) -> Deal:
    """거래상담 요청: ask a supplier about a service (R-TIME-2 sets the answer's deadline).

    Raises Denied, InvalidInput, NotFound, the voucher's refusals, `deal.self` (R-DEAL-2),
    `deal.open_consultation` (the same question is waiting: two presses make one deal).
    """
    return _request(actor=actor, offering_id=offering_id, memo=memo, previous=None)


def again(*, actor: Actor, deal_id: int, memo: str) -> Deal:
    """다시 거래상담: a new deal about the same service that points to the 반려 or 불가 one, once.

    The new deal begins with the service's present prices. Raises as `request`, and Conflict.
    """
    policy.require(actor, Permission.DEAL_REQUEST)
    if actor.company_id is None:
        raise Denied()
    with transaction() as session:
        # Before the deal, as everywhere: who moves deadlines holds the clocks and waits for deals.
        reckoning.hold_of_company(actor.company_id)
        previous = lock(Deal, deal_id)
        policy.require_own(actor, previous)
        if previous.state not in (DealState.TURNED_DOWN, DealState.LAPSED):
            raise Conflict(
                "deal.again.state",
                f"현재 상태가 '{previous.state.label}'이라서 다시 상담할 수 없습니다. "
                "반려되거나 불가 처리된 거래만 다시 상담할 수 있습니다.",
            )
        if session.scalar(select(Deal.id).where(Deal.previous_id == deal_id)):
            raise Conflict("deal.again.twice", "이미 다시 거래상담을 요청했습니다. 목록을 확인해 주세요.")
        return _request(actor=actor, offering_id=previous.offering_id, memo=memo, previous=previous)


def _request(*, actor: Actor, offering_id: int, memo: str, previous: Deal | None) -> Deal:
    policy.require(actor, Permission.DEAL_REQUEST)
    memo = clean_memo(memo)
    with transaction():
        company, programme = buyer_of(actor)
        offering = may_ask(company, programme, offering_id)
        return begin_with(
            actor, company, programme, offering, memo=memo, previous_id=previous.id if previous else None
        )


def buyer_of(actor: Actor) -> tuple[Company, Programme]:
    """The company with a usable voucher, whose lock makes its requests come one after the other.

    Inside the caller's transaction. Raises Denied and the voucher's refusals.
    """
    if actor.company_id is None:
        raise Denied()
    reckoning.hold_of_company(actor.company_id)
    voucher = vouchers.usable_for(company_id=actor.company_id, lock=True)
    company = db.session.get_one(Company, actor.company_id)
    return company, db.session.get_one(Programme, voucher.programme_id)


def may_ask(company: Company, programme: Programme, offering_id: int) -> Offering:
    """Only looks, so that its refusal can be told beside what was made (`asked_together`)."""
    offering = _orderable(offering_id, programme)
    deal_parties.refuse_self(company, offering.supplier)
    _refuse_open(company.id, offering.id)
    return offering


def begin_with(
    actor: Actor, company: Company, programme: Programme, offering: Offering, *, memo: str, **links: Any
) -> Deal:
    """Inside the caller's transaction; `links`: what it points to, `previous_id` or `asked_together`."""
    now = clock.now()
    deal = Deal(
        programme_id=programme.id,
        company_id=company.id,
        supplier_id=offering.supplier_id,
        offering_id=offering.id,
        version_id=offering.current_version_id,
        state=DealState.CONSULTING,
        memo=memo,
        requested_at=now,
        due_at=reckoning.of(programme).deadline("consultation", now),
        **links,
    )
    begin(DEAL, deal, actor=actor, action="request")
    _tell_supplier(deal, company)
    return deal


def _tell_supplier(deal: Deal, company: Company) -> None:
    until = clock.write_deadline(deal.due_at) if deal.due_at else ""
    text = f"{company.name}에서 '{deal.offering.name}' 거래상담을 요청했습니다. {until} 답변해 주세요."
    record.tell(
        [
            record.Message(
                key=f"deal:{deal.id}:request:supplier",
                text=text,
                supplier_id=deal.supplier_id,
                link=SUPPLIER_LINK.format(id=deal.id),
            )
        ]
    )


def clean_memo(memo: str) -> str:
    memo = memo.strip()
    if not 1 <= len(memo) <= MAX_MEMO:
        text = f"상담 내용을 {MAX_MEMO:,}자까지 입력해 주세요."
        raise InvalidInput("deal.memo", text, fields={"memo": text})
    return memo


def _orderable(offering_id: int, programme: Programme) -> Offering:
    """The service, on sale by a 선정 supplier in a category of this year (R-SUP-1, R-JOIN-7a)."""
    offering = db.session.get(Offering, offering_id, populate_existing=True)
    if offering is None or offering.current_version_id is None:
        raise NotFound()
    selected = offering.supplier.state is SupplierState.SELECTED
    if offering.state is not OfferingState.ON_SALE or not selected:
        raise Conflict(
            "offering.not_on_sale", "지금은 판매하지 않는 서비스입니다. 다른 서비스를 찾아 주세요."
        )
    category = db.session.get_one(Category, offering.category_id)
    if programme.category_codes and category.code not in programme.category_codes:
        raise Conflict(
            "offering.category", f"'{category.name}' 분야는 {programme.year}년 사업의 지원 대상이 아닙니다."
        )
    return offering


def _refuse_open(company_id: int, offering_id: int) -> None:
    """The voucher's lock makes the company's requests come one after the other."""
    waiting = exists().where(
        Deal.company_id == company_id,
        Deal.offering_id == offering_id,
        Deal.state == DealState.CONSULTING,
        (Deal.due_at > clock.now()) | clock_runs.held(Deal),
    )
    if db.session.scalar(select(waiting)):
        raise Conflict(
            "deal.open_consultation",
            "이 서비스에 답변을 기다리는 거래상담이 이미 있습니다. 거래상담 목록에서 확인해 주세요.",
        )


def payment_deadline(programme: Programme, billed: datetime) -> datetime:
    """R-TIME-3: what a bill sent at this instant would get."""
    return reckoning.of(programme).deadline("payment", billed)


def is_late(deal: Deal) -> bool:
    """Whether the deadline of the present state has struck, swept or not (R-TIME-6)."""
    running = deal.state in (DealState.CONSULTING, DealState.BILLED)
    return running and deal.due_at is not None and clock.now() >= deal.due_at


def _lock_in_time(deal_id: int, action: str, *, actor: Actor) -> Deal:
    """The deal, locked, the actor's own, in a state where the action is open, and not late."""
    deal = lock(Deal, deal_id)
    policy.require_own(actor, deal)
    policy.require(actor, DEAL.of(action)[0].permission)
    DEAL.pick(action, deal.state)
    if is_late(deal):
        clock_runs.catch_up(deal)
    if deal.due_at is not None and is_late(deal):
        what = "답변" if deal.state is DealState.CONSULTING else "결제"
        raise Conflict(
            "deal.late",
            f"{what} 기한({clock.write_deadline(deal.due_at)})이 지나 처리할 수 없습니다. "
            "수요기업이 '다시 거래상담'을 요청하면 새로 진행할 수 있습니다.",
        )
    return deal


def accept(*, actor: Actor, deal_id: int) -> Deal:
    """거래수락. Raises NotFound, Denied, Conflict (`deal.late`, or the state), `deal.self` (R-DEAL-2)."""
    with transaction():
        deal = _lock_in_time(deal_id, "accept", actor=actor)
        _refuse_self_by_now(deal)
        changes = {"accepted_at": clock.now(), "due_at": None}
        accepted: Deal = fire(DEAL, deal_id, "accept", actor=actor, changes=changes)
        return accepted


def _refuse_self_by_now(deal: Deal) -> None:
    """A representative may have changed since the request (R-DEAL-2).

    Not asked again at the payment: a bill has two days, and what it was sent for was checked.
    """
    deal_parties.refuse_self(deal.company, deal.supplier, advice="이 요청은 반려해 주세요.")


def turn_down(*, actor: Actor, deal_id: int, reason: str) -> Deal:
    """반려, with a written reason (R-DEAL-2a). Raises NotFound, Denied, Conflict, InvalidInput."""
    return _close(deal_id, "turn_down", actor=actor, reason=reason)


def withdraw(*, actor: Actor, deal_id: int, reason: str | None = None) -> Deal:
    """요청취소 by the demand company. Raises NotFound, Denied, Conflict (also `deal.payment_pending`)."""
    return _close(deal_id, "withdraw", actor=actor, reason=reason)


def _close(deal_id: int, action: str, *, actor: Actor, reason: str | None) -> Deal:
    reason = (reason or "").strip() or None
    if reason and len(reason) > MAX_MEMO:
        raise InvalidInput("deal.reason", f"사유는 {MAX_MEMO:,}자까지 쓸 수 있습니다.")
    with transaction():
        _refuse_paying(_lock_in_time(deal_id, action, actor=actor))
        changes = {"reason": reason, "closed_at": clock.now(), "due_at": None}
        closed: Deal = fire(DEAL, deal_id, action, actor=actor, reason=reason, changes=changes)
        return closed


def _refuse_paying(deal: Deal) -> None:
    """A payment whose outcome is unknown may have taken the money (R-PAY-4, R-VOU-3)."""
    pending = exists().where(Payment.deal_id == deal.id, Payment.state == PaymentState.PENDING)
    if deal.state is DealState.BILLED and db.session.scalar(select(pending)):
        raise Conflict(
            "deal.payment_pending", "결제 결과를 확인하고 있습니다. 결과가 나온 뒤에 다시 해 주세요."
        )


def reckon(deal: Deal, programme: Programme, plan_id: int, quantity: int) -> tuple[Plan, int, int]:
    """The plan, what the voucher pays and the tax on top, by the deal's own version (R-CAT-5).

    Raises InvalidInput with the field.
    """
    plan = db.session.get(Plan, plan_id)
    if plan is None or plan.version_id != deal.version_id:
        text = "이 거래의 요금제를 목록에서 골라 주세요."
        raise InvalidInput("deal.plan", text, fields={"plan_id": text})
    if not 1 <= quantity <= MAX_QUANTITY:
        text = f"수량을 1에서 {MAX_QUANTITY:,} 사이로 입력해 주세요."
        raise InvalidInput("deal.quantity", text, fields={"quantity": text})
    amount = plan.price * quantity
    if amount > programme.cap:
        text = f"금액 {amount:,}원이 바우처 한도 {programme.cap:,}원을 넘습니다. 수량을 줄여 주세요."
        raise InvalidInput("deal.amount", text, fields={"quantity": text})
    return plan, amount, shares.tax_on_top(programme=programme, amount=amount)


def bill(
    *, actor: Actor, deal_id: int, plan_id: int, quantity: int, period_from: date, period_to: date
) -> Deal:
    """결제요청: plan × quantity for a period; the payment's deadline begins (R-TIME-3).

    Raises NotFound, Denied, Conflict, InvalidInput with the fields, `deal.self` (R-DEAL-2).
    """
    with transaction() as session:
        reckoning.hold_of_deal(deal_id)
        deal = _lock_in_time(deal_id, "bill", actor=actor)
        _refuse_self_by_now(deal)
        programme = session.get_one(Programme, deal.programme_id)
        _plan, amount, tax = reckon(deal, programme, plan_id, quantity)
        check_period(deal, period_from, period_to)
        now = clock.now()
        changes = {
            "plan_id": plan_id,
            "quantity": quantity,
            "amount": amount,
            "tax": tax,
            "period_from": period_from,
            "period_to": period_to,
            "billed_at": now,
            "due_at": payment_deadline(programme, now),
        }
        billed: Deal = fire(DEAL, deal_id, "bill", actor=actor, changes=changes)
        return billed


def check_period(deal: Deal, period_from: date, period_to: date) -> None:
    """Raises InvalidInput with the field."""
    if period_from < clock.korean_day(deal.requested_at):
        text = "이용 시작일은 거래상담을 요청한 날 이후여야 합니다."
        raise InvalidInput("deal.period", text, fields={"period_from": text})
    if period_to < period_from:
        text = "이용 종료일은 시작일과 같거나 그 뒤여야 합니다."
        raise InvalidInput("deal.period", text, fields={"period_to": text})
    if period_to > clock.add_months(period_from, 60):
        text = "이용기간은 60개월까지 정할 수 있습니다."
        raise InvalidInput("deal.period", text, fields={"period_to": text})


def lock_billed(*, deal_id: int, actor: Actor) -> Deal:
    """For a payment, in its transaction: the actor's own bill, locked, in 결제요청 and in time.

    The instant of this call is the press that counts (R-VOU-3). Raises NotFound, Denied, Conflict.
    """
    return _lock_in_time(deal_id, "pay", actor=actor)


def paid_entry(locked: Any) -> Entry:
    """결제완료, as `payments_sql.SUCCEED` writes it of a deal that `payments_sql.LOCK_PAYMENT` locked.

    The press was in time when the payment began; the gateway's answer may be late (R-VOU-3).
    """
    edge = DEAL.pick("pay_resolved", DealState(locked.deal_state))
    due, closed = locked.deal_due_at, locked.deal_closed_at
    change = {
        "state": (edge.source, edge.target),
        "due_at": (due and due.astimezone(clock.KST), None),
        "closed_at": (closed and closed.astimezone(clock.KST), clock.now()),
    }
    return Entry(
        entity=DEAL.entity,
        entity_id=locked.deal_id,
        action=edge.action,
        change=change,
        told=together.told_of(
            edge,
            locked.deal_id,
            name=locked.name,
            company_id=locked.company_id,
            supplier_id=locked.supplier_id,
        ),
    )


def mark_payment_cancelled(*, deal_id: int, actor: Actor, reason: str | None = None) -> Deal:
    """결제취소: by who cancelled, or by the clock, with whose press it was, when the gateway has answered."""
    with transaction():
        if actor.may(Permission.PAYMENT_MAKE):
            action = "cancel_payment"
        elif actor.may(Permission.PAYMENT_CANCEL_LATE):
            action = "cancel_payment_late"
        else:
            action = "cancel_payment_resolved"
        changes = {"closed_at": clock.now()}
        cancelled: Deal = fire(DEAL, deal_id, action, actor=actor, reason=reason, changes=changes)
        return cancelled
