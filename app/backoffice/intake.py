"""K-Startup 반입: upload, preview, one confirmed decision (R-KST-1)."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice.parts import Page, export_format, listed, run, spreadsheet
from app.documents.exports import Column
from app.errors import Refusal
from app.models.intake import IntakeState
from app.policy import Permission
from app.web import confirm
from app.web.forms import BaseForm, Required, UploadField, refusal_to_form
from app.workflows import intake, intake_reads, programmes

REFUSED: list[Column[Any]] = [
    Column("행", lambda r: r["row"], kind="number"),
    Column("항목", lambda r: r["column"]),
    Column("거절 사유", lambda r: r["reason"]),
]
FILES: list[Column[Any]] = [
    Column("파일명", lambda f: f.file_name),
    Column("상태", lambda f: f.state.label),
    Column("전체 행", lambda f: f.rows, kind="number"),
    Column("반영 가능", lambda f: f.good, kind="number"),
    Column("이미 반영", lambda f: f.already, kind="number"),
    Column("거절", lambda f: len(f.refused), kind="number"),
    Column("반영", lambda f: f.imported, kind="number"),
    Column("미리보기 일시", lambda f: f.previewed_at, kind="instant"),
]


MOST_SHOWN = 200
"""Refused rows on the page; the export has all of them."""


class FileForm(BaseForm):
    file = UploadField("선정기업 파일", validators=[Required()], max_mb=20)


class Intake(Page):
    permission = Permission.INTAKE_IMPORT

    @expose("/", methods=["GET", "POST"])
    def index(self) -> ResponseReturnValue:
        form = FileForm()
        if form.validate_on_submit():
            upload = form.file.data
            try:
                seen = intake.preview(
                    actor=current_actor(),
                    programme_id=programmes.current().id,
                    file_name=upload.filename or "",
                    content=upload.read(),
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                return redirect(url_for(".detail", id=seen.id))
        listing = listed(intake.recent)
        if export_format():
            return spreadsheet(listing.rows, FILES, name="K-Startup 반입 이력")
        page = self.render("backoffice/intake/index.html", form=form, listing=listing)
        return page, 422 if form.is_submitted() else 200

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        """The preview, and after the import its result: what was refused is told either way."""
        seen = intake.load(actor=current_actor(), intake_id=id)
        if export_format():
            return spreadsheet(seen.refused, REFUSED, name=f"거절 목록_{seen.file_name}")
        can = seen.state is IntakeState.PREVIEWED and bool(seen.good)
        return self.render(
            "backoffice/intake/detail.html",
            seen=seen,
            can=can,
            ask={"question": _question(seen.good), "consequence": CONSEQUENCE, "label": "반영"},
            parts_by_agency=intake_reads.breakdown(actor=current_actor(), intake=seen),
            people=intake_reads.people(seen),
            shown=seen.refused[:MOST_SHOWN],
        )

    @expose("/<int:id>/confirm", methods=["POST"])
    def confirm(self, id: int) -> ResponseReturnValue:
        seen = intake.load(actor=current_actor(), intake_id=id)
        to = url_for(".detail", id=id)
        question = _question(seen.good)
        asked = confirm.ask(question=question, consequence=CONSEQUENCE, label="반영", cancel_url=to)
        if asked is not None:
            return asked
        done = f"{seen.good:,}건을 반영했습니다."
        return run(intake.confirm, to=to, done=done, intake_id=id)


CONSEQUENCE = "결제수단을 고른 기업은 바로 승인되고 바우처가 만들어집니다. 되돌릴 수 없습니다."


def _question(good: int) -> str:
    return f"{good:,}건을 한 번에 반영할까요?"
