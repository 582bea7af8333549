"""공급대금 정산: from the ripe payments to an approved batch (R-SET-1, R-SET-2, R-ROLE-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.ledger import JournalKind, LedgerAccount
from app.models.programme import Programme
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.policy import Actor, Permission
from app.workflows import ledger, lifecycle, record, settlement_sql, slips
from app.workflows.ledger import Leg
from app.workflows.lifecycle import Edge, Lifecycle, Tell

_SUPPLIER_PAGE = "/supply/settlement"

BATCH = Lifecycle(
    "settlement_batch",
    SettlementBatch,
    (BatchState.DRAFTED,),
    (
        Edge(
            action="submit",
            label="승인요청",
            source=BatchState.DRAFTED,
            target=BatchState.SUBMITTED,
            permission=Permission.SETTLEMENT_DRAFT,
        ),
        Edge(
            action="discard",
            label="폐기",
            source=BatchState.DRAFTED,
            target=BatchState.DISCARDED,
            permission=Permission.SETTLEMENT_DRAFT,
            needs_reason=True,
            confirm="이 정산을 폐기할까요? 담긴 결제는 다음 정산에서 다시 담깁니다.",
        ),
        Edge(
            action="send_back",
            label="반려",
            source=BatchState.SUBMITTED,
            target=BatchState.DRAFTED,
            permission=Permission.SETTLEMENT_APPROVE,
            needs_reason=True,
        ),
        Edge(
            action="approve",
            label="승인",
            source=BatchState.SUBMITTED,
            target=BatchState.APPROVED,
            permission=Permission.SETTLEMENT_APPROVE,
            other_than=("drafted_by_id",),
            confirm="이 정산을 승인할까요? 승인하면 금액이 확정되고 되돌릴 수 없습니다.",
        ),
        Edge(
            action="export",
            label="이체파일 내보내기",
            source=BatchState.APPROVED,
            target=BatchState.EXPORTED,
            permission=Permission.SETTLEMENT_PAY,
        ),
        Edge(
            action="reconcile",
            label="이체결과 반영",
            source=BatchState.EXPORTED,
            target=BatchState.RECONCILED,
            permission=Permission.SETTLEMENT_PAY,
        ),
        Edge(
            action="close",
            label="마감",
            source=BatchState.RECONCILED,
            target=BatchState.CLOSED,
            permission=Permission.SETTLEMENT_PAY,
            confirm="이 정산을 마감할까요? 마감한 정산은 바꿀 수 없습니다.",
        ),
    ),
)

LINE = Lifecycle(
    "settlement_line",
    SettlementLine,
    (LineState.PLANNED,),
    (
        Edge(
            action="pay",
            label="지급완료",
            source=LineState.PLANNED,
            target=LineState.PAID,
            permission=Permission.SETTLEMENT_PAY,
            tell=(Tell(to="supplier", text="공급대금이 계좌로 지급되었습니다.", link=_SUPPLIER_PAGE),),
        ),
        Edge(
            action="fail",
            label="이체실패",
            source=LineState.PLANNED,
            target=LineState.FAILED,
            permission=Permission.SETTLEMENT_PAY,
            tell=(
                Tell(
                    to="supplier",
                    text="공급대금 이체가 실패했습니다. 등록한 계좌를 확인해 주세요. "
                    "다음 정산에서 다시 지급합니다.",
                    link=_SUPPLIER_PAGE,
                ),
            ),
        ),
        Edge(
            action="carry",
            label="이월",
            source=LineState.FAILED,
            target=LineState.CARRIED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="uncarry",
            label="이월 취소",
            source=LineState.CARRIED,
            target=LineState.FAILED,
            permission=Permission.CLOCKWORK,
        ),
    ),
)

REASONS = {
    "account": "정산 계좌가 확인되지 않았습니다.",
    "net": "환수할 금액이 지급할 금액보다 많거나 같아 다음 정산으로 넘깁니다.",
}


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


def exclusive() -> None:
    """One at a time, until the transaction ends: whatever decides which money goes into which line."""
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('settlement'))"))


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
        _carry(batch)
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


def _carry(batch: SettlementBatch) -> None:
    keys = {"batch_id": batch.id, "programme_id": batch.programme_id}
    failed = list(db.session.execute(settlement_sql.CARRY, keys).scalars())
    lifecycle.fire_many(LINE, failed, "carry", actor=policy.CLOCK, source=LineState.FAILED)


def submit(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Ask for approval. A batch that the clock drafted becomes the submitter's draft (R-ROLE-4)."""
    with transaction():
        batch = db.session.get(SettlementBatch, batch_id)
        if batch is None:
            raise NotFound()
        changes = {} if batch.drafted_by_id else {"drafted_by_id": actor.id}
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
        return batch


def approve(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Approve another's draft: the money leaves the suppliers' accounts, their statements are made.

    Raises Denied `same_person` for the drafter (R-ROLE-4), Conflict `settlement.changed` where a payment of
    the draft was cancelled meanwhile, `settlement.account_changed` for an account that changed.
    """
    with transaction() as session:
        changes = {"approved_by_id": actor.id, "approved_at": clock.now()}
        batch = _fire(batch_id, "approve", actor=actor, changes=changes)
        changed = list(session.execute(settlement_sql.CHANGED, {"batch_id": batch_id}).scalars())
        if changed:
            raise Conflict(
                "settlement.changed",
                f"작성 뒤에 취소되었거나 취소 중인 결제가 있습니다(결제 {', '.join(map(str, changed))}). "
                "반려하여 폐기한 뒤 다시 작성해 주세요.",
            )
        lines = locked_lines(batch_id)
        _check_accounts(lines)
        _post(batch, lines, actor)
        slips.issue_for_lines(lines)
        return batch


def _check_accounts(lines: list[SettlementLine]) -> None:
    """No money to an account that its supplier gave up after the draft."""
    suppliers = {
        supplier.id: supplier
        for supplier in db.session.execute(
            select(Supplier)
            .where(Supplier.id.in_([line.supplier_id for line in lines]))
            .execution_options(populate_existing=True)
        ).scalars()
    }
    moved = [
        supplier.name
        for line in lines
        if (supplier := suppliers[line.supplier_id]).account_verified_at is None
        or (supplier.bank_code, supplier.account_number, supplier.account_holder)
        != (line.bank_code, line.account_number, line.account_holder)
    ]
    if moved:
        raise Conflict(
            "settlement.account_changed",
            f"작성 뒤에 정산 계좌가 바뀐 공급기업이 있습니다({', '.join(moved[:10])}). "
            "반려하여 폐기한 뒤 다시 작성해 주세요.",
        )


def _post(batch: SettlementBatch, lines: list[SettlementLine], actor: Actor) -> None:
    entries: dict[str, Sequence[Leg]] = {
        f"settlement:settlement_line:{line.id}": [
            *ledger.move(
                (LedgerAccount.PAYABLE, line.supplier_id), (LedgerAccount.TRANSFER, line.id), line.net
            ),
            *ledger.move(
                (LedgerAccount.PAYABLE, line.supplier_id), (LedgerAccount.FEE, batch.programme_id), line.fee
            ),
        ]
        for line in lines
    }
    ledger.post_many(entries, JournalKind.SETTLEMENT, programme_id=batch.programme_id, actor=actor)


def close(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Close a batch whose every line has its result; from then on it never changes."""
    return _fire(batch_id, "close", actor=actor, changes={"closed_at": clock.now()})


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
