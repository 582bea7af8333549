"""Suppliers and what they offer (domain section 6). `Offering` is the catalogue's noun 서비스."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.companies import CompanyKind
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
    PAUSED = "paused", "판매중단", "neutral"
    """By its supplier, who may start again; 판매중지 is the lead agency's."""
    SUSPENDED = "suspended", "판매중지", "danger"


class Category(Base):
    __tablename__ = "category"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]
    is_open: Mapped[bool] = mapped_column(default=True, server_default="true")
    """A closed one takes no new services and is not shown; what stands in it stays where it is."""


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
    kind: Mapped[CompanyKind] = mapped_column(
        enum_column(CompanyKind), default=CompanyKind.CORPORATE, server_default="corporate"
    )
    representative_ci: Mapped[str | None] = mapped_column(EncryptedText)
    representative_ci_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Blind index: by which a deal with oneself is known (R-DEAL-2). None where a staff member joined."""
    contact_name: Mapped[str] = mapped_column(default="", server_default="")
    contact_phone: Mapped[str | None] = mapped_column(EncryptedText)
    tax_office_state: Mapped[str | None]
    """What the tax office said at joining, or None where it could not be asked."""
    tax_office_asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    checks: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    """What was ticked at the selection: `{item: true or false}`."""
    marks: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Fields and documents that a 보완 asks to mend."""
    reason: Mapped[str | None]
    joined_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("business_number ~ '^[0-9]{10}$'", name="business_number_form"),
        Index("ix_supplier_state", "state", "id"),
        Index("ix_supplier_representative_ci_index", "representative_ci_index"),
    )

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
    rating: Mapped[Decimal | None] = mapped_column(
        Numeric(4, 3),
        Computed(
            "CASE WHEN rating_count > 0 THEN rating_sum::numeric / (rating_count * 5) END", persisted=True
        ),
    )
    """The average of all criteria, from 1 to 5: to sort and filter by."""
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
        Index(
            "ix_offering_latest",
            text("published_at DESC NULLS LAST"),
            text("id DESC"),
            postgresql_where=text("state = 'on_sale'"),
        ),
        Index(
            "ix_offering_price",
            "lowest_price",
            text("id DESC"),
            postgresql_where=text("state = 'on_sale'"),
        ),
        Index(
            "ix_offering_rating",
            text("rating DESC NULLS LAST"),
            text("rating_count DESC"),
            text("id DESC"),
            postgresql_where=text("state = 'on_sale'"),
        ),
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


class OfferingFileKind(Labelled):
    PICTURE = "picture", "대표 이미지"
    EVIDENCE = "evidence", "가격 증빙"
    BROCHURE = "brochure", "소개 자료"


class OfferingFile(Base):
    """A service's picture and brochure, for all to see, and the evidence of its prices (R-CAT-5)."""

    __tablename__ = "offering_file"

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("offering_version.id"))
    """The prices that it proves, of an evidence."""
    kind: Mapped[OfferingFileKind] = mapped_column(enum_column(OfferingFileKind))
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    uploaded_at: Mapped[Instant]
    replaced_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When a later one took its place, or it was taken away."""

    __table_args__ = (
        Index("ix_offering_file_offering_id", "offering_id", "kind"),
        CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="content_type"
        ),
        CheckConstraint("kind <> 'evidence' OR version_id IS NOT NULL", name="evidence_of"),
    )


class OfferingReview(Base):
    """One decision over a service or its new prices, with what was ticked (R-CAT-5)."""

    __tablename__ = "offering_review"

    id: Mapped[Key]
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("offering_version.id"))
    decision: Mapped[str]
    """The lifecycle's action."""
    checks: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    reason: Mapped[str | None]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    by_name: Mapped[str]
    at: Mapped[Instant]

    __table_args__ = (Index("ix_offering_review_offering_id", "offering_id", "id"),)


class SupplierSignup(Base):
    """A supplier's half-filled application, kept for the phone that was verified (R-SUP-1)."""

    __tablename__ = "supplier_signup"

    id: Mapped[Key]
    token: Mapped[str] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    step: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """What was typed, except phones, passwords and the account number."""
    password_hash: Mapped[str | None]
    account_number: Mapped[str | None] = mapped_column(EncryptedText)
    account_verified_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When the bank confirmed the holder; None where it could not be asked."""
    verification_id: Mapped[int | None] = mapped_column(ForeignKey("verification.id"))
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    started_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    submitted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        Index(
            "ix_supplier_signup_verification_id",
            "verification_id",
            postgresql_where=text("submitted_at IS NULL"),
        ),
    )


class Wish(Base):
    """찜 (R-CAT-4)"""

    __tablename__ = "wish"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), primary_key=True)
    offering_id: Mapped[int] = mapped_column(ForeignKey("offering.id"), primary_key=True)
    at: Mapped[Instant]
