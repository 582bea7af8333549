"""A demand company's own pages: home, '심사 및 예산확인', history, documents (R-SCR-1, R-SCR-2, R-SCR-5)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import clock
from app.access import current_actor, needs
from app.documents.exports import XLSX_TYPE, Column, xlsx
from app.errors import Refusal
from app.korean import with_object
from app.models.applications import ApplicationState
from app.models.offers import OfferState
from app.models.vouchers import InstrumentState, VoucherState
from app.policy import Actor, Permission
from app.portal import ineligible, mending
from app.web import confirm
from app.web.errors import refused
from app.web.files import disposition
from app.web.pages import key_of, page_args
from app.workflows import (
    applications,
    applications_reads,
    attachments,
    company_edits,
    deadlines,
    deals_reads,
    evaluations,
    offers_reads,
    programmes,
    threads_reads,
    vouchers_reads,
)
from app.workflows.applications_reads import Status
from app.workflows.company_edits import EditEntry
from app.workflows.deals_reads import DealTab
from app.workflows.eligibility import Ineligible
from app.workflows.vouchers_reads import VoucherOverview

blueprint = Blueprint("company", __name__, url_prefix="/company")

MOST_EXPORTED = 10_000


class NextStep(NamedTuple):
    """다음 할 일: one line, and where it is done."""

    text: str
    label: str = ""
    url: str = ""


@blueprint.get("")
@needs(Permission.DEMAND_VIEW)
def home() -> ResponseReturnValue:
    actor = current_actor()
    status = applications_reads.status(actor=actor)
    overview = vouchers_reads.overview(actor=actor)
    counts = deals_reads.tab_counts(actor=actor)
    waiting, _ = evaluations.counts(actor=actor)
    return render_template(
        "portal/company/home.html",
        status=status,
        overview=overview,
        counts=counts,
        waiting_evaluations=waiting,
        unread=threads_reads.waiting(actor=actor),
        todo=_offered(actor) or _next_step(status, counts, waiting),
        deadlines=_deadlines(overview),
        now=clock.now(),
        tabs=DealTab,
    )


def _offered(actor: Actor) -> NextStep | None:
    """An offer that waits for its answer comes before everything else (R-SCR-4)."""
    found = offers_reads.own(actor=actor)
    if found is None or found.late or found.offer.state is not OfferState.OFFERED:
        return None
    text = f"기다리시던 예산이 마련되었습니다. {clock.write_deadline(found.offer.due_at)} 답해 주세요."
    return NextStep(text, "심사 및 예산확인", url_for("company.status"))


def _next_step(status: Status, counts: dict[DealTab, int], waiting: int) -> NextStep:
    state, voucher = status.application.state, status.voucher
    if state in (ApplicationState.NOT_APPLIED, ApplicationState.ON_HOLD):
        return NextStep(status.next_step, "심사 및 예산확인", url_for("company.status"))
    if state is not ApplicationState.APPROVED or voucher is None:
        return NextStep(status.next_step)
    if counts[DealTab.BILLED]:
        text = f"결제할 청구가 {counts[DealTab.BILLED]}건 있습니다. 기한 안에 결제해 주세요."
        return NextStep(text, "장바구니", url_for("deals.cart"))
    if voucher.state is VoucherState.USABLE:
        return _use_voucher(status)
    if waiting:
        return NextStep("이용한 서비스를 평가해 주세요.", "서비스 정산(만족도)", url_for("evaluations.index"))
    return NextStep(f"바우처가 ‘{voucher.state.label}’ 상태입니다. 더 하실 일이 없습니다.")


def _use_voucher(status: Status) -> NextStep:
    instrument, apply = status.instrument, url_for("voucher.index")
    if instrument is None:
        return NextStep("결제수단을 선택해 주세요.", "바우처 신청", apply)
    if instrument.state is InstrumentState.CHOSEN:
        return NextStep(f"{instrument.kind.label} 발급을 신청해 주세요.", "바우처 신청", apply)
    if instrument.state is InstrumentState.REQUESTED:
        issuing = f"{with_object(instrument.kind.label)} 발급하고 있습니다."
        text = f"{issuing} 발급이 끝나기 전에도 거래상담을 할 수 있습니다."
        return NextStep(text, "서비스 찾아보기", url_for("services.index"))
    return NextStep(
        "필요한 서비스를 찾아 거래상담을 요청해 주세요.", "서비스 찾아보기", url_for("services.index")
    )


class Due(NamedTuple):
    label: str
    text: str
    at: datetime


def _deadlines(overview: VoucherOverview | None) -> list[Due]:
    """The voucher's clocks in words (R-TIME-5a); the first payment's only while it runs."""
    if overview is None or overview.due_at is None:
        return []
    first, full = deadlines.explain_voucher(overview.voucher)
    found = [Due("사용 기한", full, overview.full_use_by)]
    if overview.due_at == overview.first_payment_by:
        found.insert(0, Due("첫 결제 기한", first, overview.first_payment_by))
    return found


@blueprint.get("/status")
@needs(Permission.DEMAND_VIEW)
def status() -> ResponseReturnValue:
    """'심사 및 예산확인'"""
    actor = current_actor()
    found = applications_reads.status(actor=actor)
    fresh = found.application.state is ApplicationState.NOT_APPLIED
    overview = vouchers_reads.overview(actor=actor)
    return render_template(
        "portal/company/status.html",
        status=found,
        outlook=applications_reads.outlook(found),
        todo=_next_after(found, actor),
        deadlines=_deadlines(overview),
        now=clock.now(),
        mending=mending.of(actor),
        consequence=mending.consequence(actor),
        lacking=company_edits.missing_for_application(actor=actor) if fresh else [],
        states=ApplicationState,
        overview=overview,
        offer=offers_reads.own(actor=actor),
        platform=programmes.PLATFORM_PHONE,
    )


def _next_after(found: Status, actor: Actor) -> NextStep:
    """The next step where it is on another page: on this one its buttons stand themselves."""
    if found.application.state is not ApplicationState.APPROVED:
        return NextStep(found.next_step)
    waiting, _ = evaluations.counts(actor=actor)
    return _next_step(found, deals_reads.tab_counts(actor=actor), waiting)


@blueprint.post("/resubmit")
@needs(Permission.APPLICATION_SUBMIT)
def resubmit() -> ResponseReturnValue:
    return _send(
        "고친 내용을 다시 제출할까요?",
        mending.consequence(current_actor()),
        "다시 제출",
    )


@blueprint.post("/apply")
@needs(Permission.APPLICATION_SUBMIT)
def apply() -> ResponseReturnValue:
    """'사업 신청' of a company from K-Startup (R-KST-3)."""
    return _send(
        "사업을 신청할까요?",
        "신청하면 심사가 끝날 때까지 기업정보를 수정할 수 없습니다.",
        "사업 신청",
        first=True,
    )


def _send(question: str, consequence: str, label: str, *, first: bool = False) -> ResponseReturnValue:
    back = url_for("company.status")
    asked = confirm.ask(question=question, consequence=consequence, label=label, cancel_url=back)
    if asked is not None:
        return asked
    verb = applications.apply if first else applications.resubmit
    try:
        verb(actor=current_actor())
    except Ineligible as refusal:
        correct = url_for("company.edit")
        return ineligible.page(refusal, correct=correct, label="기업정보 고치기"), refusal.status
    except Refusal as refusal:
        return refused(refusal, to=back)
    flash(
        "접수되었습니다. 운영기관이 심사합니다." if first else "다시 제출했습니다. 운영기관이 심사합니다.",
        "success",
    )
    return redirect(back)


@blueprint.get("/edits")
@needs(Permission.DEMAND_VIEW)
def edits() -> ResponseReturnValue:
    """'회원정보 수정 이력'"""
    page = page_args()
    before = key_of(page.after)
    rows = _edits(current_actor(), before=before, size=page.size)
    whole = len({row.id for row in rows}) == page.size
    following = str(rows[-1].id) if whole else ""
    return render_template("portal/company/edits.html", rows=rows, following=following, size=page.size)


def _edits(actor: Actor, *, before: int | None, size: int) -> list[EditEntry]:
    return company_edits.edits(actor=actor, company_id=actor.company_id or 0, before=before, size=size)


EDIT_COLUMNS: tuple[Column[EditEntry], ...] = (
    Column("수정일시", lambda row: row.at, "instant"),
    Column("항목", lambda row: row.label),
    Column("수정 전", lambda row: row.before),
    Column("수정 후", lambda row: row.after),
    Column("수정한 사람", lambda row: row.who),
)


@blueprint.get("/edits.xlsx")
@needs(Permission.DEMAND_VIEW)
def edits_export() -> ResponseReturnValue:
    rows = _edits(current_actor(), before=None, size=MOST_EXPORTED)
    name = f"회원정보수정이력_{clock.now():%Y%m%d_%H%M}.xlsx"
    answer = Response(xlsx(rows, EDIT_COLUMNS, title="회원정보 수정 이력"), content_type=XLSX_TYPE)
    answer.headers["Content-Disposition"] = disposition("attachment", name)
    return answer


@blueprint.get("/documents/<int:document_id>")
@needs(Permission.DEMAND_VIEW)
def document(document_id: int) -> ResponseReturnValue:
    """One's own document, shown in the browser: by its content it is a PDF or an image (R-FILE-1)."""
    found = attachments.document_for(actor=current_actor(), document_id=document_id)
    answer = Response(found.content, content_type=found.content_type)
    answer.headers["Content-Disposition"] = disposition("inline", found.file_name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
