"""월마감: the checklist, the close, the kept trial balance, and opening it again (R-SET-3a)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor, needs
from app.backoffice import ledger_links
from app.backoffice.parts import Page, attachment, decide, export_format, number_of, run, spreadsheet
from app.documents import exports
from app.documents.exports import Column
from app.errors import NotFound
from app.policy import Permission
from app.web import confirm
from app.workflows import months, programmes, settlement
from app.workflows.months import MONTH, MonthPage

VERBS: dict[str, Callable[..., Any]] = {
    "ask_reopen": months.ask_reopen,
    "reopen": months.reopen,
    "refuse_reopen": months.refuse_reopen,
}
LIST: list[Column[Any]] = [
    Column("월", lambda r: f"{r.month:%Y-%m}"),
    Column("상태", lambda r: r.state.label),
    Column("분개(건)", lambda r: r.entries, kind="number"),
    Column("뒤의 달에 기입된 분개(건)", lambda r: r.late, kind="number"),
    Column("마감일시", lambda r: r.kept.closed_at if r.kept else None, kind="instant"),
    Column("시산표 SHA-256", lambda r: (r.kept.trial_sha256 or "") if r.kept else "", width=70),
]
TRIAL: list[Column[Any]] = [
    Column("계정", lambda r: r.account.label),
    Column("전월이월", lambda r: r.brought, kind="won"),
    Column("당월 들어옴", lambda r: r.arrived, kind="won"),
    Column("당월 나감", lambda r: r.left, kind="won"),
    Column("월말 잔액", lambda r: r.balance, kind="won"),
]


def _month(text: str) -> date:
    """`2020-10`. Raises NotFound."""
    year, _, month = text.partition("-")
    if len(text) != 7 or not (year.isdigit() and month.isdigit() and 1 <= int(month) <= 12 and int(year)):
        raise NotFound()
    return date(int(year), int(month), 1)


class Months(Page):
    permission = Permission.LEDGER_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        programme = settlement.programme_of(number_of("programme"))
        rows = months.listing(actor=current_actor(), programme_id=programme.id)
        if export_format():
            return spreadsheet(rows, LIST, name="월마감")
        options = [(each.id, each.name) for each in programmes.programmes()]
        return self.render("backoffice/months/list.html", rows=rows, programme=programme, options=options)

    def _page(self, programme_id: int, month: str) -> MonthPage:
        return months.page(actor=current_actor(), programme_id=programme_id, month=_month(month))

    @expose("/<int:programme_id>/<month>")
    def detail(self, programme_id: int, month: str) -> ResponseReturnValue:
        page = self._page(programme_id, month)
        if export_format():
            return spreadsheet(page.trial, TRIAL, name=f"시산표_{month}")
        return self.render(
            "backoffice/months/month.html",
            page=page,
            row=page.row,
            kept=page.row.kept,
            programme_id=programme_id,
            event_of=ledger_links.event,
        )

    @expose("/<int:programme_id>/<month>/close", methods=["POST"])
    @needs(Permission.MONTH_CLOSE)
    def close(self, programme_id: int, month: str) -> ResponseReturnValue:
        to, day = url_for(".detail", programme_id=programme_id, month=month), _month(month)
        edge = MONTH.of("close")[0]
        asked = confirm.ask(question=edge.confirm or "", label=edge.label, cancel_url=to)
        if asked is not None:
            return asked
        done = f"{day.year}년 {day.month}월을 마감하고 시산표를 보관했습니다."
        return run(months.close, to=to, done=done, programme_id=programme_id, month=day)

    @expose("/<int:programme_id>/<month>/<any(ask_reopen, reopen, refuse_reopen):action>", methods=["POST"])
    def act(self, programme_id: int, month: str, action: str) -> ResponseReturnValue:
        """Who may, the edge says: two people and a reason."""
        page = self._page(programme_id, month)
        if page.row.kept is None:
            raise NotFound()
        to = url_for(".detail", programme_id=programme_id, month=month)
        name = f"{page.row.month.year}년 {page.row.month.month}월"
        return decide(MONTH, action, VERBS[action], to=to, name=name, month_id=page.row.kept.id)

    @expose("/<int:programme_id>/<month>/keep", methods=["POST"])
    @needs(Permission.MONTH_CLOSE)
    def keep(self, programme_id: int, month: str) -> ResponseReturnValue:
        """Where the close was cut off before its trial balance was kept."""
        page = self._page(programme_id, month)
        if page.row.kept is None:
            raise NotFound()
        to = url_for(".detail", programme_id=programme_id, month=month)
        return run(months.keep_trial, to=to, done="시산표를 보관했습니다.", month_id=page.row.kept.id)

    @expose("/<int:programme_id>/<month>/trial.xlsx")
    def trial(self, programme_id: int, month: str) -> ResponseReturnValue:
        """The trial balance as it was kept at the close."""
        page = self._page(programme_id, month)
        if page.row.kept is None:
            raise NotFound()
        file = months.kept_trial(actor=current_actor(), month_id=page.row.kept.id)
        return attachment(file.content, file.file_name, exports.XLSX_TYPE)
