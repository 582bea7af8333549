"""Accounts and the phones that they were verified by (R-ROLE-1, R-JOIN-1, R-AUD-1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base
from app.models.types import EncryptedText, Instant, Key, KoreanInstant, Labelled, enum_column
from app.policy import Actor, Role


class VerificationPurpose(Labelled):
    SIGN_UP = "sign_up", "회원가입 본인인증"
    PAYMENT_CONTACT = "payment_contact", "결제담당자 인증"
    PASSWORD = "password", "비밀번호 찾기"


class Account(Base):
    """A log-in. Belongs to a demand company, a supplier or an agency, as its role says."""

    __tablename__ = "account"

    id: Mapped[Key]
    login: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[Role] = mapped_column(enum_column(Role))
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(EncryptedText)
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    supplier_id: Mapped[int | None] = mapped_column(ForeignKey("supplier.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    opens_by_code_only: Mapped[bool] = mapped_column(default=False)
    """The initial password is guessable: it opens nothing but the phone check (R-KST-4)."""
    initial_password_lapses_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(KoreanInstant)
    created_at: Mapped[Instant]
    last_login_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (
        Index("uq_account_login_lower", text("lower(login)"), unique=True),
        Index("ix_account_company_id", "company_id"),
        Index("ix_account_supplier_id", "supplier_id"),
        CheckConstraint(
            "(role = 'supplier') = (supplier_id IS NOT NULL) AND (role <> 'demand' OR company_id IS NOT NULL)"
            " AND (role NOT IN ('reviewer', 'manager') OR agency_id IS NOT NULL)",
            name="belongs",
        ),
    )

    def actor(self, ip: str | None = None) -> Actor:
        return Actor(
            id=self.id,
            role=self.role,
            name=self.name,
            agency_id=self.agency_id,
            company_id=self.company_id,
            supplier_id=self.supplier_id,
            ip=ip,
        )


class Verification(Base):
    """One 본인인증: asked of the identity service, answered by a code (R-JOIN-1, R-JOIN-3, R-KST-2)."""

    __tablename__ = "verification"

    id: Mapped[Key]
    token: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[VerificationPurpose] = mapped_column(enum_column(VerificationPurpose))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    tx_id: Mapped[str | None]
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(EncryptedText)
    ci: Mapped[str | None] = mapped_column(EncryptedText)
    ci_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    sends: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    requested_at: Mapped[Instant]
    expires_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    """Until when the last code counts, in real time, like the other instants here."""
    verified_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    used_at: Mapped[datetime | None] = mapped_column(KoreanInstant)

    __table_args__ = (Index("ix_verification_ci_index", "ci_index"),)
