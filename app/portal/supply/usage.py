"""이용실적: how much a paid service was used, month by month, as its supplier says it (R-SET-1a)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField
from wtforms.validators import ValidationError

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web.forms import BaseForm, DateField, MoneyField, Required, refusal_to_form
from app.web.pages import page_args
from app.workflows import usage_reads, usage_reports, usage_rows, usage_warnings
from app.workflows.usage_reads import History, UsageRow, UsageState
from app.workflows.usage_reports import Written

COLUMNS: list[Column[UsageRow]] = [
    Column("거래번호", lambda row: row.id, "number"),
    Column("이용월", lambda row: f"{row.month:%Y-%m}", width=12),
    Column("수요기업", lambda row: row.company),
    Column("서비스", lambda row: row.offering, width=32),
    Column("결제일", lambda row: row.paid_at, "date"),
    Column("이용 시작일", lambda row: row.period_from, "date"),
    Column("이용 종료일", lambda row: row.period_to, "date"),
    Column("상태", lambda row: row.state, width=14),
    Column("로그인 횟수", lambda row: row.logins, "number", width=14),
    Column("마지막 이용일", lambda row: row.last_used_on, "date", width=14),
    Column("제출일시", lambda row: row.reported_at, "instant"),
    Column("제출 방법", lambda row: row.source, width=12),
]


class LoginsField(MoneyField):
    """A whole number, also `1,200`; how many can be is the workflow's to say."""

    message = "로그인 횟수를 0 이상의 정수로 입력해 주세요. 예) 120"


class UsageForm(BaseForm):
    """One month of one deal."""

    month = SelectField("이용월", [Required()])
    logins = LoginsField("로그인 횟수", [Required()], minimum=0)
    last_used_on = DateField("마지막 이용일")

    def validate_logins(self, field: LoginsField) -> None:
        if field.process_errors:
            raise ValidationError(field.message)


def month_asked() -> date | None:
    """The address' month; one that cannot be read asks for none."""
    return usage_rows.month_of(request.args.get("month", ""))


def _looked_at(choices: list[date], lacking: dict[date, int]) -> date:
    """The month of the address; else the latest that lacks a report, else the present one."""
    asked = month_asked()
    return asked if asked in choices else max(lacking, default=choices[0])


def only_missing() -> bool:
    return request.args.get("only") == UsageState.MISSING.value


@blueprint.get("/usage")
@needs(Permission.SUPPLIER_VIEW)
def usage() -> ResponseReturnValue:
    actor, size = current_actor(), page_args().size
    choices, lacking = usage_reads.month_choices(actor=actor), usage_reads.missing(actor=actor)
    month = _looked_at(choices, lacking)
    wanted: dict[str, Any] = {"month": month, "only_missing": only_missing()}
    rows = usage_reads.month_rows(actor=actor, before=lists.cursor(), size=size, **wanted)
    return render_template(
        "portal/supply/usage.html",
        month=month,
        months=[(each, _named(each, lacking)) for each in choices],
        lacking={each: count for each, count in lacking.items() if each != month},
        only_missing=only_missing(),
        warned=usage_warnings.open_count(actor=actor),
        counts=usage_reads.month_counts(actor=actor, month=month),
        rows=rows,
        size=size,
        write_month=usage_rows.write_month,
        following=lists.following(rows, size),
    )


def _named(month: date, lacking: dict[date, int]) -> str:
    words = usage_rows.write_month(month)
    if count := lacking.get(month):
        return f"{words} (미제출 {count:,}건)"
    return f"{words} (이번 달)" if month == usage_reads.present_month() else words


@blueprint.get("/usage.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def usage_export() -> ResponseReturnValue:
    """The month of the address, all of it."""
    actor, month = current_actor(), month_asked() or usage_reads.present_month()
    rows = lists.every(
        lambda before, size: usage_reads.month_rows(
            actor=actor, month=month, only_missing=only_missing(), before=before, size=size
        )
    )
    return lists.spreadsheet(rows, COLUMNS, name=f"이용실적 {month:%Y-%m}")


@blueprint.route("/usage/<int:deal_id>", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
def usage_of_deal(deal_id: int) -> ResponseReturnValue:
    """One deal: what was reported, and the month that is to be reported or mended."""
    actor = current_actor()
    found = usage_reads.history(actor=actor, deal_id=deal_id)
    form = _form(found)
    if found.open and form.validate_on_submit():
        month = usage_rows.month_of(form.month.data or "") or usage_reads.present_month()
        try:
            written = usage_reports.report(
                actor=actor,
                deal_id=deal_id,
                month=month,
                logins=form.logins.data or 0,
                last_used_on=form.last_used_on.data,
            )
        except (Conflict, InvalidInput) as refusal:
            refusal_to_form(form, refusal)
        else:
            flash(*told(written, usage_rows.write_month(month)))
            return redirect(url_for("supply.usage", month=f"{month:%Y-%m}"))
    return render_template(
        "portal/supply/usage_deal.html", found=found, deal=found.deal, form=form
    ), 422 if form.errors else 200


def _form(found: History) -> UsageForm:
    """Opened at the month of the address, else at the first that is lacking; with what was said of it."""
    start = month_asked() or next(iter(found.missing), usage_reads.present_month())
    held = next((each for each in found.months if each.month == start), None)
    form = UsageForm(
        month=f"{start:%Y-%m}",
        logins=held and held.logins,
        last_used_on=held and held.last_used_on,
    )
    form.month.choices = [(f"{each.month:%Y-%m}", _choice(each)) for each in found.months]
    return form


def _choice(month: usage_reads.Month) -> str:
    return f"{usage_rows.write_month(month.month)} ({month.state.label})"


def told(written: Written, what: str) -> tuple[str, str]:
    """What to say of a report that was taken in."""
    if written.new or written.changed:
        parts = [(written.new, "새로 제출"), (written.changed, "고침")]
        counted = ", ".join(f"{label} {count:,}건" for count, label in parts if count)
        return f"{what} 이용실적을 저장했습니다({counted}).", "success"
    return "이미 제출한 내용과 같아 바뀐 것이 없습니다.", "info"
