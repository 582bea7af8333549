"""A supplier with a service to sell, and the manager who decides over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.db import db
from app.models.catalogue import Offering, OfferingFileKind, Supplier
from app.policy import Actor, Role
from app.workflows import offering_files, offering_review, offerings
from app.workflows.attachments import Incoming
from app.workflows.offering_versions import PlanInput
from tests import factories

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 40 + b"IEND\xaeB`\x82"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 40 + b"\xff\xd9"
ALL = {kind: [c.name for c in offering_review.checklist(kind)] for kind in ("new", "price")}


@dataclass(frozen=True)
class Shop:
    supplier: Supplier
    seller: Actor
    manager: Actor
    category_id: int


def open_shop() -> Shop:
    supplier = factories.make_supplier(name="새빛소프트")
    made = Shop(
        supplier=supplier,
        seller=factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id),
        manager=factories.make_actor(Role.PROGRAMME_MANAGER),
        category_id=factories.make_category().id,
    )
    db.session.commit()
    return made


def picture() -> Incoming:
    return offering_files.take_in(kind=OfferingFileKind.PICTURE, file_name="회의실.png", content=PNG)


def proof(name: str = "가격표.pdf") -> Incoming:
    return offering_files.take_in(kind=OfferingFileKind.EVIDENCE, file_name=name, content=PDF)


def fields(shop: Shop, **changed: Any) -> dict[str, Any]:
    return {
        "category_id": shop.category_id,
        "name": "모여라 화상회의",
        "summary": "설치 없는 화상회의",
        "description": "브라우저만으로 100명까지 회의합니다.",
        "keywords": ["웨비나", "화상", "웨비나"],
        "plans": [PlanInput(name="기본", price=30_000), PlanInput(name="팀", price=90_000, unit="5인·월")],
    } | changed


def draft(shop: Shop, **changed: Any) -> Offering:
    """Ready to be submitted, unless `changed` says otherwise."""
    files = [(OfferingFileKind.PICTURE, picture()), (OfferingFileKind.EVIDENCE, proof())]
    return offerings.create_draft(actor=shop.seller, **fields(shop, **{"files": files} | changed))


def submitted(shop: Shop, **changed: Any) -> Offering:
    offering = draft(shop, **changed)
    return offerings.submit(actor=shop.seller, offering_id=offering.id)


def approve(shop: Shop, offering: Offering) -> Offering:
    return offering_review.approve(actor=shop.manager, offering_id=offering.id, checks=ALL["new"])


def on_sale(shop: Shop) -> Offering:
    return approve(shop, submitted(shop))
