"""Vouchers: their clocks, what is left, and how they end (R-TIME-5, R-VOU-1 to R-VOU-3, R-MONEY-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import STILL_PAID, UNDECIDED, Payment, PaymentState
from app.models.programme import Programme
from app.models.vouchers import Voucher
from app.models.vouchers import VoucherState as State
from app.policy import CLOCK, Actor, Permission
from app.workflows import clock_runs, ledger, lifecycle, reckoning, record, vouchers_sql
from app.workflows.ledger import Leg
from app.workflows.lifecycle import Edge, Lifecycle, Tell
from app.workflows.vouchers_sql import End

VOUCHER = Lifecycle(
    "voucher",
    Voucher,
    (State.USABLE,),
    (
        Edge(
            action="spend",
            label="소진",
            source=State.USABLE,
            target=State.SPENT,
            permission=Permission.CLOCKWORK,
            tell=(Tell(to="company", text="바우처를 모두 사용했습니다."),),
        ),
        Edge(
            action="refund",
            label="결제취소 환원",
            source=State.SPENT,
            target=State.USABLE,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="waive",
            label="예산포기 승인",
            source=State.USABLE,
            target=State.WAIVED,
            permission=Permission.VOUCHER_CLOSE,
            confirm="남은 금액이 예산으로 돌아가고 되돌릴 수 없습니다. 예산포기를 승인할까요?",
            tell=(Tell(to="company", text="(잔여)예산포기가 승인되었습니다."),),
        ),
        Edge(
            action="revoke",
            label="회수",
            source=State.USABLE,
            target=State.REVOKED,
            permission=Permission.CLOCKWORK,
            tell=(Tell(to="company", text="첫 결제 기한 안에 결제하지 않아 바우처가 회수되었습니다."),),
        ),
        Edge(
            action="expire",
            label="만료",
            source=State.USABLE,
            target=State.EXPIRED,
            permission=Permission.CLOCKWORK,
            tell=(Tell(to="company", text="사용 기한이 지나 바우처가 만료되었습니다."),),
        ),
    ),
)

_ENDED = {
    State.SPENT: "바우처를 모두 사용하여 결제할 수 없습니다.",
    State.WAIVED: "예산포기한 바우처는 사용할 수 없습니다.",
    State.REVOKED: "첫 결제 기한 안에 결제하지 않아 회수된 바우처입니다. 사용할 수 없습니다.",
    State.EXPIRED: "사용 기한이 지난 바우처입니다. 사용할 수 없습니다.",
}


def worth(programme: Programme) -> tuple[int, int]:
    """Government's and company's part of one voucher, won (R-MONEY-2)."""
    share = programme.cap * programme.company_share_percent // 100
    return programme.cap - share, share


def deadlines(programme: Programme, selected_on: date) -> tuple[datetime, datetime]:
    """First payment and full use of a voucher that begins (R-TIME-5), stopped clocks counted (R-TIME-5a).

    Inside the caller's transaction, which keeps the programme's clocks from being moved until it ends.
    """
    return reckoning.begin(programme).voucher(selected_on)


def grant_many(
    applications: Sequence[Application],
    *,
    programme: Programme,
    budget_ids: Mapping[int, int],
    selected_on: Mapping[int, date],
    actor: Actor,
) -> list[Voucher]:
    """Make the vouchers of approved applications, with their money, in a handful of statements (R-TIME-5).

    `budget_ids` by agency, `selected_on` by application. Runs inside the caller's transaction, which has
    looked after the budget; raises ledger.Overdrawn otherwise.
    """
    grant, share = worth(programme)
    due = {day: deadlines(programme, day) for day in set(selected_on.values())}
    vouchers = [
        _new(a, programme, budget_ids[a.agency_id], selected_on[a.id], due[selected_on[a.id]])
        for a in applications
    ]
    db.session.add_all(vouchers)
    db.session.flush()
    entries: dict[str, Sequence[Leg]] = {}
    for v in vouchers:
        legs = ledger.move((LedgerAccount.AGENCY_BUDGET, v.agency_budget_id), _grant(v), grant)
        legs += ledger.move((LedgerAccount.PLEDGE, v.company_id), _share(v), share)
        entries[f"approval:voucher:{v.id}"] = legs
    ledger.post_many(entries, JournalKind.APPROVAL, programme_id=programme.id, actor=actor)
    begun = {v.id: {"state": (None, State.USABLE), "granted": (None, grant + share)} for v in vouchers}
    record.write_many("voucher", begun, "begin", actor=actor)
    return vouchers


def _new(
    application: Application,
    programme: Programme,
    budget_id: int,
    selected: date,
    due: tuple[datetime, datetime],
) -> Voucher:
    grant, share = worth(programme)
    return Voucher(
        programme_id=programme.id,
        company_id=application.company_id,
        agency_id=application.agency_id,
        agency_budget_id=budget_id,
        application_id=application.id,
        state=State.USABLE,
        granted_grant=grant,
        granted_share=share,
        selected_on=selected,
        first_payment_by=due[0],
        full_use_by=due[1],
        due_at=due[0],
    )


def _grant(voucher: Voucher) -> tuple[LedgerAccount, int]:
    return LedgerAccount.VOUCHER_GRANT, voucher.id


def _share(voucher: Voucher) -> tuple[LedgerAccount, int]:
    return LedgerAccount.VOUCHER_SHARE, voucher.id


def of_company(company_id: int) -> Voucher | None:
    return db.session.scalar(select(Voucher).where(Voucher.company_id == company_id))


def usable_for(*, company_id: int, lock: bool = True) -> Voucher:
    """The company's voucher, locked until the transaction ends, where it can be spent at this instant.

    Raises Conflict `voucher.none`, `voucher.<state>`, `voucher.deadline`, `voucher.waiver_requested`.
    """
    statement = select(Voucher).where(Voucher.company_id == company_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    voucher = db.session.scalar(statement)
    if voucher is None:
        raise Conflict("voucher.none", "아직 바우처가 없습니다. 예산확정(승인) 뒤에 사용할 수 있습니다.")
    if voucher.state in _ENDED:
        raise Conflict(f"voucher.{voucher.state.value}", _ENDED[voucher.state])
    if lock and _is_late(voucher):
        clock_runs.catch_up(voucher)
    if voucher.due_at is not None and _is_late(voucher):
        text = f"바우처 기한({clock.write_deadline(voucher.due_at)})이 지나 사용할 수 없습니다."
        raise Conflict("voucher.deadline", text)
    if voucher.waiver_requested_at is not None:
        raise Conflict("voucher.waiver_requested", "예산포기를 신청하여 바우처를 사용할 수 없습니다.")
    return voucher


def _is_late(voucher: Voucher) -> bool:
    return voucher.due_at is not None and clock.now() >= voucher.due_at


def _payment_exists(voucher_id: int, *states: PaymentState) -> bool:
    statement = select(exists().where(Payment.voucher_id == voucher_id, Payment.state.in_(states)))
    return bool(db.session.scalar(statement))


def left(voucher: Voucher) -> tuple[int, int]:
    """What lies on the voucher, government's and company's part, won."""
    return ledger.balance(*_grant(voucher)), ledger.balance(*_share(voucher))


def after_payment(voucher: Voucher) -> None:
    """The first payment ends the first clock; with nothing left and nothing undecided it is 소진.

    Inside the caller's transaction, after the ledger, with the voucher locked.
    """
    if voucher.state is not State.USABLE:
        return
    voucher.due_at = voucher.full_use_by
    db.session.flush()
    if sum(left(voucher)) == 0 and not _payment_exists(voucher.id, *UNDECIDED):
        lifecycle.fire(VOUCHER, voucher.id, "spend", actor=CLOCK, changes={"due_at": None})


def after_cancellation(voucher: Voucher) -> None:
    """A spent voucher to which money came back is usable again; without a payment the first clock runs on."""
    if voucher.state not in (State.USABLE, State.SPENT):
        return
    if clock.now() >= voucher.first_payment_by:
        clock_runs.catch_up(voucher)
    due = voucher.full_use_by
    paid = _payment_exists(voucher.id, *STILL_PAID)
    if not paid and clock.now() < voucher.first_payment_by:
        due = voucher.first_payment_by
    if voucher.state is State.SPENT:
        if sum(left(voucher)) > 0:
            lifecycle.fire(VOUCHER, voucher.id, "refund", actor=CLOCK, changes={"due_at": due})
    elif paid or voucher.due_at != voucher.first_payment_by:
        voucher.due_at = due
        db.session.flush()


@dataclass(frozen=True)
class Swept:
    revoked: list[int]
    expired: list[int]


def sweep(*, at: datetime, limit: int = 500) -> Swept:
    """End the vouchers whose deadline has come by `at` (R-TIME-6): 회수 or 만료, money back to the budget.

    A payment in flight is waited for (R-VOU-3): when it is decided the voucher is looked at again. Vouchers
    in somebody else's hands are left to the next sweep. Each way to end is a transaction of its own: one
    statement locks the budgets in their order, two would wait for whoever confirms in bulk.
    """
    with clock.at(at):
        revoked = _end(vouchers_sql.REVOKE, at=at, limit=limit)
        expired = _end(vouchers_sql.EXPIRE, at=at, limit=limit)
    return Swept(revoked, expired)


def _end(end: End, *, at: datetime, limit: int) -> list[int]:
    """The edge of one, for hundreds: what `lifecycle.fire_many` writes, without reading the rows."""
    edge = VOUCHER.pick(end.action, State.USABLE)
    with transaction() as session:
        # Core statements do not flush, and expire_all() below would drop what is pending.
        session.flush()
        ids = session.execute(end.take, {"at": at, "size": limit}).scalar_one()
        if not ids:
            return []
        moved = {"ids": ids, "target": edge.target.value}
        told = lifecycle.told_alike(edge)
        record.write_set(end.end, VOUCHER.entity, edge.action, actor=CLOCK, messages=told, **moved)
        ended = list(session.execute(vouchers_sql.ENDED, moved).scalars())
        give_back(ended, end.kind, actor=CLOCK)
        session.expire_all()
    return ended


def give_back(voucher_ids: Sequence[int], kind: JournalKind, *, actor: Actor) -> None:
    """Return what is left: the grant to its agency's budget, the share to the company's pledge (R-VOU-1)."""
    ids = list(voucher_ids)
    for programme_id in db.session.scalars(vouchers_sql.PROGRAMMES, {"ids": ids}).all():
        ledger.post_set(vouchers_sql.GIVE_BACK, kind, programme_id=programme_id, actor=actor, ids=ids)


def _refuse_busy(voucher: Voucher) -> None:
    billed = select(exists().where(Deal.company_id == voucher.company_id, Deal.state == DealState.BILLED))
    if _payment_exists(voucher.id, *UNDECIDED) or db.session.scalar(billed):
        raise Conflict(
            "voucher.busy",
            "진행 중인 결제나 결제하지 않은 결제요청이 있어 예산포기를 할 수 없습니다. 먼저 "
            "결제하거나 요청을 취소해 주세요.",
        )


def request_waiver(*, actor: Actor, reason: str) -> Voucher:
    """'(잔여)예산포기' (R-VOU-2). Raises Conflict `voucher.busy` and those of `usable_for`, InvalidInput."""
    policy.require(actor, Permission.VOUCHER_USE)
    if not reason.strip():
        text = "예산포기 사유를 입력해 주세요."
        raise InvalidInput("reason_missing", text, fields={"reason": text})
    with transaction():
        voucher = usable_for(company_id=actor.company_id or 0)
        _refuse_busy(voucher)
        voucher.waiver_requested_at = clock.now()
        voucher.waiver_requested_by_id = actor.id
        voucher.waiver_reason = reason.strip()
        change = {"waiver_requested_at": (None, voucher.waiver_requested_at)}
        record.write(
            "voucher", voucher.id, "request_waiver", actor=actor, change=change, reason=reason.strip()
        )
        return voucher


def _asked(voucher_id: int, actor: Actor) -> Voucher:
    voucher = lock(Voucher, voucher_id)
    policy.require_own(actor, voucher)
    # A waived voucher keeps its request: a second decision must not take that for an open one.
    if voucher.waiver_requested_at is None or voucher.state is not State.USABLE:
        raise Conflict("voucher.no_waiver", "예산포기 신청이 없는 바우처입니다. 화면을 새로 고쳐 주세요.")
    return voucher


def approve_waiver(*, actor: Actor, voucher_id: int) -> Voucher:
    """Raises Denied, NotFound, Conflict `voucher.no_waiver`, `voucher.busy`, `voucher.waive.state`."""
    policy.require(actor, Permission.VOUCHER_CLOSE)
    with transaction():
        voucher = _asked(voucher_id, actor)
        _refuse_busy(voucher)
        lifecycle.fire(VOUCHER, voucher_id, "waive", actor=actor, changes={"due_at": None})
        give_back([voucher_id], JournalKind.WAIVER, actor=actor)
        return voucher


def decline_waiver(*, actor: Actor, voucher_id: int, reason: str) -> Voucher:
    """The voucher can be used again. Raises Denied, NotFound, InvalidInput, Conflict."""
    policy.require(actor, Permission.VOUCHER_CLOSE)
    if not reason.strip():
        text = "반려 사유를 입력해 주세요."
        raise InvalidInput("reason_missing", text, fields={"reason": text})
    with transaction():
        voucher = _asked(voucher_id, actor)
        voucher.waiver_requested_at = voucher.waiver_requested_by_id = voucher.waiver_reason = None
        seq = record.write("voucher", voucher.id, "decline_waiver", actor=actor, reason=reason.strip())
        text = f"(잔여)예산포기 신청이 반려되었습니다. 사유: {reason.strip()}"
        record.tell(
            [
                record.Message(
                    key=f"voucher:{voucher.id}:{seq}:company", text=text, company_id=voucher.company_id
                )
            ]
        )
        return voucher


def require_voucher(company_id: int) -> Voucher:
    """Raises NotFound."""
    voucher = of_company(company_id)
    if voucher is None:
        raise NotFound("voucher.none", "아직 바우처가 없습니다.")
    return voucher
