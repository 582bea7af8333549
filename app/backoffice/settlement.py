"""정산: the batch from draft to close, its bank files, each supplier's line (R-SET-2, R-ROLE-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    attachment,
    decide,
    everything,
    export_format,
    listed,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.settlements import BatchState
from app.policy import Permission
from app.web import confirm, previews
from app.web.errors import refused
from app.web.filters import mask_account
from app.web.forms import BaseForm, Required, UploadField, refusal_to_form
from app.web.pages import page_url
from app.workflows import (
    bank_formats,
    mails,
    settlement,
    settlement_approval,
    settlement_bank,
    settlement_facts,
    settlement_reads,
    settlement_results,
    slip_views,
    slips,
)
from app.workflows.settlement import BATCH

SENT = (BatchState.EXPORTED, BatchState.RECONCILED, BatchState.CLOSED)
VERBS: dict[str, Callable[..., Any]] = {
    "submit": settlement.submit,
    "discard": settlement.discard,
    "send_back": settlement.send_back,
    "approve": settlement_approval.approve,
    "conclude": settlement.conclude,
    "close": settlement.close,
}
LINES: list[Column[Any]] = [
    Column("이체번호", lambda r: r.id, kind="number"),
    Column("공급기업", lambda r: r.supplier.name),
    Column("결제금액", lambda r: r.gross, kind="won"),
    Column("수수료", lambda r: r.fee, kind="won"),
    Column("환수", lambda r: r.clawback, kind="won"),
    Column("이월", lambda r: r.carried, kind="won"),
    Column("보류", lambda r: r.withheld, kind="won"),
    Column("지급액", lambda r: r.sent, kind="won"),
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
    Column("보류", lambda r: r.withheld, kind="won"),
    Column("지급액", lambda r: r.sent, kind="won"),
]


ITEMS: list[Column[Any]] = [
    Column("결제", lambda r: r.payment_id, kind="number"),
    Column("구분", lambda r: "환수" if r.kind == "clawback" else "결제"),
    Column("수요기업", lambda r: r.company),
    Column("서비스", lambda r: r.offering, width=32),
    Column("결제일시", lambda r: r.paid_at, kind="instant"),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("지급한 정산 / 환수한 정산", lambda r: r.tied_batch or ""),
    Column("지급보류", lambda r: "보류 중" if r.held else ""),
    Column("빼고 지급한 금액", lambda r: r.withheld, kind="won"),
    Column("그 금액을 지급한 정산", lambda r: r.into_batch or ""),
]


def _payment_id(row: settlement_reads.ItemRow) -> int:
    return row.payment_id


def _batch_id(row: settlement_reads.BatchRow) -> int:
    return row.batch.id


BAD_ROWS: list[Column[Any]] = [
    Column("행", lambda r: r.row, kind="number"),
    Column("내용", lambda r: r.text, width=60),
    Column("사유", lambda r: r.reason, width=60),
]


class ResultForm(BaseForm):
    file = UploadField("은행 이체결과 파일", validators=[Required()], max_mb=20)


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
            sendings=mails.of_lines([line.id for line in listing.rows]),
            edges=[edge for edge in page.edges if edge.action in VERBS],
            facts=settlement_facts.of_batch(page.row),
            export=_export_question(page) if page.batch.state is BatchState.APPROVED else None,
            can_import="reconcile" in actions,
            can_export="export" in actions or (page.batch.state in SENT and page.row.sent > 0),
            own_draft=page.batch.drafted_by_id == current_actor().id,
            own_request=current_actor().id in (page.batch.drafted_by_id, page.batch.submitted_by_id),
            form=form,
            formats=bank_formats.to_choose(actor=current_actor()),
            usual=settlement_bank.usual_format(),
            bank_map=settlement_bank.layout_of(page.batch),
        )

    @expose("/<int:id>/<any(submit, discard, send_back, approve, conclude, close):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Who may, the edge says; the drafter never approves (R-ROLE-4)."""
        page = settlement_reads.batch(actor=current_actor(), batch_id=id)
        to, name = url_for(".detail", id=id), f"정산 {page.batch.number}"
        facts = settlement_facts.of_batch(page.row)
        return decide(BATCH, action, VERBS[action], to=to, name=name, facts=facts, batch_id=id)

    @expose("/<int:id>/transfers", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def transfers(self, id: int) -> ResponseReturnValue:
        """The bank's file; the first time asks and moves the batch on, later the same bytes come again."""
        to, actor = url_for(".detail", id=id), current_actor()
        page = settlement_reads.batch(actor=actor, batch_id=id)
        if page.batch.state is BatchState.APPROVED:
            asked = confirm.ask(**_export_question(page), cancel_url=to)
            if asked is not None:
                return asked
        try:
            code = request.form.get("format") or None
            file = settlement_bank.export_bank_file(actor=actor, batch_id=id, format_code=code)
        except Refusal as refusal:
            return refused(refusal, to=to)
        return attachment(file.content, file.file_name, file.content_type)

    @expose("/<int:id>/results", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def results(self, id: int) -> ResponseReturnValue:
        """Upload; what the file would do is shown before anything is written."""
        page, form = settlement_reads.batch(actor=current_actor(), batch_id=id), ResultForm()
        if form.validate():
            upload = form.file.data
            try:
                kept = settlement_results.keep(actor=current_actor(), batch_id=id, content=upload.read())
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                token = previews.address(_scope(id), name=upload.filename or "", kept=kept)
                return redirect(url_for(".result", id=id, token=token))
        return self._page(id, page, form), 422

    @expose("/<int:id>/results/<token>", methods=["GET"])
    @needs(Permission.SETTLEMENT_PAY)
    def result(self, id: int, token: str) -> ResponseReturnValue:
        """Line by line what would become of the batch; then, confirmed, exactly that file is taken."""
        actor, (name, content) = current_actor(), _kept(id, token)[1:]
        page = settlement_reads.batch(actor=actor, batch_id=id)
        try:
            found = settlement_results.foresee(actor=actor, batch_id=id, content=content)
        except Refusal as refusal:
            return refused(refusal, to=url_for(".detail", id=id))
        if export_format():
            return spreadsheet(found.bad, BAD_ROWS, name=f"반영하지 못하는 행_{page.batch.number}")
        return self.render(
            "backoffice/settlement/result.html",
            batch=page.batch,
            name=name,
            token=token,
            found=found,
            most=previews.MOST_SHOWN,
            ask=_import_question(page, found),
        )

    @expose("/<int:id>/results/<token>/take", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def take_result(self, id: int, token: str) -> ResponseReturnValue:
        actor, (kept, name, content) = current_actor(), _kept(id, token)
        page = settlement_reads.batch(actor=actor, batch_id=id)
        to, back = url_for(".detail", id=id), url_for(".result", id=id, token=token)
        try:
            found = settlement_results.foresee(actor=actor, batch_id=id, content=content)
            asked = confirm.ask(**_import_question(page, found), cancel_url=back)
            if asked is not None:
                return asked
            taken = settlement_bank.import_result(
                actor=actor,
                batch_id=id,
                content=content,
                file_name=name,
                digest=request.form.get("digest", ""),
            )
        except Refusal as refusal:
            return refused(refusal, to=back if refusal.code == "settlement.result.changed" else to)
        settlement_results.drop(actor=actor, name=kept)
        bad = f", 반영하지 못한 행 {len(taken.bad):,}건" if taken.bad else ""
        text = f"지급완료 {taken.paid:,}건, 이체실패 {taken.failed:,}건{bad}"
        flash(text, "info" if taken.bad else "success")
        return redirect(to)

    @expose("/<int:id>/results/<token>/discard", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def discard_result(self, id: int, token: str) -> ResponseReturnValue:
        """Nothing was written, and the file can be uploaded again: nothing to ask."""
        kept, name, _ = _kept(id, token)
        settlement_results.drop(actor=current_actor(), name=kept)
        flash(f"‘{name}’ 파일을 반영하지 않았습니다.", "info")
        return redirect(url_for(".detail", id=id))

    @expose("/<int:id>/lines/<int:line_id>")
    def line(self, id: int, line_id: int) -> ResponseReturnValue:
        """What one supplier is paid for."""
        read = settlement_reads.line_items
        page = settlement_reads.line(actor=current_actor(), batch_id=id, line_id=line_id)
        if export_format():
            rows = everything(read, cursor="after", key=_payment_id, line_id=line_id)
            return spreadsheet(rows, ITEMS, name=f"정산_{page.line.batch.number}_{page.line.supplier.name}")
        return self.render(
            "backoffice/settlement/line.html",
            page=page,
            line=page.line,
            batch=page.line.batch,
            paper=slips.for_lines([line_id]).get(line_id),
            sending=mails.of_lines([line_id]).get(line_id),
            listing=listed(read, cursor="after", key=_payment_id, default_size=100, line_id=line_id),
        )

    @expose("/statement/<int:slip_id>")
    def paper(self, slip_id: int) -> ResponseReturnValue:
        """A slip as a page, for those who cannot read a PDF."""
        found = slip_views.view(actor=current_actor(), slip_id=slip_id)
        start = max(request.args.get("start", 0, type=int), 0)
        page = {"start": start, "size": slip_views.ROWS, "page": lambda at: page_url(start=at)}
        return self.render("backoffice/slips/view.html", view=found, **page)

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


def _export_question(page: settlement_reads.BatchPage) -> dict[str, Any]:
    edge = BATCH.of("export")[0]
    facts = settlement_facts.of_transfers(actor=current_actor(), row=page.row)
    return {"question": edge.confirm or "", "consequence": facts, "label": edge.label}


def _import_question(page: settlement_reads.BatchPage, found: settlement_results.Foreseen) -> dict[str, Any]:
    facts = (
        f"정산 {page.batch.number}: 지급완료 {found.paid.count:,}건 {found.paid.amount:,}원, "
        f"이체실패 {found.failed.count:,}건 {found.failed.amount:,}원"
    )
    return {"question": BATCH.of("reconcile")[0].confirm or "", "consequence": facts, "label": "결과 반영"}


def _scope(batch_id: int) -> str:
    """Whoever uploaded it decides, and about this batch alone."""
    return f"result of batch {batch_id} by {current_actor().id}"


def _kept(batch_id: int, token: str) -> tuple[str, str, bytes]:
    """What an uploaded file is kept as, its own name, and its content. Raises NotFound."""
    name, kept = previews.opened(_scope(batch_id), token, refusal=settlement_results.PREVIEW)
    return kept, name, settlement_results.kept(actor=current_actor(), name=kept)
