"""정산내역서 메일: what was sent to whom, what could not be, and once more (R-SET-2, R-MSG-1)."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    everything,
    export_format,
    listed,
    number_of,
    run,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.policy import Permission
from app.web import confirm
from app.workflows import mails
from app.workflows.mails import MailTab, Sending

MAILS: list[Column[Sending]] = [
    Column("정산번호", lambda s: s.mail.line.batch.number),
    Column("공급기업", lambda s: s.mail.line.supplier.name),
    Column("지급액", lambda s: s.mail.line.sent, kind="won"),
    Column("받는 주소", lambda s: s.mail.sent_to or ""),
    Column("발송 횟수", lambda s: s.mail.number, kind="number"),
    Column("상태", lambda s: s.state.label),
    Column("설명", lambda s: s.text, width=50),
    Column("요청일시", lambda s: s.mail.asked_at, kind="instant"),
    Column("발송일시", lambda s: s.mail.sent_at, kind="instant"),
]


class Mails(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab = chosen(MailTab, "tab") or MailTab.ALL
        wanted: dict[str, Any] = {"batch_id": number_of("batch"), "q": typed("q")}
        if export_format():
            return spreadsheet(everything(mails.sendings, tab=tab, **wanted), MAILS, name="정산내역서 메일")
        return self.render(
            "backoffice/mails/list.html",
            listing=listed(mails.sendings, tab=tab, **wanted),
            counts=mails.counts(actor=current_actor(), **wanted),
            tab=tab,
            batch_number=mails.batch_number(wanted["batch_id"]) if wanted["batch_id"] else "",
            may_send=current_actor().may(Permission.SETTLEMENT_PAY),
            **wanted,
        )

    @expose("/<int:line_id>/again", methods=["POST"])
    @needs(Permission.SETTLEMENT_PAY)
    def again(self, line_id: int) -> ResponseReturnValue:
        kept: dict[str, Any] = {name: request.args.get(name) for name in ("tab", "batch", "q")}
        to = url_for(".index", **kept)
        question = "정산내역서를 공급기업의 이메일로 다시 보낼까요?"
        asked = confirm.ask(question=question, label="다시 보내기", cancel_url=to)
        if asked is not None:
            return asked
        return run(mails.send_again, to=to, done="메일을 다시 보내도록 요청했습니다.", line_id=line_id)
