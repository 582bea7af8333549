"""R-DOC-1: numbered without gaps, kept unchanged, checkable by anyone, and only for those whose they are."""

from __future__ import annotations

import io
import re
import secrets
from datetime import timedelta
from pathlib import Path

import pypdf
import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from app import clock
from app.db import db, transaction
from app.documents import book, store
from app.errors import Conflict, NotFound
from app.jobs import outbox
from app.models.payments import Slip, SlipKind
from app.models.programme import VatMode
from app.models.record import OutboxMessage
from app.policy import Role
from app.workflows import cancellations, slip_views, slips
from tests import factories, money
from tests.settled import cancel, make_paid

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> object:
    store.configure(tmp_path)
    yield tmp_path
    store.configure(tx.config["FILES"])


def words(content: bytes) -> str:
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"[ \t]+", " ", text)


def test_the_job_dates_slips_by_their_event_and_runs_twice(sandbox: str) -> None:
    """R-DOC-1: a worker that was down for days changes neither date nor number; the receipt comes first."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="잘못 결제했습니다.")
    query = select(OutboxMessage).where(OutboxMessage.kind == "issue_slips").order_by(OutboxMessage.id.desc())
    asked = [(message.payload, message.key) for message in db.session.scalars(query)]
    assert len(asked) == 2
    with clock.at(clock.now() + timedelta(days=3)):
        for payload, key in [*asked, *asked]:
            slips.issue_asked(payload, key)
    found = slips.for_payments([payment.id])[payment.id]
    assert set(found) == {SlipKind.RECEIPT, SlipKind.STATEMENT, SlipKind.CANCELLATION}
    assert {clock.korean_day(slip.issued_at) for slip in found.values()} == {clock.today()}
    assert found[SlipKind.CANCELLATION].data["original_number"] == slips.number_of(found[SlipKind.RECEIPT])


def test_a_real_payment_gets_both_slips_with_all_that_an_accountant_looks_for(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 1_100_000)
    payment = money.pay(payer, deal)
    assert slips.for_payments([payment.id]) == {}
    outbox.drain()
    found = slips.for_payments([payment.id])[payment.id]
    assert set(found) == {SlipKind.RECEIPT, SlipKind.STATEMENT}
    for slip in found.values():
        slips.render(slip.id)
        file = slips.for_download(actor=payer.actor, slip_id=slip.id)
        text = words(file.content)
        for expected in (
            payer.company.name,
            deal.supplier.name,
            deal.supplier.representative,
            deal.offering.name,
            f"****-****-****-{payment.card_last4}",
            payment.approval_number or "",
            "1,000,000",
            "100,000",
            "1,100,000",
            "990,000",
            "110,000",
            slips.number_of(slip),
            slips.show_code(slip),
        ):
            assert expected in text, expected
        assert file.file_name == f"{slip.kind.label}_{slips.number_of(slip)}.pdf"
    assert money.CARD not in str([slip.data for slip in found.values()])


def test_tax_on_top_is_shown_as_such() -> None:
    """R-MONEY-2a"""
    programme = factories.make_programme(vat_mode=VatMode.BORNE)
    payment = make_paid(programme, factories.make_supplier(), 1_800_000)
    payment.tax_part = 180_000
    with transaction():
        slip = slips.issue(SlipKind.STATEMENT, payment=payment)
    assert (slip.data["supply"], slip.data["tax"], slip.data["total"]) == (1_800_000, 180_000, 1_980_000)
    assert slip.data["extra_tax"] == 180_000 and slip.data["tax_inside"] is False


def test_numbers_have_no_gaps_and_a_rollback_leaves_none() -> None:
    programme, supplier = factories.make_programme(), factories.make_supplier()
    payments = [make_paid(programme, supplier) for _ in range(3)]
    with transaction():
        slips.issue(SlipKind.RECEIPT, payment=payments[0])
    with pytest.raises(RuntimeError, match="later"), db.session.begin_nested():
        slips.issue(SlipKind.RECEIPT, payment=payments[1])
        raise RuntimeError("something later fails")
    with transaction():
        second = slips.issue(SlipKind.RECEIPT, payment=payments[2])
        other_kind = slips.issue(SlipKind.STATEMENT, payment=payments[2])
        again = slips.issue(SlipKind.RECEIPT, payment=payments[2])
    assert (second.number, other_kind.number) == (2, 1)
    assert again.id == second.id
    assert slips.number_of(second) == f"{programme.year}-R-000002"


def test_drawn_twice_it_is_one_file_and_a_lost_one_is_made_again(own_store: Path) -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier())
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    first = slips.render(slip.id)
    assert slips.render(slip.id) == first
    store.path(first).unlink()
    assert slips.render(slip.id) == first, "a lost file is drawn again to the byte"
    store.path(first).unlink()
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    assert slips.for_download(actor=buyer, slip_id=slip.id).content.startswith(b"%PDF-")
    files = [path for path in own_store.rglob("*") if path.is_file()]
    assert [path.name for path in files] == [first]
    assert db.session.get_one(Slip, slip.id).size == files[0].stat().st_size


def test_what_is_kept_does_not_follow_later_changes() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier(name="옛이름 주식회사"))
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    with transaction():
        payment.deal.supplier.name = "새이름 주식회사"
    content = store.read(slips.render(slip.id))
    assert "옛이름 주식회사" in words(content) and "새이름" not in words(content)


def test_a_cancellation_names_the_original() -> None:
    """R-PAY-7"""
    payment = make_paid(factories.make_programme(), factories.make_supplier(), 550_000)
    with transaction():
        receipt = slips.issue(SlipKind.RECEIPT, payment=payment)
    cancel(payment)
    with transaction():
        slip = slips.issue(SlipKind.CANCELLATION, payment=payment)
    text = words(store.read(slips.render(slip.id)))
    assert slips.number_of(receipt) in text
    assert "-550,000" in text and "계약 해지" in text


def test_only_the_two_parties_and_the_lead_agency_open_it() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier())
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    with pytest.raises(Conflict) as unready:
        slips.for_download(actor=buyer, slip_id=slip.id)
    assert unready.value.code == "slip.not_ready"
    slips.render(slip.id)
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id)
    officer = factories.make_actor(Role.FINANCE_OFFICER)
    for actor in (buyer, seller, officer):
        assert slips.for_download(actor=actor, slip_id=slip.id).content.startswith(b"%PDF-")
    for role in (Role.DEMAND, Role.SUPPLIER, Role.REVIEWER, Role.SYSTEM_ADMIN):
        with pytest.raises(NotFound):
            slips.for_download(actor=factories.make_actor(role), slip_id=slip.id)
    with pytest.raises(NotFound):
        slips.for_download(actor=officer, slip_id=slip.id + 1_000)


def test_anyone_checks_a_code_and_learns_no_more_than_that_it_is_genuine() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier(), 770_000)
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    code = slips.show_code(slip)
    checked = slips.check(f" {code.lower()} ")
    assert checked is not None
    assert vars(checked) == {"issued_on": clock.today(), "total": 770_000}
    for wrong in ("", "x", "0" * 16, code[:-1] + ("0" if code[-1] != "0" else "1"), "가" * 16, code + "0"):
        assert slips.check(wrong) is None


def test_a_cancellation_is_checked_with_the_sum_below_zero_that_it_says() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier(), 770_000)
    cancel(payment)
    with transaction():
        slip = slips.issue(SlipKind.CANCELLATION, payment=payment)
    checked = slips.check(slip.code)
    assert checked is not None and checked.total == -770_000


def test_a_code_is_read_as_people_misread_it(monkeypatch: pytest.MonkeyPatch) -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier())
    monkeypatch.setattr(slips, "new_code", lambda: "01" * 4 + secrets.token_hex(4).upper())
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    assert slips.check("OI" * 2 + "-" + "ol" * 2 + "-" + slip.code[8:]) is not None


def test_codes_are_random_and_of_the_alphabet() -> None:
    codes = {slips.new_code() for _ in range(2_000)}
    assert len(codes) == 2_000
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{16}", code) for code in codes)


@pytest.mark.parametrize("change", ["code = 'X'", "data = '{}'", "issued_at = now()", "number = 99"])
def test_the_database_refuses_to_change_what_a_slip_says(change: str) -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier())
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    with pytest.raises(DatabaseError, match="append-only"), db.session.begin_nested():
        db.session.execute(text(f"UPDATE slip SET {change} WHERE id = {slip.id}"))
    with pytest.raises(DatabaseError, match="append-only"), db.session.begin_nested():
        db.session.execute(text(f"DELETE FROM slip WHERE id = {slip.id}"))


def test_the_database_refuses_another_file() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier())
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    sha256 = slips.render(slip.id)
    with pytest.raises(DatabaseError, match="append-only"), db.session.begin_nested():
        db.session.execute(text(f"UPDATE slip SET sha256 = '{'0' * 64}' WHERE id = {slip.id}"))
    store.path(sha256).unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "draw_one", lambda *_: b"drawn by a later edition")
        with pytest.raises(slips.DrawnOtherwise):
            slips.render(slip.id)


def test_a_slip_as_a_page_shows_what_the_file_says() -> None:
    payment = make_paid(factories.make_programme(), factories.make_supplier(), 550_000)
    with transaction():
        slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    shown = slip_views.view(actor=buyer, slip_id=slip.id)
    assert shown.words == "금 오십오만원정"
    assert [kind for kind, _ in shown.sections] == ["band", "facts", "parties", "table", "sums"]
    with pytest.raises(NotFound):
        slip_views.view(actor=factories.make_actor(Role.DEMAND), slip_id=slip.id)
