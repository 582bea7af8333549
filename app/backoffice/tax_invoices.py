"""세금계산서: what differs, what is lacking, and what is on file (R-SET-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice.parts import (
    Page,
    attachment,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.tax_invoices import InvoiceState
from app.policy import Permission
from app.web.files import disposition
from app.workflows import tax_invoice_reads, tax_invoices
from app.workflows.tax_invoice_reads import WANTING, Tab
from app.workflows.tax_invoices import TAX_INVOICE

VERBS: dict[str, Callable[..., Any]] = {
    "accept": tax_invoices.accept,
    "send_back": tax_invoices.send_back,
    "void": tax_invoices.void,
}
FILED: list[Column[Any]] = [
    Column("승인번호", lambda r: r.invoice.number, width=28),
    Column("구분", lambda r: "수정(계약의 해제)" if r.invoice.modify_code else "세금계산서"),
    Column("작성일자", lambda r: r.invoice.issued_on, kind="date"),
    Column("공급기업", lambda r: r.payment.deal.supplier.name, width=28),
    Column("공급자 사업자등록번호", lambda r: r.payment.deal.supplier.business_number),
    Column("수요기업", lambda r: r.payment.deal.company.name, width=28),
    Column("공급받는자 사업자등록번호", lambda r: r.payment.deal.company.business_number),
    Column("공급가액", lambda r: r.invoice.supply, kind="won"),
    Column("세액", lambda r: r.invoice.tax, kind="won"),
    Column("합계금액", lambda r: r.invoice.total, kind="won"),
    Column("상태", lambda r: r.invoice.state.label),
    Column("차이", lambda r: " ".join(r.differences), width=60),
    Column("확인 의견", lambda r: r.invoice.note or "", width=40),
    Column("결제번호", lambda r: r.payment.id, kind="number"),
    Column("등록일시", lambda r: r.invoice.entered_at, kind="instant"),
]
LACKING: list[Column[Any]] = [
    Column("결제번호", lambda r: r.payment.id, kind="number"),
    Column("구분", lambda r: "수정(계약의 해제)" if r.wanted.negative else "세금계산서"),
    Column("결제·취소일시", lambda r: r.since, kind="instant"),
    Column("공급기업", lambda r: r.payment.deal.supplier.name, width=28),
    Column("수요기업", lambda r: r.payment.deal.company.name, width=28),
    Column("서비스", lambda r: r.payment.deal.offering.name, width=32),
    Column("공급가액", lambda r: r.wanted.supply, kind="won"),
    Column("세액", lambda r: r.wanted.tax, kind="won"),
    Column("합계금액", lambda r: r.wanted.total, kind="won"),
    Column("지난 반려 사유", lambda r: r.returned or "", width=40),
]


def _tab() -> Tab:
    """That of the address; else the differences, which wait for a decision."""
    value = request.args.get("tab", "")
    return next((tab for tab in Tab if tab.value == value), Tab.MISMATCH)


class TaxInvoices(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab, q, state = _tab(), typed("q"), chosen(InvoiceState)
        read, found = self._wanted(tab, q, state)
        if export_format():
            columns = LACKING if tab in WANTING else FILED
            return spreadsheet(everything(read, **found), columns, name=f"세금계산서_{tab.label}")
        return self.render(
            "backoffice/invoices/list.html",
            tab=tab,
            tabs=Tab,
            counts=tax_invoice_reads.counts(actor=current_actor()),
            listing=listed(read, **found),
            lacking=tab in WANTING,
            q=q,
            state=state,
            states=InvoiceState,
        )

    def _wanted(
        self, tab: Tab, q: str, state: InvoiceState | None
    ) -> tuple[Callable[..., list[Any]], dict[str, Any]]:
        if tab in WANTING:
            return tax_invoice_reads.wanting, {"tab": tab, "q": q}
        wanted = InvoiceState.MISMATCH if tab is Tab.MISMATCH else state
        return tax_invoice_reads.invoices, {"state": wanted, "q": q}

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        page = tax_invoice_reads.get(actor=current_actor(), invoice_id=id)
        edges = [edge for edge in page.edges if edge.action in VERBS]
        return self.render(
            "backoffice/invoices/detail.html", page=page, invoice=page.row.invoice, edges=edges
        )

    @expose("/<int:id>/<any(accept, send_back, void):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Who may, the edge says."""
        page = tax_invoice_reads.get(actor=current_actor(), invoice_id=id)
        name = f"세금계산서 {page.row.invoice.number}"
        return decide(
            TAX_INVOICE, action, VERBS[action], to=url_for(".detail", id=id), name=name, invoice_id=id
        )

    @expose("/<int:id>/document")
    def document(self, id: int) -> ResponseReturnValue:
        """The copy that the supplier attached; the look is recorded (R-FILE-1)."""
        file = tax_invoices.document(actor=current_actor(), invoice_id=id)
        response = attachment(file.content, file.file_name, file.content_type)
        response.headers["Content-Disposition"] = disposition("inline", file.file_name)
        return response
