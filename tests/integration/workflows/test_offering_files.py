"""Picture, brochure and price evidence: taken by content, handed out by kind (R-FILE-1, R-CAT-5)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Offering, OfferingFile, OfferingFileKind, SupplierState
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import offering_files, offering_review, offering_versions, offerings
from app.workflows.attachments import Incoming
from app.workflows.offering_versions import PlanInput
from tests import factories
from tests.integration.workflows.shop import (
    ALL,
    JPEG,
    PDF,
    PNG,
    Shop,
    draft,
    fields,
    on_sale,
    open_shop,
    picture,
    proof,
    submitted,
)

K = OfferingFileKind


@pytest.fixture
def shop(tx: Flask) -> Shop:
    return open_shop()


def file_of(offering: Offering, kind: OfferingFileKind) -> OfferingFile:
    return next(f for f in offering_files.of_offering(offering_id=offering.id) if f.kind is kind)


@pytest.mark.parametrize(
    ("kind", "content", "fits"),
    [
        (K.PICTURE, PNG, True),
        (K.PICTURE, JPEG, True),
        (K.PICTURE, PDF, False),
        (K.BROCHURE, PDF, True),
        (K.BROCHURE, PNG, False),
        (K.EVIDENCE, PDF, True),
        (K.EVIDENCE, JPEG, True),
        (K.EVIDENCE, b"MZ\x90\x00", False),
        (K.PICTURE, b"", False),
    ],
)
def test_each_kind_takes_its_types_by_content(
    shop: Shop, kind: OfferingFileKind, content: bytes, fits: bool
) -> None:
    """Whatever the file is called."""
    if fits:
        assert offering_files.take_in(kind=kind, file_name="자료.exe", content=content).size == len(content)
        return
    with pytest.raises(InvalidInput) as refused:
        offering_files.take_in(kind=kind, file_name="그림.png", content=content)
    assert list(refused.value.fields) == [kind.value]


def test_a_picture_is_small(shop: Shop) -> None:
    big = PNG[:16] + b"\x00" * (5 * 1024 * 1024) + PNG[-12:]
    with pytest.raises(InvalidInput, match="5MB 이하"):
        offering_files.take_in(kind=K.PICTURE, file_name="큰 그림.png", content=big)
    assert offering_files.take_in(kind=K.EVIDENCE, file_name="큰 증빙.png", content=big)


def test_a_new_picture_takes_the_place_of_the_old(shop: Shop) -> None:
    offering = draft(shop)
    first = file_of(offering, K.PICTURE)
    offerings.edit_draft(
        actor=shop.seller, offering_id=offering.id, **fields(shop), files=[(K.PICTURE, picture())]
    )
    assert first.replaced_at is not None
    assert offering_files.picture_ids([offering.id, 0]) == {offering.id: file_of(offering, K.PICTURE).id}
    assert offering_files.picture_ids([]) == {}


def test_there_is_an_end_to_evidence(shop: Shop) -> None:
    offering = draft(shop)
    more = [(K.EVIDENCE, proof(f"{n}.pdf")) for n in range(5)]
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        offerings.edit_draft(actor=shop.seller, offering_id=offering.id, **fields(shop), files=more)
    assert list(refused.value.fields) == ["evidence"]
    assert len(offering_files.of_offering(offering_id=offering.id)) == 2


def test_picture_and_brochure_are_anybodys_once_it_is_on_sale(shop: Shop) -> None:
    brochure = offering_files.take_in(kind=K.BROCHURE, file_name="소개.pdf", content=PDF)
    files: list[tuple[OfferingFileKind, Incoming]] = [
        (K.PICTURE, picture()),
        (K.BROCHURE, brochure),
        (K.EVIDENCE, proof()),
    ]
    offering = submitted(shop, files=files)
    keys = {kind: file_of(offering, kind).id for kind in K}

    def public(kind: OfferingFileKind, **who: object) -> bytes:
        return offering_files.public_file(offering_id=offering.id, file_id=keys[kind], **who).content  # type: ignore[arg-type]

    with pytest.raises(NotFound):
        public(K.PICTURE)
    with pytest.raises(NotFound):
        public(K.PICTURE, actor=factories.make_actor(Role.DEMAND))
    assert public(K.PICTURE, actor=shop.seller) == public(K.PICTURE, actor=shop.manager) == PNG
    offering_review.approve(actor=shop.manager, offering_id=offering.id, checks=[], note="확인")
    assert (public(K.PICTURE), public(K.BROCHURE)) == (PNG, PDF)
    with pytest.raises(NotFound):
        public(K.EVIDENCE, actor=shop.manager)
    with pytest.raises(NotFound):
        offering_files.public_file(offering_id=offering.id + 1, file_id=keys[K.PICTURE])
    shop.supplier.state = SupplierState.SUSPENDED
    db.session.flush()
    with pytest.raises(NotFound):
        public(K.PICTURE)


def test_evidence_is_the_suppliers_and_the_lead_agencys_whose_look_is_recorded(shop: Shop) -> None:
    offering = on_sale(shop)
    key = file_of(offering, K.EVIDENCE).id
    looks = select(AuditRow).where(AuditRow.entity == "offering_file", AuditRow.entity_id == key)
    assert offering_files.file_for(actor=shop.seller, offering_id=offering.id, file_id=key).content == PDF
    assert db.session.scalars(looks).all() == []
    offering_files.file_for(actor=shop.manager, offering_id=offering.id, file_id=key)
    (look,) = db.session.scalars(looks).all()
    assert (look.action, look.actor_id) == ("read", shop.manager.id)
    assert look.change["offering"] == [None, offering.id]
    for stranger in (factories.make_actor(Role.SUPPLIER),):
        with pytest.raises(NotFound):
            offering_files.file_for(actor=stranger, offering_id=offering.id, file_id=key)
    for role in (Role.DEMAND, Role.REVIEWER, Role.SYSTEM_ADMIN):
        with pytest.raises(Denied):
            offering_files.file_for(actor=factories.make_actor(role), offering_id=offering.id, file_id=key)
    other = on_sale(shop)
    with pytest.raises(NotFound):
        offering_files.file_for(actor=shop.seller, offering_id=other.id, file_id=key)


def test_a_file_is_taken_away_while_the_service_may_be_changed(shop: Shop) -> None:
    offering = draft(shop)
    file = file_of(offering, K.EVIDENCE)
    offering_files.remove(actor=shop.seller, offering_id=offering.id, file_id=file.id)
    assert file.replaced_at is not None and list(offerings.missing(offering=offering)) == ["evidence"]
    db.session.commit()
    with pytest.raises(NotFound):
        offering_files.remove(actor=shop.seller, offering_id=offering.id, file_id=file.id)
    sold = on_sale(shop)
    key = file_of(sold, K.PICTURE).id
    db.session.commit()
    with pytest.raises(Conflict):
        offering_files.remove(actor=shop.seller, offering_id=sold.id, file_id=key)
    with pytest.raises(NotFound):
        stranger = factories.make_actor(Role.SUPPLIER)
        offering_files.remove(actor=stranger, offering_id=sold.id, file_id=key)


def test_what_proved_the_prices_that_deals_have_stays(shop: Shop) -> None:
    offering = on_sale(shop)
    key = file_of(offering, K.EVIDENCE).id
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offerings.revise(actor=shop.seller, offering_id=offering.id)
    db.session.commit()
    with pytest.raises(Conflict):
        offering_files.remove(actor=shop.seller, offering_id=offering.id, file_id=key)


def test_what_proved_earlier_prices_stays_too(shop: Shop) -> None:
    """R-CAT-5: deals may have begun with any version; what is written now can be taken away."""
    offering = on_sale(shop)
    first = file_of(offering, K.EVIDENCE).id
    plans = [PlanInput(name="기본", price=50_000)]
    offering_versions.propose_plans(
        actor=shop.seller, offering_id=offering.id, plans=plans, evidence=[proof("새 가격표.pdf")]
    )
    offering_review.accept_price(actor=shop.manager, offering_id=offering.id, checks=ALL["price"])
    offerings.stop(actor=shop.seller, offering_id=offering.id)
    offerings.revise(actor=shop.seller, offering_id=offering.id)
    offerings.edit_draft(
        actor=shop.seller, offering_id=offering.id, **fields(shop, files=[(K.EVIDENCE, proof("또.pdf"))])
    )
    db.session.commit()
    with pytest.raises(Conflict, match=r"offering\.edit\.proof"):
        offering_files.remove(actor=shop.seller, offering_id=offering.id, file_id=first)
    db.session.rollback()
    newest = offering_files.of_offering(offering_id=offering.id)[-1]
    offering_files.remove(actor=shop.seller, offering_id=offering.id, file_id=newest.id)
    assert newest.replaced_at is not None
