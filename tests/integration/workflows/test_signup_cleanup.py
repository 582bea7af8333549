"""A half-filled sign-up waits for its person 90 days, and no longer (R-JOIN-8)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import clock
from app.db import db
from app.documents import store
from app.errors import Denied, NotFound
from app.models.catalogue import OfferingFileKind, SupplierSignup
from app.models.companies import Document, DocumentKind, Signup, VerifiedAs
from app.models.people import Verification
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import (
    attachments,
    signup,
    signup_cleanup,
    signup_submit,
    signup_take_up,
    supplier_signup,
    supplier_signup_submit,
)
from app.workflows.signup_cleanup import KEPT_DAYS, Forgotten
from tests import factories
from tests.integration.workflows import joining, shop, supplying

OWN = joining.PDF + b"%% of the sign-up that is forgotten\n"


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=0, year=2020)


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> Iterator[Path]:
    store.configure(tmp_path)
    yield tmp_path
    store.configure(tx.config["FILES"])


def days_later(days: int, *, seconds: int = 0) -> datetime:
    return clock.now() + timedelta(days=days, seconds=seconds)


def old_files(folder: Path) -> None:
    """As if they had been put in long ago: a file of this hour may have its row still to come."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))


def left(model: type[Signup | SupplierSignup | Document | Verification]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_an_old_one_goes_with_its_papers_its_files_and_its_people(
    stage: joining.Stage, sandbox: str, own_store: Path
) -> None:
    """R-JOIN-8, R-AUD-1: told to the trail as a number, nobody's name in it."""
    old = joining.fill(sandbox, stage.agency, n=1)
    for content in (b"first", b"second"):
        kind = DocumentKind.TAX_CLEARANCE
        signup.attach_document(token=old.token, kind=kind, file_name="납세.pdf", content=OWN + content)
    old_files(own_store)
    done = signup_cleanup.forget_old(at=days_later(KEPT_DAYS, seconds=1))
    assert done == Forgotten(signups=1, documents=4, files=3)
    assert (left(Signup), left(Document), left(Verification)) == (0, 0, 0)
    assert [path for path in own_store.rglob("*") if path.is_file()] == []
    with pytest.raises(NotFound):
        signup.load(token=old.token)
    [row] = db.session.scalars(select(AuditRow).where(AuditRow.action == "forget_signups"))
    assert (row.entity, row.entity_id) == ("programme", stage.programme.id)
    assert row.change == {"count": [1, 0]}
    assert signup_cleanup.forget_old(at=days_later(KEPT_DAYS, seconds=2)) == Forgotten()


def test_a_verification_that_was_made_anew_goes_too(stage: joining.Stage, sandbox: str) -> None:
    """R-AUD-1: name, phone and CI, once they are that old, with no sign-up that goes by them."""
    kept = joining.fill(sandbox, stage.agency, n=1)
    joining.verified(sandbox, name="김다른", phone="01044445555")
    assert left(Verification) == 2
    signup_cleanup.forget_old()
    assert left(Verification) == 2, "somebody may be about to use it"
    long_ago = clock.real_now() - timedelta(days=KEPT_DAYS + 1)
    db.session.execute(update(Verification).values(requested_at=long_ago))
    db.session.commit()
    signup_cleanup.forget_old()
    assert left(Verification) == 1 and signup.load(token=kept.token).verification_id is not None


def test_a_supplier_s_is_forgotten_alike(stage: joining.Stage, sandbox: str, own_store: Path) -> None:
    """R-SUP-1, as R-JOIN-8: with its account number, papers, files and person; not one that was handed in."""
    supplier = supplier_signup_submit.submit(token=supplying.fill(sandbox).token)
    papers = left(Document)
    old = supplying.fill(sandbox, papers=False)
    supplier_signup.attach_document(
        token=old.token, kind=DocumentKind.BANK_BOOK, file_name="통장.pdf", content=OWN
    )
    old_files(own_store)
    done = signup_cleanup.forget_old(at=days_later(KEPT_DAYS, seconds=1))
    assert done == Forgotten(signups=1, documents=1, files=1)
    assert [each.supplier_id for each in db.session.scalars(select(SupplierSignup))] == [supplier.id]
    assert (left(Document), left(Verification)) == (papers, 1)
    with pytest.raises(NotFound):
        supplier_signup.load(token=old.token)


def test_a_person_by_whom_a_supplier_s_goes_stays(stage: joining.Stage, sandbox: str) -> None:
    """However old the 본인인증 is: the sign-up was touched since."""
    token = supplying.fill(sandbox).token
    long_ago = clock.real_now() - timedelta(days=KEPT_DAYS + 1)
    db.session.execute(update(Verification).values(requested_at=long_ago))
    db.session.commit()
    assert signup_cleanup.forget_old() == Forgotten()
    assert left(Verification) == 1 and supplier_signup.load(token=token).verification_id is not None


def test_a_file_that_is_elsewhere_too_stays(stage: joining.Stage, sandbox: str, own_store: Path) -> None:
    """R-FILE-1: the same content may prove a price, or lie in a thread or with a post."""
    proof = attachments.take_in(file_name="견적서.pdf", content=joining.PDF)
    shop.draft(shop.open_shop(), files=[(OfferingFileKind.EVIDENCE, proof)])
    joining.fill(sandbox, stage.agency, n=1)
    old_files(own_store)
    assert signup_cleanup.forget_old(at=days_later(KEPT_DAYS, seconds=1)).files == 0
    assert store.read(proof.sha256) == joining.PDF
    named = {column.table.name for column in signup_cleanup._references()}
    assert {"document", "slip", "deal_file", "offering_file", "post_file"} <= named


def test_whoever_came_back_keeps_it(stage: joining.Stage, sandbox: str) -> None:
    """The days count from the last time that something was kept."""
    token = joining.fill(sandbox, stage.agency, n=1).token
    assert signup_cleanup.forget_old(at=days_later(KEPT_DAYS, seconds=-60)) == Forgotten()
    with clock.at(days_later(KEPT_DAYS - 1)):
        signup_take_up.put_off(token=token, step="details", typed={"name": "새싹"})
    assert signup_cleanup.forget_old(at=days_later(2 * KEPT_DAYS - 2)) == Forgotten()
    assert signup_cleanup.forget_old(at=days_later(2 * KEPT_DAYS)).signups == 1


def test_what_was_handed_in_stays(stage: joining.Stage, sandbox: str, own_store: Path) -> None:
    """A file that another document refers to stays too: the same content is kept once for all."""
    token = joining.fill(sandbox, stage.agency, n=1).token
    company = signup_submit.submit(token=token).company
    joining.fill(sandbox, stage.agency, n=2, login="second")
    old_files(own_store)
    done = signup_cleanup.forget_old(at=days_later(KEPT_DAYS + 1))
    assert done == Forgotten(signups=1, documents=2, files=0)
    assert [each.token for each in db.session.scalars(select(Signup))] == [token]
    papers = list(db.session.scalars(select(Document)))
    assert {paper.company_id for paper in papers} == {company.id} and len(papers) == 2
    assert store.read(papers[0].sha256) == joining.PDF
    assert left(Verification) == 1


def test_a_file_of_this_hour_stays(stage: joining.Stage, sandbox: str, own_store: Path) -> None:
    """Somebody else may have put the same content in a moment ago, and their row is still to come."""
    joining.fill(sandbox, stage.agency, n=1)
    old_files(own_store)
    sha256 = store.put(joining.PDF)
    assert signup_cleanup.forget_old(at=days_later(KEPT_DAYS + 1)).files == 0
    assert store.read(sha256) == joining.PDF
    old_files(own_store)
    assert store.remove(sha256) and not store.remove(sha256)


def test_many_go_in_batches(stage: joining.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signup_cleanup, "BATCH", 2)
    for _ in range(5):
        signup.begin()
    assert signup_cleanup.forget_old(at=days_later(KEPT_DAYS + 1)).signups == 5
    with pytest.raises(Denied):
        signup_cleanup.forget_old(actor=factories.make_actor(Role.SYSTEM_ADMIN))


def test_a_draft_waits_until_its_step_is_done(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-8: beside the answers, so that an unfinished step is not taken for a finished one."""
    token = signup.begin().token
    signup.accept_terms(token=token, accepted={"service", "privacy"})
    checked = joining.verified(sandbox, name="김대표1", phone="01055000001")
    signup.attach_verification(token=token, verification_token=checked, verified_as=VerifiedAs.REPRESENTATIVE)
    found = signup_take_up.put_off(token=token, step="account", typed={"login": "half-way"})
    assert found.answers["drafts"] == {"account": {"login": "half-way"}}
    assert "account" in signup.missing(found)
    done = signup.set_account(token=token, login="whole-way", password=joining.PASSWORD)
    assert "drafts" not in done.answers and done.answers["login"] == "whole-way"
