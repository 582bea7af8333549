"""거래와 결제, to be looked at: deals and payments are moved by their own sides, never here."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import allowed, current_actor
from app.backoffice.parts import (
    Page,
    chosen,
    day_of,
    everything,
    export_format,
    listed,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.deals import DealState
from app.policy import Permission
from app.web.files import disposition
from app.web.pages import key_of, page_args
from app.workflows import (
    deals_dossier,
    deals_reads,
    evaluation_reads,
    holds,
    holds_reads,
    payment_history,
    payment_papers,
    payments_reads,
    settlement_history,
    settlement_waits,
    threads_reads,
    usage_reads,
)
from app.workflows.payments_reads import Tab

DEAL_COLUMNS: list[Column[Any]] = [
    Column("번호", lambda r: r.deal.id, kind="number"),
    Column("수요기업", lambda r: r.deal.company.name),
    Column("공급기업", lambda r: r.deal.supplier.name),
    Column("서비스", lambda r: r.deal.offering.name),
    Column("상태", lambda r: r.deal.state.label),
    Column("금액", lambda r: r.deal.amount, kind="won"),
    Column("기업 부담 부가세", lambda r: r.deal.tax, kind="won"),
    Column("요청일시", lambda r: r.deal.requested_at, kind="instant"),
    Column("수락일시", lambda r: r.deal.accepted_at, kind="instant"),
    Column("결제요청일시", lambda r: r.deal.billed_at, kind="instant"),
    Column("끝난 일시", lambda r: r.deal.closed_at, kind="instant"),
    Column("사유", lambda r: r.deal.reason or ""),
    Column("기한", lambda r: r.deadline or ""),
]
PAYMENT_COLUMNS: list[Column[Any]] = [
    Column("주문번호", lambda p: p.order_id),
    Column("수요기업", lambda p: p.deal.company.name),
    Column("공급기업", lambda p: p.deal.supplier.name),
    Column("서비스", lambda p: p.deal.offering.name),
    Column("결제수단", lambda p: p.instrument_kind.label),
    Column("상태", lambda p: p.state.label),
    Column("정부지원금", lambda p: p.grant_part, kind="won"),
    Column("자부담금", lambda p: p.share_part, kind="won"),
    Column("기업 부담 부가세", lambda p: p.tax_part, kind="won"),
    Column("합계", lambda p: p.total, kind="won"),
    Column("결제 요청일시", lambda p: p.pressed_at, kind="instant"),
    Column("결제일시", lambda p: p.paid_at, kind="instant"),
    Column("승인번호", lambda p: p.approval_number or ""),
]


def _deal_id(row: deals_reads.DealRow) -> int:
    return row.deal.id


class Deals(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {
            "q": typed("q"),
            "company": typed("company"),
            "supplier": typed("supplier"),
            "since": day_of("since"),
            "until": day_of("until"),
            "soon": typed("due") == "soon",
        }
        state, read = chosen(DealState), deals_reads.console_deals
        if export_format():
            rows = everything(read, key=_deal_id, state=state, **wanted)
            return spreadsheet(rows, DEAL_COLUMNS, name="거래")
        counts = deals_reads.state_counts(actor=current_actor(), **wanted)
        listing = listed(read, key=_deal_id, state=state, **wanted)
        found: dict[str, Any] = {"listing": listing, "counts": counts, "state": state, "now": clock.now()}
        return self.render("backoffice/market/deals.html", **found, **wanted)

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        before = key_of(page_args().before)
        found = deals_dossier.dossier(actor=current_actor(), deal_id=id, before=before)
        deal = found.view.deal
        return self.render(
            "backoffice/market/deal.html",
            found=found,
            view=found.view,
            deal=deal,
            usage=usage_reads.of_deal(actor=current_actor(), deal=deal),
            evaluation=evaluation_reads.of_deal(actor=current_actor(), deal=deal),
        )

    @expose("/<int:id>/file/<int:file_id>")
    def file(self, id: int, file_id: int) -> ResponseReturnValue:
        """A file of the thread; each look is on record (R-FILE-1, R-AUD-0)."""
        handed = threads_reads.file_for(actor=current_actor(), deal_id=id, file_id=file_id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response


class Payments(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab = chosen(Tab, "tab") or Tab.ALL
        wanted: dict[str, Any] = {"since": day_of("since"), "until": day_of("until"), "q": typed("q")}
        read = payments_reads.listing
        if export_format():
            return spreadsheet(everything(read, tab=tab, **wanted), PAYMENT_COLUMNS, name="결제")
        sums = payments_reads.tabs(actor=current_actor(), **wanted)
        listing = listed(read, tab=tab, **wanted)
        return self.render("backoffice/market/payments.html", listing=listing, sums=sums, tab=tab, **wanted)

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        actor = current_actor()
        payment = payments_reads.get(actor=actor, payment_id=id)
        return self.render(
            "backoffice/market/payment.html",
            payment=payment,
            working=payments_reads.working(actor=actor, payment_id=id),
            papers=payment_papers.of_payment(payment),
            history=payment_history.of(payment, actor=actor),
            checks=settlement_waits.waits_of([id]).get(id, []),
            steps=settlement_history.steps(id) if payment.paid_at else [],
            holds=holds_reads.of_payment(actor=actor, payment_id=id),
            may_hold=allowed(Permission.HOLD_PLACE) and holds.holdable(payment),
        )
