"""Accounts as the console lists them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.people import Account
from app.models.programme import Agency
from app.policy import Actor, Permission, Role


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    account: Account
    belongs: str
    """The agency, supplier or company that the account acts for."""

    @property
    def id(self) -> int:
        return self.account.id


def listing(
    *,
    actor: Actor,
    role: Role | None = None,
    active: bool | None = None,
    text: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[AccountRow]:
    """Accounts, newest first; `text` is part of a name or of a login. Raises Denied."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    statement = (
        select(Account, func.coalesce(Agency.name, Supplier.name, Company.name, ""))
        .outerjoin(Agency, Agency.id == Account.agency_id)
        .outerjoin(Supplier, Supplier.id == Account.supplier_id)
        .outerjoin(Company, Company.id == Account.company_id)
        .order_by(Account.id.desc())
        .limit(size)
    )
    if role is not None:
        statement = statement.where(Account.role == role)
    if active is not None:
        statement = statement.where(Account.is_active == active)
    if text:
        columns = (Account.name, Account.login)
        statement = statement.where(or_(*[column.icontains(text, autoescape=True) for column in columns]))
    if before is not None:
        statement = statement.where(Account.id < before)
    rows = db.session.execute(statement)
    return [AccountRow(account=account, belongs=belongs) for account, belongs in rows]


def get(*, actor: Actor, account_id: int) -> Account:
    """Raises Denied, NotFound."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    account = db.session.get(Account, account_id)
    if account is None:
        raise NotFound()
    return account


def reviewers(*, actor: Actor) -> list[Account]:
    """Whom a manager can give a case to: the active staff of the own agency (R-SCR-3b)."""
    policy.require(actor, Permission.SCREENING_ASSIGN)
    statement = (
        select(Account)
        .where(
            Account.agency_id == actor.agency_id,
            Account.role.in_((Role.REVIEWER, Role.MANAGER)),
            Account.is_active,
        )
        .order_by(Account.name, Account.id)
    )
    return list(db.session.scalars(statement))
