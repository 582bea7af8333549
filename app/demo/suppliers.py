"""Thirteen suppliers join by themselves: eleven are selected, one waits, one mends what it handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from app import clock
from app.demo.accounts import PASSWORD
from app.demo.papers import paper
from app.demo.stage import Stage, business_day_after, instant
from app.demo.words import SUPPLIERS
from app.models.catalogue import Supplier
from app.models.companies import CompanyKind, DocumentKind, VerifiedAs
from app.models.numbers import complete_business_number
from app.models.people import VerificationPurpose
from app.policy import Actor
from app.workflows import accounts, supplier_signup, supplier_signup_submit, suppliers, verification
from app.workflows.supplier_terms import SUPPLIER_TERMS

OPENED = date(2020, 2, 3)
BANKS = ("088", "004", "020", "081", "011", "003")
# The last supplier still waits for its selection, so that there is one to decide.
WAITING = len(SUPPLIERS) - 1
FULL_MAILBOX = 4
"""The place of the supplier whose mail comes back, so that there is something to send again."""
CAME, CAME_LATER, SENT_BACK = date(2020, 11, 11), date(2020, 11, 9), date(2020, 11, 12)


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    place: int
    name: str
    introduction: str
    business_number: str
    representative: str
    address: str
    day: date

    @property
    def kind(self) -> CompanyKind:
        return CompanyKind.CORPORATE if "주식회사" in self.name else CompanyKind.SOLE

    @property
    def login(self) -> str:
        return f"supplier{self.place + 1}"


def join_all(stage: Stage) -> list[Actor]:
    """Those that sell first, in order; then the one that waits, and the one that mends."""
    people = [_join(stage, _newcomer(stage, place)) for place in range(len(SUPPLIERS))]
    people.append(_join(stage, _LATE))
    decider = stage.staff["programme"]
    for place, person in enumerate(people[:WAITING]):
        with clock.at(instant(business_day_after(_opened(place), 2), 14)):
            suppliers.select_supplier(actor=decider, supplier_id=person.supplier_id or 0)
    with clock.at(instant(SENT_BACK, 15, 20)):
        suppliers.ask_supplement(
            actor=decider,
            supplier_id=people[-1].supplier_id or 0,
            codes=["clearance_expired", "supplier_address"],
            reason="등기부등본의 본점 소재지로 고쳐 주세요.",
            marks=["address", DocumentKind.TAX_CLEARANCE.value],
        )
    return people


def _opened(place: int) -> date:
    return business_day_after(OPENED, place // 4 + 1)


def _newcomer(stage: Stage, place: int) -> Newcomer:
    name, introduction = SUPPLIERS[place]
    return Newcomer(
        place=place,
        name=name,
        introduction=introduction,
        business_number=stage.words.business_number(corporate="주식회사" in name),
        representative=stage.words.person(),
        address=stage.words.address(),
        day=CAME if place == WAITING else _opened(place),
    )


_LATE = Newcomer(
    place=len(SUPPLIERS),
    name="주식회사 온라인서재",
    introduction="임직원이 함께 읽는 전자책과 독서모임을 제공합니다.",
    business_number=complete_business_number("905810013"),
    representative="문서연",
    address="서울특별시 마포구 와우산로 12",
    day=CAME_LATER,
)


def _mailbox(place: int) -> str:
    return "full" if place == FULL_MAILBOX else f"sales{place + 1}"


def _join(stage: Stage, one: Newcomer) -> Actor:
    with clock.at(instant(one.day, 9 + one.place % 4, one.place * 7 % 60)):
        token = _verified(stage, one)
        supplier_signup.set_account(token=token, login=one.login, password=PASSWORD)
        details = {
            "kind": one.kind,
            "business_number": one.business_number,
            "name": one.name,
            "representative": one.representative,
            "phone": f"02-{3400 + one.place * 37}-{1200 + one.place * 11}",
            "email": f"{_mailbox(one.place)}@example.kr",
            "address": one.address,
            "introduction": one.introduction,
        }
        supplier_signup.set_details(token=token, details=details)
        supplier_signup.set_bank(
            token=token,
            bank_code=BANKS[one.place % len(BANKS)],
            account_number=f"{110 + one.place}{20200000 + one.place * 7}1",
            account_holder=one.name,
        )
        for kind in supplier_signup.required_documents(supplier_signup.load(token=token)):
            supplier_signup.attach_document(
                token=token, kind=kind, file_name=f"{kind.label}.pdf", content=_paper(kind, one)
            )
        supplier: Supplier = supplier_signup_submit.submit(token=token)
    account = accounts.find(one.login)
    if account is None:
        raise LookupError(one.login)
    actor = account.actor()
    stage.suppliers[supplier.id] = actor
    return actor


def _verified(stage: Stage, one: Newcomer) -> str:
    """An application with its terms agreed to and its representative verified; its token."""
    phone = f"010{7100 + one.place}{3300 + one.place * 17}"
    asked = verification.request(
        purpose=VerificationPurpose.SIGN_UP,
        name=one.representative,
        birth7=f"7{one.place % 10}0{1 + one.place % 9}1{one.place % 10}1",
        carrier="KT",
        phone=phone,
    )
    verification.confirm(token=asked.token, code=stage.code_sent_to(phone))
    token = supplier_signup.begin().token
    supplier_signup.accept_terms(token=token, accepted=[term.key for term in SUPPLIER_TERMS])
    supplier_signup.attach_verification(
        token=token, verification_token=asked.token, verified_as=VerifiedAs.REPRESENTATIVE
    )
    return token


def _paper(kind: DocumentKind, one: Newcomer) -> bytes:
    """The registration names its company; the other papers are alike, and drawn once."""
    if kind is not DocumentKind.BUSINESS_REGISTRATION:
        return _blank(kind)
    number = f"사업자등록번호: {one.business_number}"
    return paper(kind.label, [f"상호: {one.name}", number, f"대표자: {one.representative}", one.address])


@cache
def _blank(kind: DocumentKind) -> bytes:
    return paper(kind.label, ["위 기업에 대하여 증명합니다."])
