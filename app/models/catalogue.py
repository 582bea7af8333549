"""Suppliers and what they offer (domain section 6). `Offering` is the catalogue's noun 서비스."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, LongText, Won, enum_column


class SupplierState(Labelled):
    """R-SUP-1"""

    SCREENING = "screening", "심사중", "info"
    SELECTED = "selected", "선정", "success"
    SUPPLEMENT = "supplement", "보완", "warning"
    REJECTED = "rejected", "탈락", "danger"
    SUSPENDED = "suspended", "정지", "danger"


class OfferingState(Labelled):
    """R-CAT-5"""

    DRAFT = "draft", "작성중", "neutral"
    IN_REVIEW = "in_review", "승인대기", "info"
    ON_SALE = "on_sale", "판매중", "success"
    RETURNED = "returned", "반려", "warning"
    SUSPENDED = "suspended", "판매중지", "danger"


class Category(Base):
    __tablename__ = "category"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]


class Supplier(Base):
    __tablename__ = "supplier"

    id: Mapped[Key]
    name: Mapped[str]
    business_number: Mapped[str] = mapped_column(unique=True)
    representative: Mapped[str]
    state: Mapped[SupplierState] = mapped_column(enum_column(SupplierState))
    phone: Mapped[str]
    """The company's public line; no person's number."""
    email: Mapped[str]
    address: Mapped[str]
    introduction: Mapped[LongText] = mapped_column(default="")
    bank_code: Mapped[str | None]
    account_number: Mapped[str | None] = mapped_column(EncryptedText)
    account_holder: Mapped[str | None]
    account_verified_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    reason: Mapped[str | None]
    joined_at: Mapped[Instant]

    __table_args__ = (CheckConstraint("business_number ~ '^[0-9]{10}$'", name="business_number_form"),)

    @property
    def supplier_id(self) -> int:
        return self.id


class Offering(Base):
    __tablename__ = "offering"

    id: Mapped[Key]
    supplier_id: Mapped[int] = mapped_column(ForeignKey("supplier.id"))
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    name: Mapped[str]
    summary: Mapped[str]
    description: Mapped[LongText]
    keywords: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    state: Mapped[OfferingState] = mapped_column(enum_column(OfferingState))
    current_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("offering_version.id", use_alter=True, name="fk_offering_current_version_id")
    )
    proposed_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("offering_version.id", use_alter=True, name="fk_offering_proposed_version_id")
    )
    """New prices that wait for approval while the current version sells on (R-CAT-5)."""
    lowest_price: Mapped[int | None]
    """Of the current version's plans, won: to sort by."""
    rating_sum: Mapped[int] = mapped_column(default=0)
    """Of all criteria of all evaluations (R-EVA-1)."""
    rating_count: Mapped[int] = mapped_column(default=0)
    """Evaluations."""
    search_text: Mapped[str] = mapped_column(Text, default="")
    """Name, company and keywords as one line, kept by the workflow."""
    search_grams: Mapped[list[str]] = mapped_column(
        ARRAY(Text), Computed("public.grams(search_text)", persisted=True)
    )
    """Syllables and pairs of syllables: two Korean letters find by index (R-CAT-2)."""
    reason: Mapped[str | None]
    published_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    created_at: Mapped[Instant]
    supplier: Mapped[Supplier] = relationship()
    category: Mapped[Category] = relationship()
    current_version: Mapped[OfferingVersion | None] = relationship(foreign_keys=[current_version_id])
    proposed_version: Mapped[OfferingVersion | None] = relationship(foreign_keys=[proposed_version_id])

    __table_args__ = (
        Index("ix_offering_supplier_id", "supplier_id", "id"),
        Index("ix_offering_category_id", "category_id", "state", "id"),
        Index("ix_offering_search_grams", "search_grams", postgresql_using="gin"),
    )


class OfferingVersion(Base):
    """What is sold at what price from one approval to the next; a deal keeps the one that it began with."""

    __tablename__ = "offering_version"

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    number: Mapped[int]
    created_at: Mapped[Instant]
    plans: Mapped[list[Plan]] = relationship(order_by="Plan.id", back_populates="version")

    __table_args__ = (UniqueConstraint("offering_id", "number"),)


class Plan(Base):
    __tablename__ = "plan"

    id: Mapped[Key]
    version_id: Mapped[int] = mapped_column(ForeignKey("offering_version.id"))
    name: Mapped[str]
    price: Mapped[Won]
    """As the programme's VAT mode says: with the tax inside, or the supply value (R-MONEY-2a)."""
    unit: Mapped[str]
    period_months: Mapped[int]
    version: Mapped[OfferingVersion] = relationship(back_populates="plans")

    __table_args__ = (
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("period_months > 0", name="period_positive"),
        Index("ix_plan_version_id", "version_id"),
    )


class Wish(Base):
    """찜 (R-CAT-4)"""

    __tablename__ = "wish"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), primary_key=True)
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"), primary_key=True)
    at: Mapped[Instant]
