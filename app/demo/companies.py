"""Two hundred companies on every step of the way: some sign up, the others come from K-Startup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from io import BytesIO

from openpyxl import Workbook

from app import clock
from app.demo import accounts as logins
from app.demo.papers import paper
from app.demo.stage import PREPARER, Stage, business_day_after, instant
from app.demo.words import HOLD, INDUSTRIES, REJECT
from app.models.applications import Application
from app.models.companies import CompanyKind, DocumentKind, VerifiedAs
from app.models.people import VerificationPurpose
from app.models.vouchers import InstrumentKind
from app.policy import Actor
from app.workflows import (
    accounts,
    applications,
    budget,
    company_edits,
    intake,
    signup,
    signup_submit,
    verification,
)
from app.workflows.terms import TERMS

# Fate of a sign-up -> how many, and the first and last day on which they come.
FATES: dict[str, tuple[int, date, date]] = {
    "approved": (8, date(2020, 9, 14), date(2020, 11, 3)),
    "screened": (4, date(2020, 11, 3), date(2020, 11, 6)),
    "rejected": (2, date(2020, 10, 12), date(2020, 10, 30)),
    "held": (4, date(2020, 11, 2), date(2020, 11, 6)),
    "resubmitted": (2, date(2020, 10, 28), date(2020, 11, 5)),
    "screening": (8, date(2020, 11, 6), date(2020, 11, 12)),
}
# Selection day in the file -> rows with an instrument, rows without. The first are of an early round.
KSTARTUP: dict[date, tuple[int, int]] = {
    date(2020, 3, 9): (3, 0),
    date(2020, 10, 12): (52, 44),
    date(2020, 11, 2): (38, 35),
}
HEADING = (
    "아이디", "기업명", "기업구분", "사업자등록번호", "대표자명",
    "휴대폰번호", "이메일", "운영기관", "선정일", "결제수단",
)  # fmt: skip
SPECIAL = {
    ("approved", 0): logins.DEMAND,
    ("approved", 7): logins.DEMAND_FRESH,
    ("held", 0): logins.DEMAND_HELD,
}
CARDS = (InstrumentKind.PERSONAL_CHECK, InstrumentKind.PERSONAL_CHECK, InstrumentKind.ZEROPAY)


@dataclass
class Joined:
    """A company that signed up, as the later scenes need it."""

    actor: Actor
    company_id: int
    application_id: int
    agency_id: int
    phone: str
    fate: str
    submitted: date
    kind: InstrumentKind


@dataclass
class Buyer:
    """A company with a voucher, as the deals need it."""

    actor: Actor
    kind: InstrumentKind
    phone: str
    """To which the card company sends its codes."""
    ready: date
    """The day on which the voucher was there."""


@dataclass(frozen=True, kw_only=True)
class Startup:
    """A row of K-Startup's file; without an instrument it has still to apply (R-KST-3)."""

    login: str
    name: str
    corporate: bool
    business_number: str
    representative: str
    phone: str
    agency: str
    kind: InstrumentKind | None

    def cells(self, selected: date) -> tuple[str, ...]:
        """As HEADING has them."""
        return (
            self.login,
            self.name,
            "법인" if self.corporate else "개인",
            self.business_number,
            self.representative,
            self.phone,
            f"{self.login}@example.kr",
            self.agency,
            f"{selected:%Y-%m-%d}",
            self.kind.label if self.kind else "",
        )


def join_all(stage: Stage) -> list[Buyer]:
    """Sign-ups in the order of their fates, then K-Startup's files; those who have a voucher in the end."""
    agencies = [agency.id for agency in signup.agencies()]
    joined = []
    for fate, (number, first, last) in FATES.items():
        for place in range(number):
            day = first + (last - first) * place // max(number - 1, 1)
            joined.append(_sign_up(stage, fate, place, business_day_after(day, 1), agencies))
    _screen(stage, joined)
    _confirm_budgets(stage, joined)
    buyers = [
        Buyer(one.actor, one.kind, one.phone, business_day_after(one.submitted, 5))
        for one in joined
        if one.fate == "approved"
    ]
    for selected, (chosen, unchosen) in KSTARTUP.items():
        buyers += _take_in(stage, selected, chosen, unchosen)
    stage.counts["수요기업"] = len(joined) + sum(map(sum, KSTARTUP.values()))
    return buyers


def _sign_up(stage: Stage, fate: str, place: int, day: date, agencies: list[int]) -> Joined:
    words = stage.words
    corporate = place % 3 != 0
    representative, phone = words.person(), words.mobile()
    number = words.business_number(corporate=corporate)
    name = words.company(corporate=corporate)
    special = SPECIAL.get((fate, place))
    login = special.login if special else f"{fate}{place + 1:02}"
    agency = agencies[0] if special else agencies[(place + len(fate)) % len(agencies)]
    with clock.at(instant(day, 9 + place % 8, place * 7 % 60)):
        asked = verification.request(
            purpose=VerificationPurpose.SIGN_UP,
            name=representative,
            birth7=words.birth(),
            carrier="SKT",
            phone=phone,
        )
        verification.confirm(token=asked.token, code=stage.code_sent_to(phone))
        token = signup.begin().token
        signup.accept_terms(token=token, accepted=[term.key for term in TERMS])
        signup.attach_verification(
            token=token, verification_token=asked.token, verified_as=VerifiedAs.REPRESENTATIVE
        )
        signup.set_account(token=token, login=login, password=logins.PASSWORD)
        signup.set_details(
            token=token,
            details={
                "name": name,
                "kind": CompanyKind.CORPORATE if corporate else CompanyKind.SOLE,
                "business_number": number,
                "representative": representative,
                "email": f"{login}@example.kr",
                "address": words.address(),
                "industry": words.pick(INDUSTRIES),
            },
        )
        signup.set_contact(
            token=token, contact={"same_as_representative": True, "contact_email": f"{login}@example.kr"}
        )
        lines = [f"상호: {name}", f"사업자등록번호: {number}", f"대표자: {representative}"]
        for kind in signup.required_documents(signup.load(token=token)):
            signup.attach_document(
                token=token, kind=kind, file_name=f"{kind.label}.pdf", content=_paper(kind, lines)
            )
        kind_of_payment = InstrumentKind.PERSONAL_CHECK if special else CARDS[place % 3]
        signup.set_instrument(token=token, kind=kind_of_payment)
        signup.set_agency(token=token, agency_id=agency)
        application: Application = signup_submit.submit(token=token, ip=None)
    account = accounts.find(login)
    if account is None:
        raise LookupError(login)
    return Joined(
        account.actor(), application.company_id, application.id, agency, phone, fate, day, kind_of_payment
    )


def _paper(kind: DocumentKind, lines: list[str]) -> bytes:
    """The registration names its company; the other papers are alike, and drawn once."""
    if kind is DocumentKind.BUSINESS_REGISTRATION:
        return paper(kind.label, lines)
    return _blank(kind)


@cache
def _blank(kind: DocumentKind) -> bytes:
    return paper(kind.label, ["위 기업에 대하여 증명합니다."])


def _screen(stage: Stage, joined: list[Joined]) -> None:
    for place, one in enumerate(joined):
        reviewer = stage.reviewer_of(one.agency_id)
        decided = business_day_after(one.submitted, 1 + place % 3)
        with clock.at(instant(decided, 10 + place % 7, place * 11 % 60)):
            if one.fate in ("approved", "screened"):
                applications.screen(actor=reviewer, application_id=one.application_id)
            elif one.fate in ("held", "resubmitted"):
                code, words, marks = HOLD[place % len(HOLD)]
                applications.hold(
                    actor=reviewer,
                    application_id=one.application_id,
                    codes=[code],
                    reason=words,
                    marks=marks,
                )
            elif one.fate == "rejected":
                code = REJECT[place % len(REJECT)]
                applications.reject(
                    actor=reviewer, application_id=one.application_id, codes=[code], reason=""
                )
        if one.fate == "resubmitted":
            with clock.at(instant(business_day_after(decided, 1), 16)):
                _mend(stage, one)
                applications.resubmit(actor=one.actor)


def _mend(stage: Stage, one: Joined) -> None:
    """A new tax clearance and another address: what was asked for, and in one case something else."""
    kind = DocumentKind.TAX_CLEARANCE
    company_edits.replace_document(
        actor=one.actor, kind=kind, file_name=f"{kind.label} (재발급).pdf", content=_paper(kind, [])
    )
    company_edits.edit(actor=one.actor, changes={"address": stage.words.address()})


def _confirm_budgets(stage: Stage, joined: list[Joined]) -> None:
    """The budget officer confirms in bulk, some days after each other."""
    days: dict[date, list[int]] = {}
    for one in joined:
        if one.fate == "approved":
            days.setdefault(business_day_after(one.submitted, 5), []).append(one.application_id)
    for day, ids in sorted(days.items()):
        with clock.at(instant(day, 16, 30)):
            budget.confirm(actor=stage.staff["budget"], application_ids=ids)


def _take_in(stage: Stage, selected: date, chosen: int, unchosen: int) -> list[Buyer]:
    """A file as K-Startup sends it; returns those who chose an instrument."""
    agencies = [agency.name for agency in signup.agencies()]
    rows, instruments = [], dict[str, InstrumentKind]()
    for place in range(chosen + unchosen):
        corporate = place % 4 != 0
        login = f"ks{selected:%m%d}{place + 1:03}"
        phone = stage.words.mobile()
        if place < chosen:
            instruments[login] = CARDS[place % 3]
        rows.append(
            Startup(
                login=login,
                name=stage.words.company(corporate=corporate),
                corporate=corporate,
                business_number=stage.words.business_number(corporate=corporate),
                representative=stage.words.person(),
                phone=phone,
                agency=agencies[place % len(agencies)],
                kind=instruments.get(login),
            )
        )
    return take_file(stage, selected, rows)


def take_file(stage: Stage, selected: date, rows: list[Startup]) -> list[Buyer]:
    """The file previewed and confirmed the day after; the rows with an instrument are buyers then."""
    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise LookupError("a new workbook has no sheet")
    sheet.append(HEADING)
    for row in rows:
        sheet.append(row.cells(selected))
    content = BytesIO()
    book.save(content)
    with clock.at(instant(selected + timedelta(days=1), 11)):
        seen = intake.preview(
            actor=PREPARER,
            programme_id=stage.programme.id,
            file_name=f"kstartup_{selected:%Y%m%d}.xlsx",
            content=content.getvalue(),
        )
        intake.confirm(actor=PREPARER, intake_id=seen.id)
    ready = selected + timedelta(days=1)
    return [Buyer(_actor(row.login), row.kind, row.phone, ready) for row in rows if row.kind is not None]


def _actor(login: str) -> Actor:
    account = accounts.find(login)
    if account is None:
        raise LookupError(login)
    return account.actor()
