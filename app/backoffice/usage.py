"""이용 경고: what is paid and not used, and what follows (R-SET-1a)."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice.parts import Page, chosen, everything, export_format, listed, spreadsheet, typed
from app.documents.exports import Column
from app.models.usage import UsageWarning, WarningKind, WarningState
from app.policy import Permission
from app.workflows import usage_warnings


def _following(row: UsageWarning) -> str:
    return usage_warnings.following(row, for_supplier=True)


COLUMNS: list[Column[UsageWarning]] = [
    Column("거래번호", lambda row: row.deal_id, kind="number"),
    Column("서비스", lambda row: row.deal.offering.name),
    Column("공급기업", lambda row: row.deal.supplier.name),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("종류", lambda row: row.kind.label),
    Column("상태", lambda row: row.state.label),
    Column("내용", usage_warnings.lacking),
    Column("결제금액", lambda row: row.payment.total, kind="won"),
    Column("결제 상태", lambda row: row.payment.state.label),
    Column("경고일시", lambda row: row.warned_at, kind="instant"),
    Column("다음 조치", _following),
    Column("조치 예정", lambda row: row.act_at, kind="instant"),
    Column("이용실적 요청", lambda row: row.report_asked_at, kind="instant"),
    Column("조치일시", lambda row: row.acted_at, kind="instant"),
    Column("해제일시", lambda row: row.ended_at, kind="instant"),
    Column("해제 사유", lambda row: row.ended.label if row.ended else ""),
]


class UsageWarnings(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {"kind": chosen(WarningKind, "kind"), "q": typed("q")}
        state, read = chosen(WarningState), usage_warnings.listing
        if export_format():
            return spreadsheet(everything(read, state=state, **wanted), COLUMNS, name="이용경고")
        return self.render(
            "backoffice/market/usage.html",
            listing=listed(read, state=state, **wanted),
            counts=usage_warnings.state_counts(actor=current_actor(), **wanted),
            state=state,
            kinds=[(each.value, each.label) for each in WarningKind],
            lacking=usage_warnings.lacking,
            comes=_following,
            **wanted,
        )
