"""공급대금 정산: from the ripe payments to an approved batch (R-SET-1, R-SET-2, R-ROLE-4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.ledger import JournalKind
from app.models.programme import Programme
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.policy import Actor, Permission
from app.workflows import ledger, lifecycle, record, settlement_holds, settlement_lifecycle, settlement_sql

BATCH, LINE = settlement_lifecycle.BATCH, settlement_lifecycle.LINE
exclusive = settlement_lifecycle.exclusive

REASONS = {
    "account": "정산 계좌가 확인되지 않았습니다.",
    "net": "환수할 금액이 지급할 금액보다 많거나 같아 다음 정산으로 넘깁니다.",
}
_CHANGED = {"cancelled": "취소되었거나 취소 중", "hold": "지급보류", "invoice": "세금계산서 없음"}
_SETTLE = ledger.entering(settlement_sql.LEGS)


@dataclass(frozen=True)
class LeftOut:
    """A supplier with ripe money that this batch does not pay, and why."""

    supplier_id: int
    name: str
    net: int
    reason: str


@dataclass(frozen=True)
class Built:
    """What a build did; `batch` is None where nothing was ripe. Won."""

    batch: SettlementBatch | None
    lines: int
    payments: int
    gross: int
    net: int
    left: list[LeftOut]


def programme_of(programme_id: int | None) -> Programme:
    """The named programme, or the latest: money is settled long after a programme took its last company.

    Raises NotFound.
    """
    query = select(Programme).order_by(Programme.year.desc()).limit(1)
    if programme_id is not None:
        query = query.where(Programme.id == programme_id)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


def build(*, actor: Actor, cutoff: date, programme_id: int | None = None) -> Built:
    """Draft a batch of all that is ripe at the end of the cut-off day; built again, it adds nothing.

    A supplier without a verified account, or to whom nothing would be paid, is left for a later batch.
    Raises Denied, and InvalidInput for a cut-off that lies ahead.
    """
    if not (actor.may(Permission.SETTLEMENT_DRAFT) or actor.may(Permission.CLOCKWORK)):
        raise Denied()
    if cutoff > clock.today():
        text_ = f"정산기준일은 오늘({clock.write_day(clock.today())})까지 고를 수 있습니다."
        raise InvalidInput("settlement.cutoff", text_, fields={"cutoff": text_})
    programme = programme_of(programme_id)
    parameters = settlement_sql.parameters(programme, cutoff)
    with transaction() as session:
        exclusive()
        plan = session.execute(settlement_sql.PREVIEW, parameters).all()
        left = [LeftOut(r.supplier_id, r.name, r.net, REASONS[r.reason]) for r in plan if r.reason]
        if len(left) == len(plan):
            return Built(None, 0, 0, 0, 0, left)
        batch = _begin_batch(programme, cutoff, actor)
        made = session.execute(settlement_sql.INSERT, parameters | {"batch_id": batch.id}).one()
        if made.lines == 0:
            raise Conflict("settlement.changed", "결제 내역이 방금 바뀌었습니다. 다시 작성해 주세요.")
        # Their payments go with the line that took them over; those were fixed in the same statement.
        lifecycle.fire_many(LINE, made.carried, "carry", actor=policy.CLOCK, source=LineState.FAILED)
        counts = {"lines": (0, made.lines), "payments": (0, made.payments), "net": (0, made.net)}
        record.write(BATCH.entity, batch.id, "build", actor=actor, change=counts)
        return Built(batch, made.lines, made.payments, made.gross, made.net, left)


def _begin_batch(programme: Programme, cutoff: date, actor: Actor) -> SettlementBatch:
    count = db.session.scalar(
        select(func.count()).select_from(SettlementBatch).where(SettlementBatch.programme_id == programme.id)
    )
    batch = SettlementBatch(
        programme_id=programme.id,
        number=f"S{programme.year}-{(count or 0) + 1:04}",
        cutoff=cutoff,
        state=BatchState.DRAFTED,
        drafted_by_id=actor.id,
        drafted_at=clock.now(),
    )
    lifecycle.begin(BATCH, batch, actor=actor)
    return batch


def submit(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Ask for approval, which another than who drafted or asked gives (R-ROLE-4).

    A batch that the clock drafted becomes the submitter's draft.
    """
    with transaction():
        batch = db.session.get(SettlementBatch, batch_id)
        if batch is None:
            raise NotFound()
        changes = {"drafted_by_id": batch.drafted_by_id or actor.id, "submitted_by_id": actor.id}
        return _fire(batch_id, "submit", actor=actor, changes=changes)


def send_back(*, actor: Actor, batch_id: int, reason: str) -> SettlementBatch:
    """Back to the drafter, with the reason."""
    return _fire(batch_id, "send_back", actor=actor, reason=reason, changes={"reason": reason.strip()})


def discard(*, actor: Actor, batch_id: int, reason: str) -> SettlementBatch:
    """Give a draft up: its payments, clawbacks and carried lines are free for the next."""
    with transaction() as session:
        exclusive()
        batch = _fire(batch_id, "discard", actor=actor, reason=reason, changes={"reason": reason.strip()})
        carried = list(session.execute(settlement_sql.UNCARRY, {"batch_id": batch_id}).scalars())
        lifecycle.fire_many(LINE, carried, "uncarry", actor=policy.CLOCK, source=LineState.CARRIED)
        for statement in settlement_sql.FREE:
            session.execute(statement, {"batch_id": batch_id})
        session.expire_all()
        settlement_holds.keep_back_failed(line_ids=carried)
        return batch


def approve(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Approve another's draft: the money leaves what is owed and is on its way to their accounts.

    Raises Denied `same_person` for who drafted or submitted it (R-ROLE-4), Conflict `settlement.changed`
    where a payment of the draft was cancelled or held meanwhile, or lost its tax invoice,
    `settlement.account_changed` for an account that changed.
    """
    with transaction():
        exclusive()
        changes = {"approved_by_id": actor.id, "approved_at": clock.now()}
        batch = _fire(batch_id, "approve", actor=actor, changes=changes)
        _check_payments(batch_id)
        _check_accounts(batch_id)
        programme_id = batch.programme_id
        ledger.post_set(
            _SETTLE, JournalKind.SETTLEMENT, programme_id=programme_id, actor=actor, batch_id=batch_id
        )
        return batch


def _check_payments(batch_id: int) -> None:
    """Nothing that was cancelled, held or left without its tax invoice since the draft."""
    changed = defaultdict(list)
    for row in db.session.execute(settlement_sql.CHANGED, {"batch_id": batch_id}):
        changed[row.why].append(str(row.id))
    if changed:
        which = ", ".join(f"{_CHANGED[why]}(결제 {', '.join(keys)})" for why, keys in changed.items())
        raise Conflict(
            "settlement.changed",
            f"작성 뒤에 달라진 결제가 있습니다: {which}. 반려하여 폐기한 뒤 다시 작성해 주세요.",
        )


def _check_accounts(batch_id: int) -> None:
    """No money to an account that its supplier gave up after the draft."""
    suspects = db.session.execute(settlement_sql.MOVED, {"batch_id": batch_id}).scalars().all()
    if not suspects:
        return
    query = (
        select(SettlementLine)
        .where(SettlementLine.id.in_(suspects))
        .options(joinedload(SettlementLine.supplier, innerjoin=True))
        .order_by(SettlementLine.id)
        .execution_options(populate_existing=True)
    )
    moved = [
        supplier.name
        for line in db.session.execute(query).scalars()
        if (supplier := line.supplier).account_verified_at is None
        or (supplier.bank_code, supplier.account_number, supplier.account_holder)
        != (line.bank_code, line.account_number, line.account_holder)
    ]
    if moved:
        raise Conflict(
            "settlement.account_changed",
            f"작성 뒤에 정산 계좌가 바뀐 공급기업이 있습니다({', '.join(moved[:10])}). "
            "반려하여 폐기한 뒤 다시 작성해 주세요.",
        )


def close(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Close a batch whose every line has its result; from then on it never changes."""
    return _fire(batch_id, "close", actor=actor, changes={"closed_at": clock.now()})


def conclude(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Close an approved batch of which nothing is left to be sent: all its lines are held.

    Raises Conflict `settlement.to_send` while a line waits for its transfer.
    """
    with transaction():
        batch = _fire(batch_id, "conclude", actor=actor, changes={"closed_at": clock.now()})
        if any(line.state is LineState.PLANNED for line in locked_lines(batch_id)):
            raise Conflict(
                "settlement.to_send",
                "이체할 지급이 남아 있습니다. 이체파일을 내보내고 결과를 반영한 뒤 마감해 주세요.",
            )
        return batch


def locked_lines(batch_id: int) -> list[SettlementLine]:
    """A batch's lines, locked in the order of their keys and read afresh."""
    statement = (
        select(SettlementLine)
        .where(SettlementLine.batch_id == batch_id)
        .order_by(SettlementLine.id)
        .options(joinedload(SettlementLine.batch, innerjoin=True))
        .with_for_update(of=SettlementLine)
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(statement).scalars())


def _fire(
    batch_id: int,
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
    changes: Mapping[str, object] | None = None,
) -> SettlementBatch:
    batch = lifecycle.fire(BATCH, batch_id, action, actor=actor, reason=reason, changes=changes)
    if not isinstance(batch, SettlementBatch):
        raise TypeError("not a batch")
    return batch
