"""The sixty services of the demonstration: registered, reviewed and approved by the verbs (R-CAT-5)."""

from __future__ import annotations

from datetime import date
from functools import cache

from app import clock
from app.demo.papers import paper
from app.demo.pictures import picture
from app.demo.stage import Stage, business_day_after, instant
from app.models.catalogue import Offering, OfferingFileKind
from app.policy import Actor
from app.workflows import offering_files, offering_review, offering_versions, offerings
from app.workflows.attachments import Incoming
from app.workflows.offering_versions import PlanInput

FIRST_WRITTEN = date(2020, 2, 13)
# Of the services: two wait for approval, one was sent back, one is suspended, one stopped by its supplier.
IN_REVIEW, SENT_BACK, SUSPENDED, STOPPED = {58: date(2020, 11, 11), 59: date(2020, 11, 13)}, 57, 56, 55
# Of those on sale, one sells at its second prices; of another the second prices wait.
RAISED, RAISED_ON = 4, date(2020, 2, 27)
ASKED, ASKED_ON = 3, date(2020, 11, 12)
PRICE_LIST = "홈페이지 가격표.pdf"
PICTURE = "대표 이미지.png"
BROCHURE = "서비스 소개.pdf"
KIND = OfferingFileKind

Service = tuple[str, str, str, int]
"""Name, summary, keywords, price of the year's plan in won."""


def put_on_offer(
    stage: Stage, place: int, seller: Actor, category: tuple[str, int], row: Service
) -> Offering | None:
    """Write a service and have it decided; returns it where it is on sale in the end."""
    written = IN_REVIEW.get(place) or business_day_after(FIRST_WRITTEN, place // 10)
    with clock.at(instant(written, 9 + place % 8, place % 60)):
        offering_id = _written(seller, category, row, own_list=place in IN_REVIEW)
    if place in IN_REVIEW:
        return None
    with clock.at(instant(business_day_after(written, 2), 15, place % 60)):
        offering = _decided(stage, place, seller, offering_id)
    if place == RAISED:
        _raise(seller, offering_id, row, RAISED_ON)
        with clock.at(instant(business_day_after(RAISED_ON, 2), 11)):
            offering_review.accept_price(
                actor=stage.staff["programme"], offering_id=offering_id, checks=_all(offering_review.PRICE)
            )
    if place == ASKED:
        _raise(seller, offering_id, row, ASKED_ON)
    return offering


def _written(seller: Actor, category: tuple[str, int], row: Service, *, own_list: bool) -> int:
    name, summary, keywords, price = row
    plans = _plans(price)
    proof = _price_list(name, plans) if own_list else _common_list()
    draft = offerings.create_draft(
        actor=seller,
        category_id=category[1],
        name=name,
        summary=summary,
        description=f"{summary}입니다.\n도입 상담부터 설치, 교육, 이용 지원까지 담당자가 함께합니다.\n"
        "이용 기간에는 전화와 화상으로 문의할 수 있습니다.",
        keywords=keywords.split(","),
        plans=plans,
        files=[(KIND.PICTURE, _picture(category[0])), (KIND.BROCHURE, _brochure()), (KIND.EVIDENCE, proof)],
    )
    offerings.submit(actor=seller, offering_id=draft.id)
    return draft.id


def _decided(stage: Stage, place: int, seller: Actor, offering_id: int) -> Offering | None:
    decider = stage.staff["programme"]
    if place == SENT_BACK:
        offering_review.send_back(
            actor=decider,
            offering_id=offering_id,
            codes=["evidence_lacking"],
            reason="견적서를 첨부해 주세요.",
            checks=["category", "remote", "words", "picture"],
        )
        return None
    offering = offering_review.approve(
        actor=decider, offering_id=offering_id, checks=_all(offering_review.NEW)
    )
    if place == SUSPENDED:
        reason = "설명과 다른 서비스를 제공한다는 신고가 있어 확인하고 있습니다."
        offering_review.suspend(actor=decider, offering_id=offering_id, reason=reason)
        return None
    if place == STOPPED:
        offerings.stop(actor=seller, offering_id=offering_id)
        return None
    return offering


def _raise(seller: Actor, offering_id: int, row: Service, day: date) -> None:
    """Ask for prices that are a tenth higher, on their own price list."""
    name, _, _, price = row
    plans = _plans(price * 11 // 10 // 1000 * 1000)
    with clock.at(instant(day, 14)):
        offering_versions.propose_plans(
            actor=seller, offering_id=offering_id, plans=plans, evidence=[_price_list(name, plans)]
        )


def _all(kind: str) -> list[str]:
    return [check.name for check in offering_review.checklist(kind)]


@cache
def _picture(category: str) -> Incoming:
    return offering_files.take_in(kind=KIND.PICTURE, file_name=PICTURE, content=picture(category))


@cache
def _brochure() -> Incoming:
    lines = ["도입 상담", "설치와 교육", "이용 지원", "자세한 내용은 서비스 상세 화면에 있습니다."]
    return offering_files.take_in(kind=KIND.BROCHURE, file_name=BROCHURE, content=paper("서비스 소개", lines))


@cache
def _common_list() -> Incoming:
    """Of most services: drawn and kept once."""
    lines = ["요금은 서비스 상세 화면의 요금제와 같습니다.", "부가가치세 포함"]
    return offering_files.take_in(
        kind=KIND.EVIDENCE, file_name=PRICE_LIST, content=paper("서비스 가격표", lines)
    )


def _price_list(name: str, plans: list[PlanInput]) -> Incoming:
    lines = [name, *[f"{plan.name}: {plan.price:,}원 ({plan.unit})" for plan in plans], "부가가치세 포함"]
    return offering_files.take_in(
        kind=KIND.EVIDENCE, file_name=PRICE_LIST, content=paper("서비스 가격표", lines)
    )


def _plans(price: int) -> list[PlanInput]:
    """A half year, a year, and a year for larger teams; prices in round thousands of won."""
    half = price * 55 // 100 // 1000 * 1000
    team = price * 18 // 10 // 1000 * 1000
    return [
        PlanInput(name="기본 6개월", price=half, unit="6개월", period_months=6),
        PlanInput(name="기본 1년", price=price, unit="1년", period_months=12),
        PlanInput(name="팀 1년", price=min(team, 4_000_000), unit="1년", period_months=12),
    ]
