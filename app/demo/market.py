"""Twelve suppliers and their sixty services, registered, screened and approved by the verbs."""

from __future__ import annotations

from datetime import date

from app import clock
from app.demo.accounts import PASSWORD
from app.demo.stage import ACCOUNT_KEEPER, PREPARER, Stage, business_day_after, instant
from app.demo.words import SERVICES, SUPPLIERS
from app.models.catalogue import Offering, Supplier
from app.policy import Actor, Role
from app.workflows import accounts, offerings, programmes, suppliers

OPENED = date(2020, 2, 3)
BANKS = ("088", "004", "020", "081", "011", "003")
# The last supplier still waits for its selection, so that there is one to decide.
WAITING = len(SUPPLIERS) - 1
# Of the services: two wait for approval, one was sent back, one is suspended.
IN_REVIEW, SENT_BACK, SUSPENDED = {58, 59}, 57, 56


def open_market(stage: Stage) -> list[Offering]:
    """Suppliers first, then services; returns those on sale."""
    people = [_supplier(stage, place) for place in range(len(SUPPLIERS))]
    sellers = people[:WAITING]
    categories = {category.code: category.id for category in programmes.categories()}
    rows = [(code, row) for code, services in SERVICES.items() for row in services]
    on_sale = []
    for place, (code, row) in enumerate(rows):
        seller = sellers[place % len(sellers)]
        offering = _service(stage, place, seller, categories[code], row)
        if offering is not None:
            on_sale.append(offering)
    stage.counts |= {"공급기업": len(people), "서비스": len(rows)}
    return on_sale


def _supplier(stage: Stage, place: int) -> Actor:
    name, introduction = SUPPLIERS[place]
    day = business_day_after(OPENED, place // 4 + 1)
    with clock.at(instant(day, 9 + place % 4)):
        supplier: Supplier = suppliers.register(
            actor=PREPARER,
            name=name,
            business_number=stage.words.business_number(corporate=True),
            representative=stage.words.person(),
            phone=f"02-{3400 + place * 37}-{1200 + place * 11}",
            email=f"sales{place + 1}@example.kr",
            address=stage.words.address(),
            introduction=introduction,
            bank_code=BANKS[place % len(BANKS)],
            account_number=f"{110 + place}{20200000 + place * 7}1",
            account_holder=name,
        )
        login = f"supplier{place + 1}"
        account = accounts.create(
            actor=ACCOUNT_KEEPER,
            login=login,
            password=PASSWORD,
            role=Role.SUPPLIER,
            name=f"{name} 담당자",
            supplier_id=supplier.id,
        )
    actor = account.actor()
    stage.suppliers[supplier.id] = actor
    if place != WAITING:
        with clock.at(instant(business_day_after(day, 2), 14)):
            suppliers.select_supplier(actor=stage.staff["programme"], supplier_id=supplier.id)
            suppliers.verify_account(actor=stage.staff["programme"], supplier_id=supplier.id)
    return actor


def _service(
    stage: Stage, place: int, seller: Actor, category_id: int, row: tuple[str, str, str, int]
) -> Offering | None:
    name, summary, keywords, price = row
    written = business_day_after(OPENED, 8 + place // 10)
    with clock.at(instant(written, 9 + place % 8, place % 60)):
        draft = offerings.create_draft(
            actor=seller,
            category_id=category_id,
            name=name,
            summary=summary,
            description=f"{summary}입니다.\n도입 상담부터 설치, 교육, 이용 지원까지 담당자가 함께합니다.\n"
            "이용 기간에는 전화와 화상으로 문의할 수 있습니다.",
            keywords=keywords.split(","),
            plans=_plans(price),
        )
        offerings.submit(actor=seller, offering_id=draft.id)
    decider = stage.staff["programme"]
    with clock.at(instant(business_day_after(written, 2), 15, place % 60)):
        if place in IN_REVIEW:
            return None
        if place == SENT_BACK:
            reason = "가격 산출 근거가 없습니다. 견적서를 첨부해 주세요."
            offerings.send_back(actor=decider, offering_id=draft.id, reason=reason)
            return None
        offering = offerings.approve(actor=decider, offering_id=draft.id)
        if place == SUSPENDED:
            offerings.suspend(actor=decider, offering_id=draft.id, reason="서비스 개편으로 판매를 멈춥니다.")
            return None
        return offering


def _plans(price: int) -> list[offerings.PlanInput]:
    """A half year, a year, and a year for larger teams; prices in round thousands of won."""
    half = price * 55 // 100 // 1000 * 1000
    team = price * 18 // 10 // 1000 * 1000
    return [
        offerings.PlanInput(name="기본 6개월", price=half, unit="6개월", period_months=6),
        offerings.PlanInput(name="기본 1년", price=price, unit="1년", period_months=12),
        offerings.PlanInput(name="팀 1년", price=min(team, 4_000_000), unit="1년", period_months=12),
    ]
