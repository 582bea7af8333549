"""The budget's numbers as blocks of the dashboard (R-SCR-4, R-VOU-1, R-TIME-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import url_for

from app import clock
from app.backoffice.dashboard_parts import Block, Cell, Head, count, days_cell, million, picture, stacked
from app.documents.exports import Column
from app.models.programme import Agency
from app.models.vouchers import Voucher
from app.web import filters
from app.workflows import waiting
from app.workflows.budget_stats import DEADLINE_DAYS, BudgetStats, Confirmation
from app.workflows.offers_accepted import Standing

AGES = [waiting.age_label(*ends) for ends in waiting.AGES]
ENDING: list[Column[Voucher]] = [
    Column("기업명", lambda v: v.company.name),
    Column("사업자등록번호", lambda v: filters.business_number(v.company.business_number)),
    Column("선정일", lambda v: v.selected_on, kind="date"),
    Column("첫 결제 기한", lambda v: clock.write_deadline(v.first_payment_by)),
    Column("지원금액", lambda v: v.granted_grant, kind="won"),
]


def _money(amount: int) -> Cell:
    return Cell(amount, filters.won(amount))


def _waiting_url(*, sees_cases: bool, agency_id: int | None = None) -> str:
    # Whoever may not see cases has no list of them, but the sums.
    if not sees_cases:
        return url_for("console_budgets.index")
    return url_for("console_budget.index", agency=agency_id)


def tiles(stats: BudgetStats, *, sees_cases: bool) -> list[dict[str, str]]:
    number = sum(row.waiting for row in stats.confirmations)
    waitlisted = sum(row.waitlisted for row in stats.confirmations)
    ending = sum(day.number for day in stats.last_days)
    amount = sum(day.amount for day in stats.last_days)
    waiting_url = _waiting_url(sees_cases=sees_cases)
    cells: list[tuple[str, str, str, str]] = [
        ("예산확정 대기", f"{number:,}건", f"예산이 끝나 기다리는 건 {waitlisted:,}건", waiting_url),
        (
            f"{DEADLINE_DAYS}일 안에 첫 결제 기한",
            f"{ending:,}개 기업",
            f"결제가 없으면 {million(amount)} 회수",
            url_for("console_dashboard.ending") if ending else "",
        ),
        ("예산포기 요청", f"{stats.waivers:,}건", "처리를 기다림", url_for("console_waivers.index")),
        _accepted_tile(stats, sees_cases=sees_cases),
        (
            "남은 예산",
            million(sum(line.free for line in stats.lines)),
            "운영기관 네 곳의 합계" if len(stats.lines) == 4 else "운영기관 합계",
            url_for("console_budgets.index"),
        ),
    ]
    return [dict(zip(("label", "value", "hint", "url"), cell, strict=True)) for cell in cells]


def _accepted_url(*, sees_cases: bool, agency_id: int | None = None, old: int | None = None) -> str:
    if not sees_cases:
        return url_for("console_budgets.index")
    return url_for("console_offers.index", tab="accepted", agency=agency_id, old=old)


def _accepted_tile(stats: BudgetStats, *, sees_cases: bool) -> tuple[str, str, str, str]:
    number = sum(each.number for each in stats.accepted)
    oldest = max((each.days for each in stats.accepted), default=0)
    hint = f"가장 오래된 건 영업일 {oldest:,}일째" if number else "기다리는 건이 없습니다"
    return "예산 안내를 수락한 기업", f"{number:,}건", hint, _accepted_url(sees_cases=sees_cases)


def blocks(stats: BudgetStats, *, sees_cases: bool) -> list[Block]:
    return [
        _budgets(stats, sees_cases=sees_cases),
        _confirmations(stats.confirmations, sees_cases=sees_cases),
        _accepted(stats, sees_cases=sees_cases),
        _last_days(stats),
        _vouchers(stats),
    ]


def _budgets(stats: BudgetStats, *, sees_cases: bool) -> Block:
    labels = ["배정", "확정", "집행", "회수", "안내 중", "잔여"]
    return Block(
        key="budgets",
        title="운영기관별 예산",
        note="정부지원금 기준이며, 배정 = 확정 − 회수 + 안내 중 + 잔여입니다. 그림의 단위는 백만원입니다.",
        heads=[Head("운영기관", "text"), *[Head(label, "won") for label in labels]],
        rows=[
            [
                Cell(line.agency.name),
                *[
                    _money(amount)
                    for amount in (
                        line.allocated,
                        line.committed,
                        line.spent,
                        line.returned,
                        line.reserved,
                        line.free,
                    )
                ],
            ]
            for line in stats.lines
        ],
        chart=stacked(
            ["집행", "확정하고 아직 쓰지 않음", "안내 중", "잔여"],
            [
                (line.agency.name, [line.spent, line.unspent, line.reserved, line.free])
                for line in stats.lines
            ],
            money=True,
        ),
        empty="운영기관 예산이 없습니다.",
        more=("예산 현황", url_for("console_budgets.index")),
    )


def _oldest(row: Confirmation) -> Cell:
    if row.oldest is None:
        return Cell(None, "-")
    return days_cell(clock.business_days_between(row.oldest, clock.now()))


def _confirmations(rows: list[Confirmation], *, sees_cases: bool) -> Block:
    return Block(
        key="confirmations",
        title="예산확정을 기다리는 기간",
        note="심사확정한 날부터 지난 영업일입니다.",
        heads=[
            Head("운영기관", "text"),
            Head("대기"),
            Head("예산 끝남"),
            Head("가장 오래"),
            *[Head(label) for label in AGES],
        ],
        rows=[
            [
                Cell(row.name),
                count(row.waiting, _waiting_url(sees_cases=sees_cases, agency_id=row.agency_id)),
                count(row.waitlisted),
                _oldest(row),
                *[count(number) for number in row.ages],
            ]
            for row in rows
        ],
        chart=stacked(AGES, [(row.name, row.ages) for row in rows]),
    )


def _accepted(stats: BudgetStats, *, sees_cases: bool) -> Block:
    def url(agency_id: int, *, old: int | None = None) -> str:
        return _accepted_url(sees_cases=sees_cases, agency_id=agency_id, old=old)

    found = {each.agency_id: each for each in stats.accepted}
    return Block(
        key="accepted",
        title="수락하고 예산확정을 기다리는 예산 안내",
        note="기한이 지나도 자동으로 풀리지 않습니다. 예산확정하거나 사유를 적어 안내를 철회해 주세요.",
        heads=[
            Head("운영기관", "text"),
            Head("수락"),
            Head("묶인 금액", "won"),
            Head("가장 오래"),
            Head(f"영업일 {stats.answer_days}일 넘음"),
        ],
        rows=[_standing(line.agency, found.get(line.agency.id), url) for line in stats.lines],
        empty="수락하고 예산확정을 기다리는 기업이 없습니다.",
    )


def _standing(agency: Agency, each: Standing | None, url: Callable[..., str]) -> list[Cell]:
    if each is None:
        return [Cell(agency.name), count(0), _money(0), days_cell(None), count(0)]
    numbers = [count(each.number, url(agency.id)), _money(each.amount), days_cell(each.days)]
    return [Cell(agency.name), *numbers, count(each.old, url(agency.id, old=1))]


def _last_days(stats: BudgetStats) -> Block:
    def url(day: date) -> str:
        return url_for("console_dashboard.ending", day=day.isoformat())

    return Block(
        key="last_days",
        title=f"앞으로 {DEADLINE_DAYS}일 동안 끝나는 첫 결제 기한",
        note="그날 24:00까지 첫 결제를 하지 않으면 바우처가 회수됩니다. 미리 연락하면 막을 수 있습니다.",
        heads=[Head("기한", "date"), Head("기업"), Head("회수될 금액", "won")],
        rows=[
            [Cell(one.day, clock.write_day(one.day)), count(one.number, url(one.day)), _money(one.amount)]
            for one in stats.last_days
        ],
        chart=picture("histogram", [(f"{one.day:%m.%d.}", one.number) for one in stats.last_days]),
    )


def _vouchers(stats: BudgetStats) -> Block:
    return Block(
        key="vouchers",
        title="바우처 상태",
        heads=[Head("상태", "text"), Head("바우처"), Head("지원금액", "won")],
        rows=[[Cell(one.state.label), count(one.number), _money(one.granted)] for one in stats.vouchers],
        chart=picture("bar", [(one.state.label, one.number) for one in stats.vouchers]),
    )
