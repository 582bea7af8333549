"""The screening's numbers as blocks of the dashboard, each with the list behind it (R-SCR-3, R-SCR-5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from flask import url_for

from app.backoffice.dashboard_parts import (
    Block,
    Cell,
    Chart,
    Head,
    count,
    days_cell,
    days_text,
    percent,
    picture,
    stacked,
)
from app.documents.exports import Column
from app.web import filters
from app.workflows import screening_reasons, waiting
from app.workflows.decision_reads import NO_CODE, RoundRow
from app.workflows.screening_stats import DECISIONS, Figures, ScreeningStats

MOST_REASONS = 10
AGES = [waiting.age_label(*ends) for ends in waiting.AGES]
KEYS = [waiting.age_key(*ends) for ends in waiting.AGES]
ROUNDS: list[Column[RoundRow]] = [
    Column("접수번호", lambda r: r.receipt_number),
    Column("기업명", lambda r: r.company),
    Column("운영기관", lambda r: r.agency),
    Column("회차", lambda r: r.number, kind="number"),
    Column("접수일시", lambda r: r.entered_at, kind="instant"),
    Column("처리일시", lambda r: r.decided_at, kind="instant"),
    Column("처리", lambda r: r.decision),
    Column("소요(영업일)", lambda r: r.waited_days, kind="number"),
    Column("처리한 사람", lambda r: r.who),
    Column("사유", lambda r: r.reasons),
]


@dataclass(frozen=True)
class Links:
    """Addresses of the lists behind the numbers; an agency's own staff need not name it."""

    days: int
    names_agency: bool

    def _agency(self, agency_id: int | None) -> dict[str, Any]:
        return {"agency": agency_id} if self.names_agency else {}

    def queue(self, figures: Figures, **fields: Any) -> str:
        fields = {"state": "screening"} | fields | self._agency(figures.agency_id)
        return url_for("console_screening.index_view", **fields)

    def decisions(self, figures: Figures, **fields: Any) -> str:
        fields = {"days": self.days} | fields | self._agency(figures.agency_id)
        return url_for("console_dashboard.decisions", **fields)


def tiles(stats: ScreeningStats, links: Links, *, promised: int) -> list[dict[str, str]]:
    total = stats.total
    period = f"최근 {stats.days}일"
    cells = [
        ("심사 대기", count(total.open, links.queue(total)), "지금 심사중인 건"),
        (f"{promised}영업일을 넘긴 심사", count(total.over, links.queue(total, late=1)), "약속한 기간 초과"),
        ("담당이 없는 심사", count(total.unassigned, links.queue(total, who="none")), "배정해 주세요"),
        ("심사보류", count(total.on_hold, links.queue(total, state="on_hold")), "기업의 보완을 기다림"),
        ("확정 후 변경된 기업", count(total.flagged, links.queue(total, state="flagged")), "확인이 필요함"),
        ("심사 기간 중앙값", days_cell(total.median_30), f"최근 30일 · 90일은 {days_text(total.median_90)}"),
        ("처리한 심사", count(total.decided, links.decisions(total)), period),
        ("반송", count(total.returned, links.decisions(total, returned=1)), f"{period}, 전문기관에서"),
    ]
    return [
        {"label": label, "value": cell.text, "hint": hint, "url": cell.url} for label, cell, hint in cells
    ]


def blocks(stats: ScreeningStats, links: Links, returned: list[RoundRow]) -> list[Block]:
    found = [_ages(stats, links), _trend(stats, links), _decisions(stats, links), _reasons(stats, links)]
    found += [_again(stats, links), _returned(stats, links, returned)]
    if stats.reviewers:
        found.append(_load(stats, links))
    return [_summary(stats, links), *found] if len(stats.agencies) > 1 else found


def _lines(stats: ScreeningStats) -> list[Figures]:
    """A line for each agency, and their sum where there are several."""
    return [*stats.agencies, stats.total] if len(stats.agencies) > 1 else stats.agencies


def _summary(stats: ScreeningStats, links: Links) -> Block:
    labels = ["심사 대기", "기간 초과", "담당 없음", "2회차 이상", "심사보류", "변경 확인"]
    medians = ["중앙값(30일)", "중앙값(90일)"]
    return Block(
        key="agencies",
        title="운영기관별 심사 현황",
        note="심사 기간은 접수(다시 제출한 건은 다시 제출)한 날부터 처리한 날까지의 영업일입니다.",
        heads=[Head("운영기관", "text"), *[Head(label) for label in labels + medians]],
        rows=[
            [
                Cell(f.name),
                count(f.open, links.queue(f)),
                count(f.over, links.queue(f, late=1)),
                count(f.unassigned, links.queue(f, who="none")),
                count(f.again, links.queue(f, again=1)),
                count(f.on_hold, links.queue(f, state="on_hold")),
                count(f.flagged, links.queue(f, state="flagged")),
                days_cell(f.median_30),
                days_cell(f.median_90),
            ]
            for f in _lines(stats)
        ],
        summed=True,
    )


def _ages(stats: ScreeningStats, links: Links) -> Block:
    about: dict[str, Any] = {
        "key": "ages",
        "title": "대기 기간 분포",
        "note": "심사중인 건이 접수한 뒤 기다린 영업일입니다.",
    }
    if len(stats.agencies) == 1:
        own = stats.agencies[0]
        rows = [
            [Cell(label), count(number, links.queue(own, age=key))]
            for label, key, number in zip(AGES, KEYS, own.ages, strict=True)
        ]
        chart = picture("histogram", list(zip(AGES, own.ages, strict=True)))
        return Block(
            **about, heads=[Head("기다린 영업일", "text"), Head("심사 대기")], rows=rows, chart=chart
        )
    rows = [
        [Cell(f.name), *[count(n, links.queue(f, age=key)) for n, key in zip(f.ages, KEYS, strict=True)]]
        for f in _lines(stats)
    ]
    chart = stacked(AGES, [(f.name, f.ages) for f in stats.agencies])
    heads = [Head("운영기관", "text"), *[Head(label) for label in AGES]]
    return Block(**about, heads=heads, rows=rows, chart=chart, summed=True)


def _trend(stats: ScreeningStats, links: Links) -> Block:
    several = len(stats.agencies) > 1
    heads = [Head("주(월요일)", "date"), *[Head(f.name) for f in stats.agencies]]
    heads = [*heads, Head("전체 중앙값")] if several else [heads[0], Head("중앙값(영업일)")]
    rows = []
    for week in stats.weeks:
        medians = [days_cell(week.medians.get(f.agency_id)) for f in _lines(stats)]
        decided = week.decided.get(None, 0)
        url = links.decisions(stats.total, week=week.monday.isoformat())
        rows.append([Cell(week.monday, f"{week.monday:%m.%d.}"), *medians, count(decided, url)])
    return Block(
        key="trend",
        title="주별 심사 기간 중앙값",
        note="그 주에 처리한 건이 걸린 영업일의 중앙값입니다.",
        heads=[*heads, Head("처리")],
        rows=rows,
        chart=_lines_of(stats),
    )


def _lines_of(stats: ScreeningStats) -> Chart:
    series, said, known = [], [], [0.0]
    for figures in stats.agencies:
        medians = [week.medians.get(figures.agency_id) for week in stats.weeks]
        series.append(
            {"label": figures.name, "values": medians, "texts": [days_text(one) for one in medians]}
        )
        known += [one for one in medians if one is not None]
        words = [
            f"{week.monday:%m.%d.} {days_text(median)}"
            for week, median in zip(stats.weeks, medians, strict=True)
            if median is not None
        ]
        said.append(f"{figures.name}: {', '.join(words) or '처리한 건 없음'}")
    return Chart(
        kind="line",
        description=f"{'; '.join(said)}.",
        ticks=[f"{week.monday:%m.%d.}" for week in stats.weeks],
        series=series,
        # A multiple of four: the four lines of the grid stand at whole days.
        top=max(math.ceil(max(known) / 4) * 4, 4) if len(known) > 1 else 0,
    )


def _decisions(stats: ScreeningStats, links: Links) -> Block:
    about: dict[str, Any] = {"key": "decisions", "title": f"최근 {stats.days}일의 처리 결과"}
    if len(stats.agencies) == 1:
        own = stats.agencies[0]
        rows = [
            [Cell(label), count(own.decisions[kind], links.decisions(own, decision=kind))]
            for kind, label in DECISIONS.items()
        ]
        chart = picture("bar", [(label, own.decisions[kind]) for kind, label in DECISIONS.items()])
        return Block(**about, heads=[Head("처리", "text"), Head("건수")], rows=rows, chart=chart)
    rows = [
        [
            Cell(f.name),
            *[count(f.decisions[kind], links.decisions(f, decision=kind)) for kind in DECISIONS],
            count(f.decided, links.decisions(f)),
            days_cell(f.median),
        ]
        for f in _lines(stats)
    ]
    chart = stacked(
        list(DECISIONS.values()),
        [(f.name, [f.decisions[kind] for kind in DECISIONS]) for f in stats.agencies],
    )
    heads = [Head("운영기관", "text"), *[Head(label) for label in DECISIONS.values()]]
    heads += [Head("합계"), Head("중앙값")]
    return Block(**about, heads=heads, rows=rows, chart=chart, summed=True)


def _reasons(stats: ScreeningStats, links: Links) -> Block:
    found = [reason for reason in stats.reasons if reason.decision == "hold"][:MOST_REASONS]
    labels = [
        screening_reasons.label(reason.code) if reason.code else "직접 입력한 사유만" for reason in found
    ]
    return Block(
        key="reasons",
        title="보류 사유",
        note="한 건에 사유가 여럿이면 사유마다 셉니다. 자주 나오는 사유는 안내문을 고치면 줄어듭니다.",
        heads=[Head("사유", "text"), Head("건수")],
        rows=[
            [
                Cell(label),
                count(
                    reason.number,
                    links.decisions(stats.total, decision="hold", code=reason.code or NO_CODE),
                ),
            ]
            for label, reason in zip(labels, found, strict=True)
        ],
        chart=picture("bar", [(label, reason.number) for label, reason in zip(labels, found, strict=True)]),
        empty="이 기간에 보류한 건이 없습니다.",
    )


def _again(stats: ScreeningStats, links: Links) -> Block:
    labels = ["보류", "그중 다시 제출", "재제출률", "2회차 이상 처리", "처리 중 비율"]
    return Block(
        key="again",
        title="재제출과 2회차 이상 심사",
        heads=[Head("운영기관", "text"), *[Head(label) for label in labels]],
        rows=[
            [
                Cell(f.name),
                count(f.held, links.decisions(f, decision="hold")),
                count(f.handed_in, links.decisions(f, decision="hold", handed_in=1)),
                percent(f.handed_in_percent),
                count(f.decided_again, links.decisions(f, again=1)),
                percent(f.again_percent),
            ]
            for f in _lines(stats)
        ],
        chart=stacked(
            ["다시 제출", "아직 기다림"],
            [(f.name, [f.handed_in, f.held - f.handed_in]) for f in stats.agencies],
        ),
        summed=len(stats.agencies) > 1,
    )


def _returned(stats: ScreeningStats, links: Links, rows: list[RoundRow]) -> Block:
    total = stats.total
    label = f"반송 {total.returned:,}건 모두 보기"
    return Block(
        key="returned",
        title="전문기관의 반송과 사유",
        note="심사확정한 건을 전문기관이 다시 심사하도록 돌려보낸 것입니다. 최근 것부터 보입니다.",
        heads=[
            Head("반송일시", "instant"),
            Head("기업", "text"),
            Head("운영기관", "text"),
            Head("사유", "text"),
        ],
        rows=[
            [
                Cell(row.entered_at, filters.kst_datetime(row.entered_at)),
                Cell(row.company, url=url_for("console_case.show", id=row.application_id)),
                Cell(row.agency),
                Cell(row.reasons),
            ]
            for row in rows
        ],
        empty="이 기간에 반송된 건이 없습니다.",
        more=(label, links.decisions(total, returned=1)) if total.returned > len(rows) else None,
    )


def _load(stats: ScreeningStats, links: Links) -> Block:
    own = stats.agencies[0]
    rows = [
        [
            Cell(one.name),
            Cell(one.role),
            count(one.open, links.queue(own, who=one.account_id)),
            count(one.over, links.queue(own, who=one.account_id, late=1)),
            count(one.decided_7, links.decisions(own, days=7, account=one.account_id)),
        ]
        for one in stats.reviewers
    ]
    rows.append(
        [
            Cell("담당 없음"),
            Cell(""),
            count(own.unassigned, links.queue(own, who="none")),
            Cell(None, "-"),
            Cell(None, "-"),
        ]
    )
    loads = [(one.name, [one.open - one.over, one.over, 0]) for one in stats.reviewers]
    loads.append(("담당 없음", [0, 0, own.unassigned]))
    return Block(
        key="load",
        title="심사원별 맡은 건",
        note="일을 나누기 위한 숫자이며 순위가 아닙니다. 이름 순서로 보입니다.",
        heads=[
            Head("심사원", "text"),
            Head("역할", "text"),
            Head("맡은 심사"),
            Head("기간 초과"),
            Head("최근 7일 처리"),
        ],
        rows=rows,
        chart=stacked(["약속한 기간 안", "기간 초과", "담당 없음"], loads),
    )
