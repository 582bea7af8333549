"""정산: what is ripe, the batch from draft to close, its bank files (R-SET-1, R-SET-2, R-ROLE-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    attachment,
    day_of,
    decide,
    everything,
    export_format,
    listed,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.policy import Permission
from app.web.errors import refused
from app.web.filters import mask_account
from app.web.forms import BaseForm, DateField, Required, UploadField, refusal_to_form
from app.workflows import settlement, settlement_bank, settlement_reads, slips
from app.workflows.settlement import BATCH

VERBS: dict[str, Callable[..., Any]] = {
    "submit": settlement.submit,
    "discard": settlement.discard,
    "send_back": settlement.send_back,
    "approve": settlement.approve,
    "close": settlement.close,
}
RIPE: list[Column[Any]] = [
    Column("공급기업", lambda r: r.name),
    Column("결제(건)", lambda r: r.payments, kind="number"),
    Column("결제금액", lambda r: r.gross, kind="won"),
    Column("수수료", lambda r: r.fee, kind="won"),
    Column("환수", lambda r: r.clawback, kind="won"),
    Column("이월", lambda r: r.carried, kind="won"),
    Column("지급액", lambda r: r.net, kind="won"),
    Column("제외 사유", lambda r: r.reason or ""),
]
LINES: list[Column[Any]] = [
    Column("이체번호", lambda r: r.id, kind="number"),
    Column("공급기업", lambda r: r.supplier.name),
    Column("결제금액", lambda r: r.gross, kind="won"),
    Column("수수료", lambda r: r.fee, kind="won"),
    Column("환수", lambda r: r.clawback, kind="won"),
    Column("이월", lambda r: r.carried, kind="won"),
    Column("지급액", lambda r: r.net, kind="won"),
    Column("계좌", lambda r: f"{r.bank_code} {mask_account(r.account_number)}"),
    Column("상태", lambda r: r.state.label),
    Column("이체 결과", lambda r: r.result_text or ""),
]
BATCHES: list[Column[Any]] = [
    Column("정산번호", lambda r: r.batch.number),
    Column("정산기준일", lambda r: r.batch.cutoff, kind="date"),
    Column("상태", lambda r: r.batch.state.label),
    Column("공급기업", lambda r: r.lines, kind="number"),
    Column("결제(건)", lambda r: r.payments, kind="number"),
    Column("결제금액", lambda r: r.gross, kind="won"),
    Column("지급액", lambda r: r.net, kind="won"),
]


def _batch_id(row: settlement_reads.BatchRow) -> int:
    return row.batch.id


class CutoffForm(BaseForm):
    cutoff = DateField("정산기준일", validators=[Required()])


class ResultForm(BaseForm):
    file = UploadField("은행 이체결과 파일", validators=[Required()], max_mb=20)


class Ripe(Page):
    """정산 대상: what a draft would hold, before it is made."""

    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        cutoff = day_of("cutoff") or clock.today()
        rows = settlement_reads.ripe(actor=current_actor(), cutoff=cutoff)
        if export_format():
            return spreadsheet(rows, RIPE, name="정산 대상")
        going = [row for row in rows if row.reason is None]
        form = CutoffForm(formdata=None, cutoff=cutoff)
        return self.render(
            "backoffice/settlement/ripe.html", rows=rows, going=going, cutoff=cutoff, form=form
        )

    @expose("/draft", methods=["POST"])
    @needs(Permission.SETTLEMENT_DRAFT)
    def draft(self) -> ResponseReturnValue:
        form = CutoffForm()
        if not form.validate():
            flash("정산기준일을 YYYY.MM.DD 형식으로 입력해 주세요.", "danger")
            return redirect(url_for(".index"))
        to = url_for(".index", cutoff=f"{form.cutoff.data:%Y.%m.%d}")
        try:
            built = settlement.build(actor=current_actor(), cutoff=form.cutoff.data)
        except Refusal as refusal:
            return refused(refusal, to=to)
        if built.batch is None:
            flash("정산할 결제가 없어 작성하지 않았습니다. 제외 사유를 확인해 주세요.", "info")
            return redirect(to)
        flash(f"정산 {built.batch.number}을(를) 작성했습니다. 공급기업 {built.lines:,}곳", "success")
        return redirect(url_for("console_settlement.detail", id=built.batch.id))


class Settlement(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        read = settlement_reads.batches
        if export_format():
            return spreadsheet(everything(read, key=_batch_id), BATCHES, name="정산")
        return self.render("backoffice/settlement/list.html", listing=listed(read, key=_batch_id))

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        page = settlement_reads.batch(actor=current_actor(), batch_id=id)
        if export_format():
            rows = everything(settlement_reads.lines, cursor="after", batch_id=id)
            return spreadsheet(rows, LINES, name=f"정산_{page.batch.number}")
        return self._page(id, page, ResultForm(formdata=None))

    def _page(self, id: int, page: settlement_reads.BatchPage, form: ResultForm) -> str:
        listing = listed(settlement_reads.lines, cursor="after", default_size=50, batch_id=id)
        actions = {edge.action for edge in page.edges}
        return self.render(
            "backoffice/settlement/batch.html",
            page=page,
            batch=page.batch,
            listing=listing,
            papers=slips.for_lines([line.id for line in listing.rows]),
            edges=[edge for edge in page.edges if edge.action in VERBS],
            can_import="reconcile" in actions,
            own_draft=page.batch.drafted_by_id == current_actor().id,
            form=form,
        )

    @expose("/<int:id>/<any(submit, discard, send_back, approve, close):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Who may, the edge says; the drafter never approves (R-ROLE-4)."""
        page = settlement_reads.batch(actor=current_actor(), batch_id=id)
        to, name = url_for(".detail", id=id), f"정산 {page.batch.number}"
        return decide(BATCH, action, VERBS[action], to=to, name=name, batch_id=id)

    @expose("/<int:id>/transfers", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def transfers(self, id: int) -> ResponseReturnValue:
        """The bank's file; the first time moves the batch on, later the same bytes come again."""
        try:
            file = settlement_bank.export_bank_file(actor=current_actor(), batch_id=id)
        except Refusal as refusal:
            return refused(refusal, to=url_for(".detail", id=id))
        return attachment(file.content, file.file_name, "text/csv; charset=utf-8")

    @expose("/<int:id>/results", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def results(self, id: int) -> ResponseReturnValue:
        page, form = settlement_reads.batch(actor=current_actor(), batch_id=id), ResultForm()
        if form.validate():
            upload = form.file.data
            try:
                taken = settlement_bank.import_result(
                    actor=current_actor(),
                    batch_id=id,
                    content=upload.read(),
                    file_name=upload.filename or "result.csv",
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                bad = f", 반영하지 못한 행 {len(taken.bad):,}건" if taken.bad else ""
                text = f"지급완료 {taken.paid:,}건, 이체실패 {taken.failed:,}건{bad}"
                flash(text, "info" if taken.bad else "success")
                return redirect(url_for(".detail", id=id))
        return self._page(id, page, form), 422

    @expose("/<int:id>/lines/<int:line_id>")
    def line(self, id: int, line_id: int) -> ResponseReturnValue:
        """What one supplier is paid for."""
        page = settlement_reads.batch(actor=current_actor(), batch_id=id)
        line = next(
            (x for x in everything(settlement_reads.lines, cursor="after", batch_id=id) if x.id == line_id),
            None,
        )
        if line is None:
            abort(404)
        listing = listed(
            settlement_reads.line_items,
            cursor="after",
            key=lambda row: row.payment_id,
            default_size=100,
            line_id=line_id,
        )
        return self.render("backoffice/settlement/line.html", batch=page.batch, line=line, listing=listing)

    @expose("/statement/<int:slip_id>.pdf")
    def statement(self, slip_id: int) -> ResponseReturnValue:
        """정산내역서 of one supplier (R-DOC-1)."""
        to = request.referrer if (request.referrer or "").startswith(request.host_url) else url_for(".index")
        try:
            file = slips.for_download(actor=current_actor(), slip_id=slip_id)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return refused(refusal, to=str(to))
        return attachment(file.content, file.file_name, "application/pdf")
