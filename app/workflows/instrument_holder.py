"""본인인증 of a company that K-Startup named: in whose name its personal check card is issued (R-INS-4).

Whoever signs up on the platform passes 본인인증 on the way; a company out of K-Startup's file does not, and
the code of '비밀번호 찾기' is ours: it proves a phone and no person. So it makes up for it before that card
(R-KST-2, R-KST-3).
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, VerifiedAs
from app.models.people import Verification, VerificationPurpose
from app.policy import Actor, Permission
from app.workflows import applications, company_edits, record, signup, verification


def staff_may_verify(application: Application, /) -> bool:
    """A staff member's 가입자 명부 comes with '사업 신청' (R-JOIN-2); later nobody would look at it."""
    return application.state is ApplicationState.NOT_APPLIED


def verify_person(*, actor: Actor, verification_token: str, verified_as: VerifiedAs) -> Company:
    """Join the finished 본인인증, once.

    Raises Denied, NotFound, Conflict `company.verified`, `verification.not_verified`, InvalidInput
    `company.verified_name`, `company.verified_as`; Ineligible `company.representative_taken`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    try:
        with transaction():
            application = lock(Application, applications.own(actor=actor).id)
            company = lock(Company, application.company_id)
            if company.verified_name:
                raise Conflict("company.verified", "이미 본인인증을 마쳤습니다. 발급을 이어서 진행해 주세요.")
            person = verification.finished(token=verification_token, purpose=VerificationPurpose.SIGN_UP)
            _check(application, company, person, verified_as)
            _join(company, person, verified_as, actor)
            return company
    except IntegrityError as error:
        text = "이 대표자로 이미 가입한 수요기업이 있습니다. 콜센터에 문의해 주세요."
        raise InvalidInput("company.representative_taken", text) from error


def _check(application: Application, company: Company, person: Verification, verified_as: VerifiedAs) -> None:
    if verified_as is VerifiedAs.STAFF:
        if not staff_may_verify(application):
            raise InvalidInput(
                "company.verified_as",
                "사업을 신청한 뒤에는 대표자만 본인인증할 수 있습니다. 대표자의 휴대폰으로 인증해 주세요.",
            )
        return
    if person.name != company.representative:
        raise InvalidInput(
            "company.verified_name",
            "본인인증한 이름과 등록된 대표자명이 다릅니다. 대표자의 휴대폰으로 인증하거나, 대표자명이 잘못 "
            "등록되었다면 기업정보에서 고치거나 운영기관에 문의해 주세요.",
        )
    signup.refuse_second_company(company.programme_id, person)


def _join(company: Company, person: Verification, verified_as: VerifiedAs, actor: Actor) -> None:
    change = {
        "verified_name": (None, person.name),
        "verified_as": (None, verified_as),
        "phone": tuple(company_edits.mask("phone", number) for number in (company.phone, person.phone)),
    }
    company.verified_name, company.verified_as = person.name, verified_as
    company.phone, company.phone_index = person.phone, company_edits.phone_index(person.phone)
    if verified_as is VerifiedAs.REPRESENTATIVE:
        company.representative_ci, company.representative_ci_index = person.ci, person.ci_index
    person.used_at = clock.real_now()
    db.session.flush()
    record.write("company", company.id, "verify_person", actor=actor, change=change)
