"""공급기업 홈: what runs out first, what to do next, and where the money is."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from app import clock
from app.access import current_actor, needs
from app.models.catalogue import OfferingState, Supplier, SupplierState
from app.policy import Permission
from app.portal.supply.numbers import write_span
from app.portal.supply.root import blueprint
from app.workflows import (
    deals_reads,
    offerings_reads,
    questions_reads,
    settlement_supplier,
    supplier_numbers,
    suppliers,
    threads_reads,
    usage_reads,
    usage_rows,
)
from app.workflows.deals_reads import DealRow, DealTab

MOST_URGENT = 5


class Task(NamedTuple):
    """다음 할 일: what, and where it is done."""

    text: str
    label: str = ""
    url: str = ""


@blueprint.get("")
@needs(Permission.SUPPLIER_VIEW)
def home() -> ResponseReturnValue:
    actor = current_actor()
    supplier = suppliers.mine(actor=actor)
    consulting, billed = (
        deals_reads.by_deadline(actor=actor, tab=tab, size=MOST_URGENT)
        for tab in (DealTab.CONSULTING, DealTab.BILLED)
    )
    counts = deals_reads.tab_counts(actor=actor)
    offered = offerings_reads.own_counts(actor=actor)
    return render_template(
        "portal/supply/home.html",
        supplier=supplier,
        tasks=[
            *_about_the_supplier(supplier),
            *_messages(threads_reads.waiting(actor=actor)),
            *_questions(questions_reads.open_count(actor=actor)),
            *_to_do(consulting, counts, offered),
            *_usage(usage_reads.missing(actor=actor)),
        ],
        consulting=consulting,
        billed=billed,
        tabs=DealTab,
        counts=counts,
        offered=offered,
        numbers=supplier_numbers.numbers(actor=actor).total,
        write_span=write_span,
        totals=settlement_supplier.supplier_totals(actor=actor),
        now=clock.now(),
    )


def _questions(waiting: int) -> list[Task]:
    """R-CAT-3"""
    if not waiting:
        return []
    text = f"서비스 문의 {waiting:,}건에 답변해 주세요. 답변은 서비스 화면에 표시됩니다."
    return [Task(text, "서비스 문의", url_for("supply.questions"))]


def _about_the_supplier(supplier: Supplier) -> list[Task]:
    """What keeps it from selling or from being paid."""
    profile = url_for("supply.profile")
    if supplier.state is SupplierState.SUPPLEMENT:
        return [Task("신청 내용을 보완해서 다시 제출해 주세요.", "기업정보·계좌", profile)]
    if supplier.state is SupplierState.SCREENING:
        text = "전문기관이 공급기업 신청을 심사하고 있습니다. 선정되면 서비스 승인을 요청할 수 있습니다."
        return [Task(text)]
    if supplier.state is SupplierState.SUSPENDED:
        text = (
            "판매가 정지되어 새 거래상담을 받을 수 없습니다. 진행 중인 거래는 그대로 답변하고 결제요청을 "
            "보낼 수 있습니다."
        )
        return [Task(text, "사유 보기", profile)]
    if supplier.state is not SupplierState.SELECTED:
        text = f"현재 ‘{supplier.state.label}’ 상태라서 서비스를 판매할 수 없습니다."
        return [Task(text, "사유 보기", profile)]
    if supplier.account_number is None:
        return [Task("정산 계좌를 등록해 주세요. 계좌가 확인되어야 대금을 받습니다.", "계좌 등록", profile)]
    if supplier.account_verified_at is None:
        text = "정산 계좌를 전문기관이 확인하고 있습니다. 확인되기 전에는 대금이 지급되지 않습니다."
        return [Task(text, "계좌 보기", profile)]
    return []


def _messages(waiting: int) -> list[Task]:
    if not waiting:
        return []
    return [Task(f"새 메시지가 온 거래가 {waiting:,}건 있습니다.", "메시지 보기", url_for("supply.messages"))]


def _usage(missing: dict[date, int]) -> list[Task]:
    """Reports of months that have ended (R-SET-1a)."""
    if not missing:
        return []
    oldest, count = min(missing), sum(missing.values())
    address = url_for("supply.usage", month=f"{oldest:%Y-%m}", only="missing")
    month = usage_rows.write_month(oldest)
    text = f"{month} 이용실적 {count:,}건을 제출해 주세요."
    if len(missing) > 1:
        text = f"미제출한 이용실적 {count:,}건을 제출해 주세요. 가장 오래된 것은 {month}입니다."
    return [Task(text, "이용실적 제출", address)]


def _to_do(
    consulting: list[DealRow], counts: dict[DealTab, int], offered: dict[OfferingState, int]
) -> list[Task]:
    tasks = []
    open_rows = [row for row in consulting if not row.late]
    if open_rows:
        first = open_rows[0].deal
        asked = f"거래상담 {counts[DealTab.CONSULTING]}건에 답변해 주세요."
        text = f"{asked} 가장 급한 것은 {first.company.name}의 요청입니다."
        tasks.append(Task(text, "답변하기", url_for("supply.deal", deal_id=first.id)))
    if waiting := counts[DealTab.ACCEPTED]:
        address = url_for("supply.deals", tab=DealTab.ACCEPTED.value)
        tasks.append(Task(f"수락한 거래 {waiting}건에 결제요청을 보내 주세요.", "거래수락 목록", address))
    if returned := offered[OfferingState.RETURNED]:
        address = url_for("supply.services", state=OfferingState.RETURNED.value)
        text = f"반려된 서비스 {returned}건을 고쳐서 다시 승인을 요청해 주세요."
        tasks.append(Task(text, "반려 목록", address))
    if drafts := offered[OfferingState.DRAFT]:
        address = url_for("supply.services", state=OfferingState.DRAFT.value)
        text = f"작성 중인 서비스 {drafts}건을 마치고 승인을 요청해 주세요."
        tasks.append(Task(text, "작성중 목록", address))
    if not any(offered.values()):
        tasks.append(Task("판매할 서비스를 등록해 주세요.", "서비스 등록", url_for("supply.new_service")))
    return tasks
