"""What waits for whom: the numbers of the console's home, each one that somebody acts on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.db import db
from app.models.abuse import AbuseReport, AbuseState
from app.models.applications import Application, ApplicationState
from app.models.catalogue import Supplier, SupplierState
from app.models.holds import HoldState, SettlementHold
from app.models.offers import BudgetOffer, OfferState
from app.models.record import OutboxMessage
from app.models.settlements import BatchState, SettlementBatch
from app.models.suspicion import Suspicion, SuspicionState
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import budget_stats, offering_desk_reads, unknown_outcomes
from app.workflows import waiting as waiting_times


@dataclass(frozen=True)
class Waiting:
    """How many records wait, and since when the first of them."""

    kind: str
    label: str
    count: int
    oldest: datetime | None = None


def _waiting(kind: str, label: str, since: Any, *conditions: Any) -> Waiting:
    count, oldest = db.session.execute(select(func.count(), func.min(since)).where(*conditions)).one()
    return Waiting(kind, label, count, oldest)


def waiting(*, actor: Actor) -> list[Waiting]:
    """One query for each thing that this person may do something about, or look after as an auditor."""
    return [
        number
        for permission, read in (
            (Permission.SCREENING_VIEW, _screening),
            (Permission.BUDGET_VIEW, _budget),
            (Permission.DEAL_VIEW, _market),
            (Permission.SETTLEMENT_VIEW, _settlement),
            (Permission.SUSPICION_VIEW, _suspicion),
            (Permission.ABUSE_VIEW, _abuse),
            (Permission.OPERATIONS_VIEW, _operations),
        )
        if actor.may(permission)
        for number in read(actor)
    ]


def _screening(actor: Actor) -> list[Waiting]:
    own = [Application.agency_id == actor.agency_id] if actor.role.is_operating_agency else []
    state, entered = Application.state, Application.submitted_at
    open_ = (state == ApplicationState.SCREENING, entered.is_not(None), *own)
    numbers = [
        _waiting("screening", "심사 대기", entered, *open_),
        _waiting("over", "약속한 기간을 넘긴 심사", entered, *open_, waiting_times.over_promise()),
    ]
    if actor.may(Permission.SCREENING_ASSIGN):
        nobody = Application.assigned_to_id.is_(None)
        numbers.append(_waiting("unassigned", "담당이 없는 심사", entered, *open_, nobody))
    if actor.may(Permission.SCREENING_DECIDE):
        mine = (state == ApplicationState.SCREENING, Application.assigned_to_id == actor.id)
        flagged = Application.flagged_at
        numbers += [
            _waiting("mine", "내가 맡은 심사", entered, *mine, *own),
            _waiting("on_hold", "심사보류", entered, state == ApplicationState.ON_HOLD, *own),
            _waiting("flagged", "확정 후 변경된 기업", flagged, flagged.is_not(None), *own),
        ]
    return numbers


def _budget(actor: Actor) -> list[Waiting]:
    screened = Application.screened_at
    requested = Voucher.waiver_requested_at
    open_ = (requested.is_not(None), Voucher.state == VoucherState.USABLE)
    numbers = [
        _waiting("budget", "예산확정 대기", screened, Application.state == ApplicationState.SCREENED),
        _waiting("waivers", "예산포기 요청", requested, *open_),
    ]
    label = f"{budget_stats.DEADLINE_DAYS}일 안에 첫 결제 기한이 끝나는 기업"
    numbers.append(Waiting("last_days", label, budget_stats.count_ending(actor=actor)))
    if actor.may(Permission.SCREENING_VIEW):
        accepted = BudgetOffer.state == OfferState.ACCEPTED
        numbers.append(_waiting("accepted", "예산 안내를 수락한 기업", BudgetOffer.answered_at, accepted))
    return numbers


def _market(actor: Actor) -> list[Waiting]:
    review = offering_desk_reads.NEW | offering_desk_reads.PROPOSED
    screening = Supplier.state == SupplierState.SCREENING
    return [
        _waiting("suppliers", "공급기업 심사 대기", Supplier.joined_at, screening),
        _waiting("offerings", "서비스 승인 대기", offering_desk_reads.asked_at(), review),
    ]


def _settlement(actor: Actor) -> list[Waiting]:
    drafted = SettlementBatch.drafted_at
    exported = SettlementBatch.state == BatchState.EXPORTED
    return [
        _waiting("batches", "승인할 정산", drafted, SettlementBatch.state == BatchState.SUBMITTED),
        _waiting("results", "이체 결과 대기", SettlementBatch.approved_at, exported),
        _waiting("unknown", "미확정 결제", unknown_outcomes.since(), unknown_outcomes.unknown()),
        _waiting("releases", "해제를 요청한 지급 보류", SettlementHold.asked_at, _ASKED),
    ]


_ASKED = (SettlementHold.state == HoldState.ASKED) & SettlementHold.released_at.is_(None)


def _suspicion(actor: Actor) -> list[Waiting]:
    open_ = Suspicion.state == SuspicionState.OPEN
    return [_waiting("suspicion", "결정할 의심 거래", Suspicion.opened_at, open_)]


def _abuse(actor: Actor) -> list[Waiting]:
    open_ = AbuseReport.state.in_((AbuseState.RECEIVED, AbuseState.LOOKING))
    return [_waiting("abuse", "답변할 부정 신고", AbuseReport.at, open_)]


def _operations(actor: Actor) -> list[Waiting]:
    gave_up = OutboxMessage.gave_up_at
    return [_waiting("outbox", "보내지 못한 발송·작업", gave_up, gave_up.is_not(None))]
