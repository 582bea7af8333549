"""기한 관리: clocks stopped for an outage or by decree, and any deadline worked out in words (R-TIME-5a)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import SelectField, StringField
from wtforms.validators import StopValidation

from app import clock
from app.access import current_actor, needs
from app.backoffice.parts import Page, export_format, spreadsheet
from app.documents.exports import Column
from app.errors import Refusal
from app.policy import Permission
from app.web.forms import YEARS, BaseForm, Required, longest, refusal_to_form
from app.workflows import clock_runs, clock_stops, deadlines, programmes, reckoning
from app.workflows.clock_runs import Progress

STOPS: list[Column[Any]] = [
    Column("시작", lambda s: s.starts_at, kind="instant"),
    Column("끝", lambda s: s.ends_at, kind="instant"),
    Column("사유", lambda s: s.reason),
    Column("상태", lambda s: "완료" if s.run.finished_at else "진행중"),
    Column("늦춰진 거래", lambda s: s.run.moved_deals if s.run.finished_at else None, kind="number"),
    Column("늦춰진 바우처", lambda s: s.run.moved_vouchers if s.run.finished_at else None, kind="number"),
    Column("늦춰진 예산 안내", lambda s: s.run.moved_offers if s.run.finished_at else None, kind="number"),
    Column("정한 사람", lambda s: s.declared_by.name if s.declared_by else "명령"),
    Column("정한 일시", lambda s: s.declared_at, kind="instant"),
]


class InstantField(StringField):
    """`2020.11.20 09:00`, also `24:00`. `data` is an instant in Korean time, or None."""

    message = "일시를 YYYY.MM.DD HH:MM 형식으로 입력해 주세요. 예) 2020.11.20 09:00"

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist:
            return
        self.typed = str(valuelist[0]).strip()[:40]
        self.data = None
        digits = "".join(letter for letter in self.typed if letter.isascii() and letter.isdigit())
        if not self.typed:
            return
        midnight = digits.endswith("2400")
        try:
            read = datetime.strptime(f"{digits[:8]}0000" if midnight else digits, "%Y%m%d%H%M")  # noqa: DTZ007 - a zone is added
        except ValueError as error:
            raise ValueError(self.message) from error
        if len(digits) != 12 or read.year not in YEARS:
            raise ValueError(self.message)
        self.data = read.replace(tzinfo=clock.KST) + timedelta(days=midnight)

    def pre_validate(self, form: Any) -> None:
        if self.process_errors:
            raise StopValidation()

    def _value(self) -> str:
        return (
            f"{self.data:%Y.%m.%d %H:%M}" if isinstance(self.data, datetime) else getattr(self, "typed", "")
        )


class StopForm(BaseForm):
    starts_at = InstantField("중지 시작", validators=[Required()])
    ends_at = InstantField("중지 끝", validators=[Required()])
    reason = StringField("사유", validators=[Required(), longest(clock_stops.MAX_REASON)])

    def period(self) -> dict[str, datetime]:
        return {"starts_at": self.starts_at.data, "ends_at": self.ends_at.data}


class AskForm(BaseForm):
    """The calculator: a GET, so that an answer is an address."""

    class Meta(BaseForm.Meta):
        csrf = False

    kind = SelectField("기한", choices=list(reckoning.KINDS.items()))
    at = InstantField("시작 일시", validators=[Required()])


class Clocks(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            return spreadsheet(self._stops(), STOPS, name="기한 중지")
        return self._page()

    def _stops(self) -> Any:
        return clock_stops.stops(actor=current_actor(), programme_id=programmes.current().id)

    def _page(self, form: StopForm | None = None) -> str:
        programme = programmes.current()
        ask = AskForm(formdata=request.args) if "at" in request.args else AskForm(formdata=None)
        answer = None
        if "at" in request.args and ask.validate():
            answer = deadlines.explain(kind=ask.kind.data, at=ask.at.data, programme=programme)
        return self.render(
            "backoffice/clocks/index.html",
            programme=programme,
            stops=self._stops(),
            under_way=clock_runs.under_way(actor=current_actor(), programme_id=programme.id),
            form=form or StopForm(formdata=None),
            ask=ask,
            answer=answer,
        )

    @expose("/preview", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def preview(self) -> ResponseReturnValue:
        """What a stop would move, and what comes too late for it; nothing is written."""
        form = StopForm()
        if form.validate():
            try:
                seen = clock_stops.preview(
                    actor=current_actor(), programme_id=programmes.current().id, **form.period()
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                return self.render(
                    "backoffice/clocks/preview.html",
                    form=form,
                    seen=seen,
                    period=clock.write_period(seen.starts_at, seen.ends_at),
                    length=seen.ends_at - seen.starts_at,
                    phone=programmes.PLATFORM_PHONE,
                )
        return self._page(form), 422

    @expose("/declare", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def declare(self) -> ResponseReturnValue:
        """Comes from the preview's button: the preview has said what it does and that it stays."""
        form = StopForm()
        if form.validate():
            try:
                run = clock_stops.declare(
                    actor=current_actor(),
                    programme_id=programmes.current().id,
                    **form.period(),
                    reason=form.reason.data or "",
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                return redirect(url_for(".show", id=run.id))
        return self._page(form), 422

    def _progress(self, run_id: int) -> Progress:
        programme_id = programmes.current().id
        return clock_runs.progress(actor=current_actor(), programme_id=programme_id, run_id=run_id)

    @expose("/runs/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        """What a stop or a closing day moves, while it does so and afterwards."""
        found = self._progress(id)
        return self.render("backoffice/clocks/run.html", found=found, run=found.run)

    @expose("/runs/<int:id>/progress")
    def progress(self, id: int) -> ResponseReturnValue:
        """The bar anew; once all is moved, the whole page."""
        found = self._progress(id)
        answer = make_response(self.render("backoffice/clocks/progress.html", found=found, run=found.run))
        if found.run.finished_at is not None:
            answer.headers["HX-Refresh"] = "true"
        return answer
