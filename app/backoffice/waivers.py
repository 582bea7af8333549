"""(잔여)예산포기: what companies ask to give back, and what was decided (R-VOU-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor, needs
from app.backoffice import ways_back
from app.backoffice.parts import (
    Page,
    agency_options,
    everything,
    export_format,
    listed,
    number_of,
    run,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.vouchers import Voucher
from app.policy import Permission
from app.web import confirm
from app.workflows import vouchers, vouchers_reads, waiver_reads
from app.workflows.vouchers_reads import Parts
from app.workflows.waiver_reads import Decided

WAITING: list[Column[Any]] = [
    Column("기업명", lambda r: r.voucher.company.name),
    Column("사업자등록번호", lambda r: r.voucher.company.business_number),
    Column("운영기관", lambda r: r.voucher.company.agency.name),
    Column("지원금액", lambda r: r.voucher.granted, kind="won"),
    Column("남은 금액", lambda r: r.left.total, kind="won"),
    Column("예산으로 돌아올 정부 지원금", lambda r: r.left.grant, kind="won"),
    Column("신청일시", lambda r: r.voucher.waiver_requested_at, kind="instant"),
    Column("경과(영업일)", lambda r: r.age, kind="number"),
    Column("사유", lambda r: r.voucher.waiver_reason or ""),
]
DECIDED: list[Column[Decided]] = [
    Column("기업명", lambda r: r.voucher.company.name),
    Column("사업자등록번호", lambda r: r.voucher.company.business_number),
    Column("결정", lambda r: r.event.label),
    Column("결정일시", lambda r: r.at, kind="instant"),
    Column("처리자", lambda r: r.who),
    Column("포기한 금액", lambda r: r.returned.total, kind="won"),
    Column("예산으로 돌아온 정부 지원금", lambda r: r.returned.grant, kind="won"),
    Column("사유", lambda r: r.reason or ""),
]


@dataclass(frozen=True)
class Line:
    voucher: Voucher
    left: Parts
    """What approval would return: the grant to the budget, the share to the company."""
    age: int
    """For how many business days it waits."""


def _lines(rows: list[Voucher]) -> list[Line]:
    left = vouchers_reads.left_of(actor=current_actor(), voucher_ids=[row.id for row in rows])
    ages = waiver_reads.ages(rows)
    return [Line(row, left[row.id], ages[row.id]) for row in rows]


class Waivers(Page):
    permission = Permission.BUDGET_VIEW

    def _asked(self) -> dict[str, Any]:
        return {"search": typed("q"), "agency_id": number_of("agency")}

    @expose("/")
    def index(self) -> ResponseReturnValue:
        asked, read = self._asked(), waiver_reads.waiting
        if export_format():
            lines = _lines(everything(read, cursor="after", **asked))
            return spreadsheet(lines, WAITING, name="예산포기 요청")
        listing = listed(read, cursor="after", **asked)
        return self._render("waiting", listing=listing, lines=_lines(listing.rows))

    @expose("/decided")
    def decided(self) -> ResponseReturnValue:
        asked, read = self._asked(), waiver_reads.decided
        if export_format():
            return spreadsheet(everything(read, **asked), DECIDED, name="예산포기 결정 내역")
        return self._render("decided", listing=listed(read, **asked))

    def _render(self, tab: str, **context: Any) -> str:
        page: str = self.render(
            "backoffice/budget/waivers.html",
            tab=tab,
            asked=self._asked(),
            agencies=agency_options(),
            sees_cases=allowed(Permission.SCREENING_VIEW),
            here=ways_back.here(),
            **context,
        )
        return page

    @expose("/<int:id>/approve", methods=["POST"])
    @needs(Permission.VOUCHER_CLOSE)
    def approve(self, id: int) -> ResponseReturnValue:
        to = ways_back.from_form(url_for(".index"))
        question = "예산포기를 승인할까요? 남은 정부 지원금이 예산으로 돌아가고 되돌릴 수 없습니다."
        asked = confirm.ask(question=question, label="승인", cancel_url=to)
        if asked is not None:
            return asked
        return run(vouchers.approve_waiver, to=to, done="예산포기를 승인했습니다.", voucher_id=id)

    @expose("/<int:id>/decline", methods=["POST"])
    @needs(Permission.VOUCHER_CLOSE)
    def decline(self, id: int) -> ResponseReturnValue:
        to = ways_back.from_form(url_for(".index"))
        asked = confirm.ask(
            question="예산포기 요청을 반려할까요?",
            consequence="기업은 사유와 함께 통지를 받고, 바우처를 다시 쓸 수 있습니다.",
            label="반려",
            reason_required=True,
            cancel_url=to,
        )
        if asked is not None:
            return asked
        reason = request.form.get("reason", "")
        done = "예산포기 요청을 반려했습니다."
        return run(vouchers.decline_waiver, to=to, done=done, voucher_id=id, reason=reason)
