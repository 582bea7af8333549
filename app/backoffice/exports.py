"""문서 내려받기: documents of a period, an agency or a supplier as files, by a job (R-DOC-2, R-AUD-0)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import flash, make_response, redirect, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import RadioField

from app import clock
from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    agency_options,
    day_of,
    decide,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.paper_exports import ExportForm, ExportState, PaperExport, PaperExportPart
from app.models.payments import SlipKind
from app.policy import Permission
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import BaseForm, ReasonField, Required, longest, refusal_to_form
from app.workflows import paper_exports, paper_exports_reads
from app.workflows.paper_exports import EXPORT, Wanted

VERBS: dict[str, Callable[..., Any]] = {
    "stop": paper_exports.stop,
    "resume": paper_exports.resume,
    "cancel": paper_exports.cancel,
    "delete": paper_exports.delete,
}
EXPORTS: list[Column[PaperExport]] = [
    Column("번호", lambda e: e.id, kind="number"),
    Column("문서", lambda e: ", ".join(kind.label for kind in e.slip_kinds), width=40),
    Column("발급일 시작", lambda e: e.since, kind="date"),
    Column("발급일 끝", lambda e: e.until, kind="date"),
    Column("운영기관", lambda e: e.agency.name if e.agency else "전체"),
    Column("공급기업", lambda e: e.supplier.name if e.supplier else "전체"),
    Column("형식", lambda e: e.form.value.upper()),
    Column("건수", lambda e: e.rows, kind="number"),
    # Empty where the documents say the same money twice.
    Column("문서 금액 합계", lambda e: e.total, kind="won"),
    Column("상태", lambda e: e.state.label),
    Column("사유", lambda e: e.reason, width=40),
    Column("요청자", lambda e: e.created_by.name),
    Column("요청일시", lambda e: e.created_at, kind="instant"),
    Column("내려받기 기한", lambda e: e.expires_at, kind="instant"),
]
PARTS: list[Column[PaperExportPart]] = [
    Column("번호", lambda p: p.number, kind="number"),
    Column("파일명", lambda p: p.file_name, width=44),
    Column("문서(건)", lambda p: p.documents, kind="number"),
    Column("첫 문서", lambda p: p.first_number),
    Column("끝 문서", lambda p: p.last_number),
    Column("크기(바이트)", lambda p: p.size, kind="number"),
    Column("SHA-256", lambda p: p.sha256, width=70),
    Column("만든 일시", lambda p: p.made_at, kind="instant"),
    Column("삭제 일시", lambda p: p.forgotten_at, kind="instant"),
]
FIRST_KINDS = (SlipKind.RECEIPT, SlipKind.CANCELLATION)
"""Ticked before anybody has chosen."""
WRONG_DAY = "날짜를 YYYY.MM.DD 형식으로 입력해 주세요. 예) 2020.11.03"


class StartForm(BaseForm):
    form = RadioField(
        "파일 형식", [Required()], choices=[(f.value, f.label) for f in ExportForm], default="zip"
    )
    reason = ReasonField("내려받는 사유", [Required(), longest(paper_exports.MAX_REASON)])


def _wanted() -> Wanted:
    """What the address asks for; to begin with, this month's receipts."""
    if not request.args:
        return Wanted(kinds=FIRST_KINDS, since=clock.today().replace(day=1), until=clock.today())
    values = request.args.getlist("kind")
    return Wanted(
        kinds=[kind for kind in SlipKind if kind.value in values],
        since=day_of("since"),
        until=day_of("until"),
        agency_id=number_of("agency"),
        supplier_id=number_of("supplier"),
    )


def _mistyped() -> bool:
    """A day that cannot be read must not widen what is handed out."""
    return any(request.args.get(name, "").strip() and day_of(name) is None for name in ("since", "until"))


def _address(wanted: Wanted, since: date | None, until: date | None) -> dict[str, Any]:
    days = {"since": since, "until": until}
    said: dict[str, Any] = {name: f"{day:%Y.%m.%d}" for name, day in days.items() if day}
    said["kind"] = [kind.value for kind in wanted.kinds]
    others = {"agency": wanted.agency_id, "supplier": wanted.supplier_id}
    return said | {name: key for name, key in others.items() if key}


def _presets(wanted: Wanted) -> list[tuple[str, str]]:
    today = clock.today()
    first = today.replace(day=1)
    last = first - timedelta(days=1)
    periods = [
        ("이번 달", first, today),
        ("지난달", last.replace(day=1), last),
        ("올해", today.replace(month=1, day=1), today),
        ("전체 기간", None, None),
    ]
    return [(label, url_for(".new", **_address(wanted, since, until))) for label, since, until in periods]


class Exports(Page):
    """The exports of all officers; the files, and what moves an export, are its own person's."""

    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            return spreadsheet(everything(paper_exports_reads.exports), EXPORTS, name="문서 내려받기 내역")
        return self.render(
            "backoffice/exports/list.html",
            listing=listed(paper_exports_reads.exports),
            may_export=current_actor().may(Permission.DOCUMENT_EXPORT),
            now=clock.now(),
        )

    @expose("/new")
    @needs(Permission.DOCUMENT_EXPORT)
    def new(self) -> ResponseReturnValue:
        """What there would be, before the reason is asked for."""
        return self._new(StartForm(formdata=None))

    def _new(self, form: StartForm) -> str:
        wanted, counted, wrong = _wanted(), None, WRONG_DAY if _mistyped() else ""
        if not wrong:
            try:
                counted = paper_exports.preview(actor=current_actor(), wanted=wanted)
            except Refusal as refusal:
                wrong = refusal.text
        return self.render(
            "backoffice/exports/new.html",
            form=form,
            wanted=wanted,
            typed={name: request.args.get(name, "").strip()[:20] for name in ("since", "until")},
            counted=counted,
            wrong=wrong,
            presets=_presets(wanted),
            here=_address(wanted, wanted.since, wanted.until),
            kinds=list(SlipKind),
            agencies=agency_options(),
            suppliers=paper_exports_reads.suppliers(actor=current_actor()),
            most=paper_exports.MOST_DOCUMENTS,
        )

    @expose("/start", methods=["POST"])
    @needs(Permission.DOCUMENT_EXPORT)
    def start(self) -> ResponseReturnValue:
        """The filter stands in the address, so that what was counted is what is asked for."""
        form = StartForm()
        if form.validate() and not _mistyped():
            try:
                made = paper_exports.start(
                    actor=current_actor(),
                    wanted=_wanted(),
                    form=ExportForm(form.form.data),
                    reason=form.reason.data or "",
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("파일을 만들기 시작했습니다. 이 화면을 떠나도 계속 만듭니다.", "success")
                return redirect(url_for(".show", id=made.id))
        return self._new(form), 422

    @expose("/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        page = paper_exports_reads.page(actor=current_actor(), export_id=id)
        if export_format():
            return spreadsheet(page.parts, PARTS, name=f"문서 내려받기 {id}")
        return self.render("backoffice/exports/show.html", page=page, export=page.export)

    @expose("/<int:id>/progress")
    def progress(self, id: int) -> ResponseReturnValue:
        """The bar anew; once nothing moves any more, the whole page."""
        export = paper_exports_reads.find(actor=current_actor(), export_id=id)
        answer = make_response(self.render("backoffice/exports/progress.html", export=export))
        if export.state is not ExportState.RUNNING:
            answer.headers["HX-Refresh"] = "true"
        return answer

    @expose("/<int:id>/<any(stop, resume, cancel, delete):action>", methods=["POST"])
    @needs(Permission.DOCUMENT_EXPORT)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        return decide(EXPORT, action, VERBS[action], to=to, name="문서 내려받기", export_id=id)

    @expose("/<int:id>/parts/<int:number>")
    @needs(Permission.DOCUMENT_EXPORT)
    def download(self, id: int, number: int) -> ResponseReturnValue:
        """One file, never held in memory as a whole; each time is on record (R-AUD-0)."""
        try:
            file = paper_exports.download(actor=current_actor(), export_id=id, number=number)
        except Refusal as refusal:
            if refusal.status == 404:
                raise
            return refused(refusal, to=url_for(".show", id=id))
        answer = send_file(file.path, mimetype=file.content_type, conditional=False, etag=False)
        answer.headers["Content-Disposition"] = disposition("attachment", file.file_name)
        answer.headers["Cache-Control"] = "no-store"
        return answer
