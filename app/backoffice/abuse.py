"""부정 신고: what was reported in private, looked into and answered; each look is on record (R-SET-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import StringField, TextAreaField

from app.access import allowed, current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.abuse import AbuseCategory, AbuseState
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.workflows import abuse, abuse_reads, audit_reads
from app.workflows.abuse import ABUSE

# Without a word of the reports: whoever reads one opens it, and is on record.
COLUMNS: list[Column[Any]] = [
    Column("접수번호", lambda r: r.number),
    Column("상태", lambda r: r.state.label),
    Column("신고 유형", lambda r: r.category.label),
    Column("수요기업", lambda r: r.company.name if r.company else ""),
    Column("공급기업", lambda r: r.supplier.name if r.supplier else ""),
    Column("담당자", lambda r: r.owner.name if r.owner else ""),
    Column("접수일시", lambda r: r.at, kind="instant"),
    Column("처리일시", lambda r: r.closed_at, kind="instant"),
]

VERBS: dict[str, Callable[..., Any]] = {"take": abuse.take, "close": abuse.close}


class AnswerForm(BaseForm):
    body = TextAreaField("답변", [Required(), longest(abuse.LONGEST_REPLY)])


class PartiesForm(BaseForm):
    company_number = StringField("수요기업 사업자등록번호", [longest(20)])
    supplier_number = StringField("공급기업 사업자등록번호", [longest(20)])


class Abuse(Page):
    permission = Permission.ABUSE_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {
            "state": chosen(AbuseState),
            "category": chosen(AbuseCategory, "category"),
        }
        read = abuse_reads.listing
        if export_format():
            return spreadsheet(everything(read, cursor="after", **wanted), COLUMNS, name="부정 신고")
        return self.render(
            "backoffice/abuse/list.html",
            listing=listed(read, cursor="after", **wanted),
            counts=abuse_reads.counts(actor=current_actor()),
            states=AbuseState,
            categories=[(one.value, one.label) for one in AbuseCategory],
            **wanted,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        return self._page(id)

    def _page(
        self,
        id: int,
        *,
        answer: AnswerForm | None = None,
        parties: PartiesForm | None = None,
        contact: str | None = None,
        shows_contact: bool = False,
    ) -> str:
        page = abuse_reads.page(actor=current_actor(), report_id=id)
        report = page.report
        numbers = {
            "company_number": report.company.business_number if report.company else "",
            "supplier_number": report.supplier.business_number if report.supplier else "",
        }
        shown: str = self.render(
            "backoffice/abuse/report.html",
            page=page,
            report=report,
            edges=[edge for edge in page.edges if edge.action in ("take", "close")],
            may_answer=allowed(Permission.ABUSE_ANSWER),
            can_answer=report.state in (AbuseState.LOOKING, AbuseState.ANSWERED),
            answer=answer or AnswerForm(formdata=None),
            parties=parties or PartiesForm(formdata=None, **numbers),
            contact=contact,
            shows_contact=shows_contact,
            labels=audit_reads.label,
        )
        return shown

    @expose("/<int:id>/<any(take, close):action>", methods=["POST"])
    @needs(Permission.ABUSE_ANSWER)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        to, name = url_for(".detail", id=id), f"부정 신고 {id}"
        return decide(ABUSE, action, VERBS[action], to=to, name=name, report_id=id)

    @expose("/<int:id>/answer", methods=["POST"])
    @needs(Permission.ABUSE_ANSWER)
    def answer(self, id: int) -> ResponseReturnValue:
        form = AnswerForm()
        if form.validate():
            to = url_for(".detail", id=id)
            done = "답변했습니다. 신고인이 접수번호와 확인코드로 볼 수 있습니다."
            return run(abuse.answer, to=to, done=done, report_id=id, body=form.body.data)
        return self._page(id, answer=form), 422

    @expose("/<int:id>/parties", methods=["POST"])
    @needs(Permission.ABUSE_ANSWER)
    def parties(self, id: int) -> ResponseReturnValue:
        """Whom it is about: their payments get a signal by it."""
        form = PartiesForm()
        if form.validate():
            try:
                abuse.name_parties(
                    actor=current_actor(),
                    report_id=id,
                    company_number=form.company_number.data or "",
                    supplier_number=form.supplier_number.data or "",
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("신고 대상 기업을 저장했습니다.", "success")
                return redirect(url_for(".detail", id=id))
        return self._page(id, parties=form), 422

    @expose("/<int:id>/contact", methods=["POST"])
    def contact(self, id: int) -> ResponseReturnValue:
        """The reporter's own contact: with a reason, which is on record (R-AUD-0)."""
        to = url_for(".detail", id=id)
        asked = confirm.ask(
            question="신고인의 연락처를 볼까요?",
            consequence="누가, 언제, 왜 보았는지 기록됩니다.",
            label="연락처 보기",
            reason_required=True,
            cancel_url=to,
        )
        if asked is not None:
            return asked
        try:
            contact = abuse_reads.contact(
                actor=current_actor(), report_id=id, reason=request.form.get("reason", "")
            )
        except Refusal as refusal:
            return refused(refusal, to=to)
        return self._page(id, contact=contact, shows_contact=True)

    @expose("/<int:id>/file")
    def file(self, id: int) -> ResponseReturnValue:
        """The reporter's file; each look is on record (R-FILE-1, R-AUD-0)."""
        handed = abuse_reads.file_for(actor=current_actor(), report_id=id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response
