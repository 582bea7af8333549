"""Demand companies, their half-filled sign-ups and their documents (R-JOIN-1 to R-JOIN-8, R-FILE-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.programme import Agency, Programme
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, enum_column


class CompanyKind(Labelled):
    SOLE = "sole", "개인"
    CORPORATE = "corporate", "법인"


class VerifiedAs(Labelled):
    REPRESENTATIVE = "representative", "대표자"
    STAFF = "staff", "담당자(임직원)"


class DocumentKind(Labelled):
    """R-JOIN-2, R-JOIN-5"""

    BUSINESS_REGISTRATION = "business_registration", "사업자등록증"
    TAX_CLEARANCE = "tax_clearance", "국세·지방세 완납증명서"
    CORPORATE_REGISTER = "corporate_register", "법인 등기부등본"
    INSURANCE_LIST = "insurance_list", "4대보험 사업장 가입자 명부"
    PRIORITY_CERTIFICATE = "priority_certificate", "장애인기업·여성기업확인서"
    BANK_BOOK = "bank_book", "통장 사본"


class Company(Base):
    """A demand company in one programme. Phones and the representative's CI are encrypted (R-AUD-1)."""

    __tablename__ = "company"

    id: Mapped[Key]
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    kstartup_id: Mapped[str | None]
    name: Mapped[str]
    kind: Mapped[CompanyKind] = mapped_column(enum_column(CompanyKind))
    business_number: Mapped[str]
    representative: Mapped[str]
    representative_ci: Mapped[str | None] = mapped_column(EncryptedText)
    representative_ci_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    verified_as: Mapped[VerifiedAs | None] = mapped_column(enum_column(VerifiedAs))
    verified_name: Mapped[str | None]
    phone: Mapped[str] = mapped_column(EncryptedText)
    phone_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Blind index of `phone`: how look-alikes are found (R-SCR-3)."""
    email: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    industry: Mapped[str] = mapped_column(default="")
    employees: Mapped[int | None]
    """How many people it employs, where the programme asks (R-JOIN-7a)."""
    contact_name: Mapped[str] = mapped_column(default="")
    contact_phone: Mapped[str | None] = mapped_column(EncryptedText)
    contact_email: Mapped[str] = mapped_column(default="")
    payment_contact_name: Mapped[str] = mapped_column(default="")
    payment_contact_phone: Mapped[str | None] = mapped_column(EncryptedText)
    tax_office_state: Mapped[str | None]
    """What the tax office last said: 계속사업자, 휴업자, 폐업자, or None while it could not be asked."""
    tax_office_asked_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """When it was last asked, with or without an answer; real time."""
    tax_office_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    """Questions in a row that it left unanswered."""
    joined_at: Mapped[Instant]
    grams: Mapped[list[str]] = mapped_column(
        ARRAY(Text),
        Computed("public.grams(name || ' ' || representative)", persisted=True),
        deferred=True,
    )
    """Pairs of letters of name and representative: how a queue of half a million is searched (R-SCR-3)."""
    address_key: Mapped[str] = mapped_column(
        Computed("lower(regexp_replace(address, '[^0-9A-Za-z가-힣]', '', 'g'))", persisted=True),
        deferred=True,
    )
    """The address without blanks and signs: how look-alikes are found (R-SCR-3)."""
    programme: Mapped[Programme] = relationship()
    agency: Mapped[Agency] = relationship()
    documents: Mapped[list[Document]] = relationship(back_populates="company", order_by="Document.id")

    __table_args__ = (
        UniqueConstraint("programme_id", "business_number"),
        UniqueConstraint("programme_id", "kstartup_id"),
        UniqueConstraint("programme_id", "representative_ci_index"),
        CheckConstraint("business_number ~ '^[0-9]{10}$'", name="business_number_form"),
        Index("ix_company_agency_id", "agency_id", "id"),
        Index("ix_company_representative", "representative"),
        Index("ix_company_phone_index", "phone_index"),
        Index("ix_company_business_number", "business_number"),
        Index("ix_company_grams", "grams", postgresql_using="gin"),
        Index("ix_company_address_key", "address_key", postgresql_where=text("address_key <> ''")),
        Index(
            "ix_company_tax_office_waiting",
            "tax_office_tries",
            "tax_office_asked_at",
            "id",
            postgresql_where=text("tax_office_state IS NULL"),
        ),
    )

    @property
    def company_id(self) -> int:
        return self.id


class Document(Base):
    """A file handed in. `replaced_at` is set when a later one of the same kind took its place."""

    __tablename__ = "document"

    id: Mapped[Key]
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    signup_id: Mapped[int | None] = mapped_column(ForeignKey("signup.id"))
    supplier_signup_id: Mapped[int | None] = mapped_column(ForeignKey("supplier_signup.id"))
    kind: Mapped[DocumentKind] = mapped_column(enum_column(DocumentKind))
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    uploaded_at: Mapped[Instant]
    replaced_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    company: Mapped[Company | None] = relationship(back_populates="documents")

    __table_args__ = (
        Index("ix_document_company_id", "company_id"),
        Index("ix_document_signup_id", "signup_id"),
        Index("ix_document_supplier_id", "supplier_id"),
        Index("ix_document_supplier_signup_id", "supplier_signup_id"),
        CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="content_type"
        ),
    )

    @property
    def agency_id(self) -> int | None:
        return self.company.agency_id if self.company else None


class Signup(Base):
    """A half-filled sign-up, kept for the phone that was verified (R-JOIN-8)."""

    __tablename__ = "signup"

    id: Mapped[Key]
    token: Mapped[str] = mapped_column(unique=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme.id"))
    step: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """What was typed, except phones and passwords."""
    password_hash: Mapped[str | None]
    contact_phone: Mapped[str | None] = mapped_column(EncryptedText)
    verification_id: Mapped[int | None] = mapped_column(ForeignKey("verification.id"))
    payment_verification_id: Mapped[int | None] = mapped_column(ForeignKey("verification.id"))
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    started_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    submitted_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        Index("ix_signup_open", "updated_at", postgresql_where=text("submitted_at IS NULL")),
        Index("ix_signup_verification_id", "verification_id", postgresql_where=text("submitted_at IS NULL")),
    )
