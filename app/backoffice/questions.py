"""서비스 문의: what is asked and answered in public, taken off the page where it must be (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import Page, chosen, everything, export_format, listed, spreadsheet, typed
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.workflows import questions, questions_reads
from app.workflows.questions_reads import QuestionTab, tab_of

COLUMNS: list[Column[Any]] = [
    Column("번호", lambda q: q.id, kind="number"),
    Column("서비스", lambda q: q.offering.name),
    Column("공급기업", lambda q: q.offering.supplier.name),
    Column("수요기업", lambda q: q.company.name),
    Column("공개", lambda q: "비공개" if q.is_private else "공개"),
    Column("상태", lambda q: tab_of(q).label),
    Column("문의", lambda q: q.body, width=60),
    Column("문의일시", lambda q: q.asked_at, kind="instant"),
    Column("답변", lambda q: q.answer or "", width=60),
    Column("답변일시", lambda q: q.answered_at, kind="instant"),
    Column("숨김 사유", lambda q: q.hidden_reason or "", width=40),
]
HIDE: dict[str, Any] = {
    "question": "이 문의를 숨길까요?",
    "consequence": "공개 화면에서 사라집니다. 사유는 수요기업과 공급기업에 그대로 전달됩니다.",
    "label": "숨김",
    "reason_required": True,
}


class Questions(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab, text, read = chosen(QuestionTab, "tab"), typed("q"), questions_reads.console_questions
        if export_format():
            return spreadsheet(everything(read, tab=tab, q=text), COLUMNS, name="서비스 문의")
        return self.render(
            "backoffice/questions/list.html",
            listing=listed(read, tab=tab, q=text),
            tab=tab,
            tabs=QuestionTab,
            q=text,
            tab_of=tab_of,
            hide=HIDE,
            may_decide=current_actor().may(Permission.OFFERING_APPROVE),
        )

    @expose("/<int:id>/hide", methods=["POST"])
    @needs(Permission.OFFERING_APPROVE)
    def hide(self, id: int) -> ResponseReturnValue:
        asked = confirm.ask(**HIDE, cancel_url=url_for(".index"))
        if asked is not None:
            return asked
        return _done(questions.hide, "문의를 숨겼습니다.", id, reason=request.form.get("reason", ""))

    @expose("/<int:id>/show", methods=["POST"])
    @needs(Permission.OFFERING_APPROVE)
    def show(self, id: int) -> ResponseReturnValue:
        return _done(questions.show, "문의를 다시 공개했습니다.", id)


def _done(verb: Callable[..., Any], said: str, key: int, **arguments: Any) -> ResponseReturnValue:
    try:
        verb(actor=current_actor(), question_id=key, **arguments)
    except (Conflict, InvalidInput) as refusal:
        return refused(refusal, to=url_for(".index"))
    flash(said, "success")
    return redirect(url_for(".index"))
