"""Payments whose settlement waits until two people let them go (R-SET-4).

A hold says nothing about guilt: the supplier is told that the payment is being looked at, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, text

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.models.catalogue import Offering
from app.models.deals import Deal
from app.models.holds import HoldSource, HoldState, SettlementHold
from app.models.payments import Payment, PaymentState
from app.models.settlements import LineState
from app.models.suspicion import SuspicionState
from app.policy import Actor, Permission
from app.workflows import holds_sql, lifecycle, record, settlement_holds
from app.workflows.lifecycle import Edge, Lifecycle
from app.workflows.settlement_lifecycle import exclusive

OPEN = holds_sql.OPEN
"""SQL: of a payment `p`, that it is held."""

LONGEST_REASON = 500
_SUPPLIER_PAGE = "/supply/settlement"
_HELD_STATES = (PaymentState.PAID, PaymentState.CANCELLING)

HOLD = Lifecycle(
    "settlement_hold",
    SettlementHold,
    (HoldState.PLACED,),
    (
        Edge(
            action="ask_release",
            label="해제 요청",
            source=HoldState.PLACED,
            target=HoldState.ASKED,
            permission=Permission.HOLD_RELEASE,
            needs_reason=True,
        ),
        Edge(
            action="refuse_release",
            label="해제 반려",
            source=HoldState.ASKED,
            target=HoldState.PLACED,
            permission=Permission.HOLD_RELEASE,
            needs_reason=True,
        ),
        Edge(
            action="release",
            label="보류 해제",
            source=HoldState.ASKED,
            target=HoldState.RELEASED,
            permission=Permission.HOLD_RELEASE,
            other_than=("asked_by_id",),
            confirm="지급 보류를 해제할까요? 해제하면 다음 정산에 담기고 되돌릴 수 없습니다.",
        ),
    ),
)

# The case that keeps a payment held: one that nobody has decided, or one that found abuse.
_CASE = text("""
SELECT c.id, c.state FROM suspicion c JOIN suspicion_signal s ON s.suspicion_id = c.id
 WHERE s.payment_id = :payment_id AND c.state IN ('open', 'confirmed')
 ORDER BY c.state DESC, c.id LIMIT 1
""")

AT_THE_BANK = "이미 은행에 이체를 요청한 지급이라 멈출 수 없습니다. 이체가 실패하면 그때부터 보류됩니다."


def place(*, actor: Actor, payment_id: int, source: HoldSource, reason: str) -> SettlementHold:
    """Hold a payment's money back; the supplier is told that it is being looked at, not why.

    What the bank was asked to pay is held from a failure of its transfer on (`at_the_bank`): nobody is told.
    Held before for the same source: the clock gets that hold, a person Conflict `hold.held`. Raises NotFound,
    Denied, InvalidInput, and Conflict `hold.state` or `hold.paid_out` for money that cannot be held.
    """
    if not (actor.may(Permission.HOLD_PLACE) or actor.may(Permission.CLOCKWORK)):
        raise Denied()
    reason = _checked(reason)
    with transaction() as session:
        exclusive()
        payment = lock(Payment, payment_id)
        held = _open(payment_id, source)
        if held is not None:
            if actor.may(Permission.CLOCKWORK):
                return held
            raise Conflict(
                "hold.held",
                f"이미 '{source.label}' 사유로 보류 중인 결제입니다. 지급 보류 화면에서 확인해 주세요.",
            )
        _refuse_gone(payment)
        new = SettlementHold(
            payment_id=payment_id,
            supplier_id=payment.supplier_id,
            source=source,
            reason=reason,
            state=HoldState.PLACED,
            placed_by_id=actor.id,
            placed_at=clock.now(),
        )
        lifecycle.begin(HOLD, new, actor=actor, reason=reason, action="place")
        session.flush()
        settlement_holds.keep_back(payment_id=payment_id)
        if not at_the_bank(payment_id):
            _tell(new, payment, "placed", "공급대금을 확인 중입니다. 확인이 끝나면 정산에 담깁니다.")
        return new


def tell_kept_back(payment_ids: Sequence[int]) -> None:
    """To the suppliers, of what was held while the bank had it: its transfer failed, and it waits now."""
    holds_of = select(SettlementHold).where(
        SettlementHold.payment_id.in_(payment_ids), SettlementHold.released_at.is_(None)
    )
    for hold in db.session.scalars(holds_of.order_by(SettlementHold.id)):
        payment = db.session.get_one(Payment, hold.payment_id)
        _tell(hold, payment, "kept_back", "공급대금을 확인 중입니다. 확인이 끝나면 정산에 담깁니다.")


def at_the_bank(payment_id: int) -> bool:
    """Whether its transfer was asked for and not answered yet: a hold does not stop it (AT_THE_BANK)."""
    line = settlement_holds.line_of(payment_id)
    return line is not None and line.is_sent


def ask_release(*, actor: Actor, hold_id: int, reason: str) -> SettlementHold:
    """Ask another person to let the payment go, with what was found.

    Raises as `lifecycle.fire`, and Conflict `hold.undecided` while its case of suspicion is open,
    `hold.confirmed` where one found abuse and the payment is not cancelled yet.
    """
    changes = {"release_reason": _checked(reason), "asked_by_id": actor.id, "asked_at": clock.now()}
    with transaction():
        hold = _fire(hold_id, "ask_release", actor=actor, reason=reason, changes=changes)
        _refuse_suspected(hold)
        return hold


def refuse_release(*, actor: Actor, hold_id: int, reason: str) -> SettlementHold:
    """The payment stays held, with why. Raises as `lifecycle.fire`."""
    _checked(reason)
    changes = {"release_reason": None, "asked_by_id": None, "asked_at": None}
    return _fire(hold_id, "refuse_release", actor=actor, reason=reason, changes=changes)


def release(*, actor: Actor, hold_id: int) -> SettlementHold:
    """Let the payment go, as another than who asked (R-SET-4).

    Raises Denied `same_person`, Conflict, also for a case of suspicion that came after the request.
    """
    with transaction():
        exclusive()
        changes = {"released_by_id": actor.id, "released_at": clock.now()}
        hold = _fire(hold_id, "release", actor=actor, changes=changes)
        _refuse_suspected(hold)
        if not held_now(hold.payment_id):
            payment = db.session.get_one(Payment, hold.payment_id)
            if sentence := _let_go(payment):
                _tell(hold, payment, "released", sentence)
        return hold


def _let_go(payment: Payment) -> str | None:
    """What the supplier is told of a payment that nothing holds any more; None where it waited for nothing:
    its money is gone, taken back, at the bank, or has made good what was taken back."""
    line = settlement_holds.line_of(payment.id)
    if payment.state not in _HELD_STATES or line is not None and (line.is_sent or line.is_gone):
        return None
    if payment.state is PaymentState.CANCELLING:
        rest = "취소 결과는 결제 내역에서 확인해 주세요."
    elif line is not None and line.withheld is None and line.state is LineState.PLANNED:
        rest = "진행 중인 정산에 담겨 있습니다."
    elif line is not None and line.withheld == 0:
        return None
    else:
        rest = "다음 정산에 담깁니다."
    return f"공급대금 확인이 끝났습니다. {rest}"


def holdable(payment: Payment) -> bool:
    """Whether the button is there: the money is owed, and no officer's own hold is on it."""
    return (
        payment.state in _HELD_STATES
        and _open(payment.id, HoldSource.MANUAL) is None
        and not _paid_out(payment.id)
    )


def _paid_out(payment_id: int) -> bool:
    """What was paid out, or set against what is taken back, cannot be held."""
    line = settlement_holds.line_of(payment_id)
    return line is not None and line.is_gone


def held_now(payment_id: int) -> bool:
    """Whether anything still holds this payment."""
    statement = select(SettlementHold.id).where(
        SettlementHold.payment_id == payment_id, SettlementHold.released_at.is_(None)
    )
    return db.session.scalar(statement.limit(1)) is not None


def _checked(reason: str) -> str:
    reason = reason.strip()
    said = "" if reason else "사유를 입력해 주세요."
    if len(reason) > LONGEST_REASON:
        said = f"사유는 {LONGEST_REASON:,}자까지 쓸 수 있습니다."
    if said:
        raise InvalidInput("reason_missing", said, fields={"reason": said})
    return reason


def _open(payment_id: int, source: HoldSource) -> SettlementHold | None:
    return db.session.execute(
        select(SettlementHold).where(
            SettlementHold.payment_id == payment_id,
            SettlementHold.source == source,
            SettlementHold.released_at.is_(None),
        )
    ).scalar_one_or_none()


def _refuse_gone(payment: Payment) -> None:
    if payment.state not in _HELD_STATES:
        raise Conflict(
            "hold.state",
            f"'{payment.state.label}' 상태의 결제는 지급할 돈이 없어 보류할 수 없습니다. "
            "결제성공 상태의 결제만 보류해 주세요.",
        )
    if _paid_out(payment.id):
        raise Conflict(
            "hold.paid_out",
            "이미 지급했거나 환수할 금액과 상계한 결제라서 보류할 수 없습니다. "
            "돌려받으려면 공급기업에 결제취소를 요청해 주세요. 다음 정산에서 환수합니다.",
        )


def _refuse_suspected(hold: SettlementHold) -> None:
    """What a case holds is let go once a person found nothing wrong, or the payment was cancelled."""
    if hold.source is not HoldSource.SUSPICION:
        return
    case = db.session.execute(_CASE, {"payment_id": hold.payment_id}).one_or_none()
    if case is None:
        return
    if case.state == SuspicionState.OPEN.value:
        raise Conflict(
            "hold.undecided",
            f"아직 결정하지 않은 의심 거래({case.id}번)로 보류한 결제입니다. 의심 거래를 먼저 결정해 주세요.",
        )
    if db.session.get_one(Payment, hold.payment_id).state in _HELD_STATES:
        raise Conflict(
            "hold.confirmed",
            f"부정으로 확인한 의심 거래({case.id}번)의 결제라서 보류를 해제할 수 없습니다. "
            "결제를 먼저 취소해 주세요. 취소가 끝나면 해제를 요청할 수 있습니다.",
        )


def _tell(hold: SettlementHold, payment: Payment, event: str, sentence: str) -> None:
    offering = db.session.scalar(
        select(Offering.name).join(Deal, Deal.offering_id == Offering.id).where(Deal.id == payment.deal_id)
    )
    message = record.Message(
        key=f"{HOLD.entity}:{hold.id}:{event}",
        text=f"'{offering}' 결제의 {sentence}",
        supplier_id=hold.supplier_id,
        link=_SUPPLIER_PAGE,
    )
    record.tell([message])


def _fire(
    hold_id: int, action: str, *, actor: Actor, reason: str | None = None, changes: Mapping[str, object]
) -> SettlementHold:
    hold = lifecycle.fire(HOLD, hold_id, action, actor=actor, reason=reason, changes=changes)
    if not isinstance(hold, SettlementHold):
        raise TypeError("not a hold")
    return hold
