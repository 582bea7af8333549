"""Joining of suppliers, by the verbs (R-SUP-1, R-SET-1; as R-JOIN-1 to R-JOIN-4 and R-JOIN-8)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import crypto
from app.db import db
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Supplier, SupplierState
from app.models.companies import CompanyKind, Document, DocumentKind, VerifiedAs
from app.models.people import Account, Verification
from app.models.record import AuditRow, Notice
from app.policy import Role
from app.workflows import (
    accounts,
    attachments,
    signup_take_up,
    supplier_accounts,
    supplier_papers,
    supplier_signup,
    supplier_signup_submit,
    suppliers,
)
from app.workflows.eligibility import Ineligible
from sandbox import behaviours
from tests import factories
from tests.integration.workflows import supplying
from tests.integration.workflows.joining import PASSWORD, PDF, verified

D = DocumentKind


@pytest.fixture(autouse=True)
def programme(tx: Flask) -> Any:
    found = factories.make_programme()
    db.session.commit()
    return found


def test_everything_that_was_filled_in_becomes_a_supplier(sandbox: str) -> None:
    """R-SUP-1: supplier, log-in and documents; the representative's CI is kept (R-DEAL-2)."""
    signup = supplying.fill(sandbox)
    assert supplier_signup.missing(signup) == {}
    person = db.session.get_one(Verification, signup.verification_id)
    supplier = supplier_signup_submit.submit(token=signup.token, ip="10.0.0.9")
    assert supplier.state is SupplierState.SCREENING
    assert (supplier.account_number, supplier.account_holder) == ("110123456789", supplier.name)
    assert supplier.account_verified_at is not None and supplier.tax_office_state == "계속사업자"
    assert supplier.representative_ci == person.ci and person.used_at is not None
    assert supplier.representative_ci_index == crypto.blind_index(person.ci or "")
    assert supplier.contact_phone == person.phone
    account = db.session.scalars(select(Account).where(Account.supplier_id == supplier.id)).one()
    assert account.role is Role.SUPPLIER
    entered = accounts.authenticate(login=account.login, password=PASSWORD, ip=None)
    assert entered.account_id == account.id
    kinds = {document.kind for document in attachments.current(supplier_id=supplier.id)}
    assert kinds == {D.BUSINESS_REGISTRATION, D.TAX_CLEARANCE, D.BANK_BOOK, D.CORPORATE_REGISTER}
    row = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "supplier", AuditRow.entity_id == supplier.id)
    ).one()
    assert (row.action, row.ip) == ("join", "10.0.0.9")
    assert db.session.scalar(select(func.count()).where(Notice.supplier_id == supplier.id)) == 1


def test_terms_are_kept_with_version_and_time(sandbox: str) -> None:
    token = supplier_signup.begin().token
    with pytest.raises(InvalidInput, match=r"signup\.terms"):
        supplier_signup.accept_terms(token=token, accepted={"marketing"})
    kept = supplier_signup.accept_terms(token=token, accepted={"service", "privacy"}).answers["terms"]
    assert kept["service"]["accepted"] and kept["service"]["version"] and kept["service"]["at"]
    assert kept["marketing"]["accepted"] is False


def test_a_second_press_finds_the_first_ones_supplier(sandbox: str) -> None:
    """R-JOIN-8"""
    signup = supplying.fill(sandbox)
    first = supplier_signup_submit.submit(token=signup.token)
    assert supplier_signup_submit.submit(token=signup.token).id == first.id
    assert db.session.scalar(select(func.count()).select_from(Supplier)) == 1
    with pytest.raises(Conflict, match=r"signup\.submitted"):
        supplier_signup.accept_terms(token=signup.token, accepted={"service", "privacy"})


def test_nothing_secret_stays_in_what_was_handed_in(sandbox: str) -> None:
    """R-AUD-1"""
    signup = supplying.fill(sandbox)
    supplier_signup_submit.submit(token=signup.token)
    assert signup.password_hash is None and signup.account_number is None
    text = str(signup.answers)
    assert "110123456789" not in text and PASSWORD not in text and "0105700" not in text


@pytest.mark.parametrize(
    ("kind", "verified_as", "needed"),
    [
        (CompanyKind.SOLE, VerifiedAs.REPRESENTATIVE, set()),
        (CompanyKind.CORPORATE, VerifiedAs.REPRESENTATIVE, {D.CORPORATE_REGISTER}),
        (CompanyKind.CORPORATE, VerifiedAs.STAFF, {D.CORPORATE_REGISTER, D.INSURANCE_LIST}),
    ],
)
def test_documents_by_kind(kind: CompanyKind, verified_as: VerifiedAs, needed: set[DocumentKind]) -> None:
    """R-JOIN-2, and the bank book."""
    always = {D.BUSINESS_REGISTRATION, D.TAX_CLEARANCE, D.BANK_BOOK}
    assert set(supplier_papers.needed(kind, verified_as=verified_as)) == always | needed


def test_a_staff_member_leaves_no_ci(sandbox: str) -> None:
    """R-DEAL-2: it would be another person's than the representative's."""
    supplier, _ = supplying.joined(sandbox, verified_as=VerifiedAs.STAFF)
    assert supplier.representative_ci is None and supplier.representative_ci_index is None


def test_what_is_missing_is_named(sandbox: str) -> None:
    signup = supplying.fill(sandbox, papers=False)
    supplying.attach(signup.token, D.TAX_CLEARANCE)
    with pytest.raises(InvalidInput, match=r"signup\.incomplete") as refused:
        supplier_signup_submit.submit(token=signup.token)
    assert "통장 사본" in refused.value.fields["documents"]
    assert "완납증명서" not in refused.value.fields["documents"]
    assert db.session.scalar(select(Supplier.id)) is None


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"business_number": "1234567890"}, {"business_number"}),
        ({"business_number": "0000000000", "kind": None}, {"business_number", "kind"}),
        ({"name": " ", "email": "nobody"}, {"name", "email"}),
        ({"introduction": "가" * 4001}, {"introduction"}),
    ],
)
def test_what_is_typed_wrong_is_named(sandbox: str, changes: dict[str, Any], wrong: set[str]) -> None:
    """R-JOIN-4: check digits among them."""
    token = supplier_signup.begin().token
    with pytest.raises(InvalidInput) as refused:
        supplier_signup.set_details(token=token, details=supplying.typed(900, **changes))
    assert refused.value.fields.keys() == wrong


def test_a_closed_business_is_refused(sandbox: str) -> None:
    """R-JOIN-4: and nothing of what was typed is lost."""
    token = supplier_signup.begin().token
    closed = behaviours.business_number("03")
    with pytest.raises(Ineligible, match=r"company\.closed_down"):
        supplier_signup.set_details(token=token, details=supplying.typed(901, business_number=closed))
    kept = supplier_signup.load(token=token)
    assert kept.answers["name"] == "주식회사 새빛901" and "폐업" in supplier_signup.missing(kept)["details"]


def test_one_business_number_joins_once(sandbox: str) -> None:
    first, _ = supplying.joined(sandbox)
    token = supplier_signup.begin().token
    again = supplying.typed(902, business_number=first.business_number)
    with pytest.raises(Ineligible, match=r"supplier\.exists"):
        supplier_signup.set_details(token=token, details=again)


def test_a_rejected_number_is_told_why(sandbox: str) -> None:
    first, _ = supplying.joined(sandbox)
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    suppliers.reject(actor=manager, supplier_id=first.id, codes=["tax_arrears"])
    token = supplier_signup.begin().token
    again = supplying.typed(903, business_number=first.business_number)
    with pytest.raises(Ineligible, match=r"supplier\.rejected") as refused:
        supplier_signup.set_details(token=token, details=again)
    assert "체납" in refused.value.text


def test_two_who_press_at_once_are_told_apart_by_the_database(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's row is there when this one is inserted, though nothing was to be seen before."""
    one = supplying.fill(sandbox)
    two = supplying.fill(sandbox, business_number=one.answers["business_number"])
    supplier_signup_submit.submit(token=one.token)
    monkeypatch.setattr(supplier_signup, "refuse_taken", lambda number: None)
    with pytest.raises(InvalidInput, match=r"supplier\.exists"):
        supplier_signup_submit.submit(token=two.token)


def test_the_representative_is_the_person_who_was_verified(sandbox: str) -> None:
    signup = supplying.fill(sandbox)
    details = supplying.typed(904, business_number=signup.answers["business_number"])
    details |= {"name": signup.answers["name"], "representative": "다른사람"}
    supplier_signup.set_details(token=signup.token, details=details)
    with pytest.raises(InvalidInput, match=r"signup\.name"):
        supplier_signup_submit.submit(token=signup.token)


# --- the account (R-SET-1) ------------------------------------------------------------------------------


def named(signup: Any, **changes: str) -> Any:
    """Name an account; `number` may end as the played bank's book says."""
    given = {"bank_code": "004", "account_number": "12345670001", "account_holder": signup.answers["name"]}
    return supplier_signup.set_bank(token=signup.token, **given | changes)


@pytest.mark.parametrize(
    ("ending", "code"), [("9991", "supplier.account_holder"), ("9999", "supplier.account")]
)
def test_a_wrong_holder_or_no_account_is_refused(sandbox: str, ending: str, code: str) -> None:
    signup = supplying.fill(sandbox)
    with pytest.raises(InvalidInput) as refused:
        named(signup, account_number=f"1234567{ending}")
    assert refused.value.code == code and refused.value.fields
    assert supplier_signup.load(token=signup.token).account_number == "110123456789"


def test_a_bank_that_does_not_answer_keeps_nobody_waiting(sandbox: str) -> None:
    """It goes on, and is flagged for whoever selects."""
    supplier, _ = supplying.joined(sandbox, account_number="12345679995")
    assert supplier.account_number == "12345679995" and supplier.account_verified_at is None


def test_an_account_of_somebody_else_is_refused_unasked(sandbox: str) -> None:
    signup = supplying.fill(sandbox)
    with pytest.raises(InvalidInput, match=r"supplier\.account_holder"):
        named(signup, account_holder="남의이름")


@pytest.mark.parametrize(
    ("holder", "kind", "fits"),
    [
        ("(주)새빛", CompanyKind.CORPORATE, True),
        ("주식회사 새빛", CompanyKind.CORPORATE, True),
        ("한새빛", CompanyKind.CORPORATE, False),
        ("한새빛", CompanyKind.SOLE, True),
        ("한새빛(새빛)", CompanyKind.SOLE, True),
        ("김새빛", CompanyKind.SOLE, False),
    ],
)
def test_whose_account_it_may_be(holder: str, kind: CompanyKind, fits: bool) -> None:
    found = supplier_accounts.fits(holder, name="주식회사 새빛", representative="한새빛", kind=kind)
    assert found is fits


def test_the_bank_is_not_asked_without_end(sandbox: str) -> None:
    signup = supplying.fill(sandbox)  # has asked once
    for _ in range(supplier_accounts.MOST_QUESTIONS - 1):
        with pytest.raises(InvalidInput, match=r"supplier\.account"):
            named(signup, account_number="12345679999")
    with pytest.raises(InvalidInput, match=r"supplier\.bank_questions"):
        named(signup)
    # What the bank confirmed before is still good.
    assert "bank" not in supplier_signup.missing(supplier_signup.load(token=signup.token))


def test_beginning_anew_gives_nobody_new_questions(sandbox: str) -> None:
    """Else whose any account is could be tried out; another person has questions of its own."""
    for _ in range(supplier_accounts.MOST_QUESTIONS):
        kept = supplying.fill(sandbox, n=907)
    with pytest.raises(InvalidInput, match=r"supplier\.bank_questions"):
        named(kept)
    named(supplying.fill(sandbox, n=908))


def test_the_same_account_again_is_not_asked_about(sandbox: str) -> None:
    signup = supplying.fill(sandbox)
    for _ in range(supplier_accounts.MOST_QUESTIONS + 1):
        named(signup, bank_code="088", account_number="110-123-456789")
    assert signup.answers["bank_asked"]["times"] == 1


def test_another_name_asks_for_the_account_again(sandbox: str) -> None:
    signup = supplying.fill(sandbox)
    details = supplying.typed(905, business_number=signup.answers["business_number"])
    supplier_signup.set_details(token=signup.token, details=details)
    assert "예금주와 다릅니다" in supplier_signup.missing(signup)["bank"]


# --- half-filled (R-JOIN-8) -----------------------------------------------------------------------------


def test_the_same_person_takes_it_up_elsewhere(sandbox: str) -> None:
    kept = supplying.fill(sandbox, n=910, papers=False)
    here = supplier_signup.begin()
    supplier_signup.accept_terms(token=here.token, accepted={"service", "privacy"})
    again = verified(sandbox, name="한새빛910", phone="01057000911")
    supplier_signup.attach_verification(
        token=here.token, verification_token=again, verified_as=VerifiedAs.REPRESENTATIVE
    )
    assert signup_take_up.earlier(here) == kept
    taken = supplier_signup.take_up(token=here.token)
    assert taken.id == kept.id and taken.answers["name"] == "주식회사 새빛910"
    supplying.attach(taken.token)
    assert supplier_signup_submit.submit(token=taken.token).name == "주식회사 새빛910"


def test_another_person_finds_nothing(sandbox: str) -> None:
    supplying.fill(sandbox, n=920)
    here = supplying.fill(sandbox, n=921)
    assert signup_take_up.earlier(here) is None
    with pytest.raises(NotFound):
        supplier_signup.take_up(token=here.token)


def test_somebody_else_needs_a_password_of_their_own(sandbox: str) -> None:
    signup = supplying.fill(sandbox)
    other = verified(sandbox, name="딴사람", phone="01057000931")
    supplier_signup.attach_verification(
        token=signup.token, verification_token=other, verified_as=VerifiedAs.STAFF
    )
    assert "account" in supplier_signup.missing(signup)


def test_a_file_can_be_taken_out_again_by_its_owner_only(sandbox: str) -> None:
    one, two = supplying.fill(sandbox), supplying.fill(sandbox)
    document = attachments.current(supplier_signup_id=one.id)[0]
    with pytest.raises(NotFound):
        supplier_signup.remove_document(token=two.token, document_id=document.id)
    supplier_signup.remove_document(token=one.token, document_id=document.id)
    assert db.session.get_one(Document, document.id).replaced_at is not None
    with pytest.raises(InvalidInput, match=r"document\.type"):
        supplier_signup.attach_document(
            token=one.token, kind=D.BANK_BOOK, file_name="통장.pdf", content=b"MZ" + PDF
        )
