"""The ledger as the console shows it (R-MONEY-3): journals, one account, the trial balance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.ledger import Journal, JournalKind, LedgerAccount, Posting
from app.models.payments import Payment
from app.models.people import Account
from app.models.programme import Agency, AgencyBudget, Programme
from app.models.settlements import SettlementBatch, SettlementLine
from app.models.vouchers import Voucher
from app.policy import Actor, Permission
from app.workflows import ledger, month_trial
from app.workflows.month_trial import TrialLine

# Whose an account is: which table its owner stands in (app/models/ledger.py).
_PROGRAMMES = (LedgerAccount.FUNDING, LedgerAccount.PROGRAMME_BUDGET, LedgerAccount.FEE)
_NAMES = {
    **dict.fromkeys(_PROGRAMMES, select(Programme.id, Programme.name)),
    LedgerAccount.AGENCY_BUDGET: select(AgencyBudget.id, Agency.name).join(
        Agency, Agency.id == AgencyBudget.agency_id
    ),
    **dict.fromkeys((LedgerAccount.PLEDGE, LedgerAccount.COMPANY_TAX), select(Company.id, Company.name)),
    **dict.fromkeys(
        (LedgerAccount.VOUCHER_GRANT, LedgerAccount.VOUCHER_SHARE),
        select(Voucher.id, Company.name).join(Company, Company.id == Voucher.company_id),
    ),
    LedgerAccount.HOLD: select(Payment.id, Company.name).join(Company, Company.id == Payment.company_id),
    **dict.fromkeys((LedgerAccount.PAYABLE, LedgerAccount.PAID_OUT), select(Supplier.id, Supplier.name)),
    LedgerAccount.TRANSFER: select(SettlementLine.id, func.concat(SettlementBatch.number, " ", Supplier.name))
    .join(SettlementBatch, SettlementBatch.id == SettlementLine.batch_id)
    .join(Supplier, Supplier.id == SettlementLine.supplier_id),
}


@dataclass(frozen=True, kw_only=True)
class JournalRow:
    """A journal in the list; `amount` is the money that it moves, won."""

    journal: Journal
    amount: int
    actor_name: str

    @property
    def id(self) -> int:
        return self.journal.id


@dataclass(frozen=True, kw_only=True)
class JournalView:
    journal: Journal
    amount: int
    actor_name: str
    owners: dict[int, str]
    """The owner's name by posting id."""


@dataclass(frozen=True, kw_only=True)
class PostingRow:
    posting: Posting
    journal: Journal
    owner: str = ""
    actor_name: str = ""

    @property
    def id(self) -> int:
        return self.posting.id


@dataclass(frozen=True, kw_only=True)
class AccountView:
    account: LedgerAccount
    owner_id: int
    owner: str
    balance: int


def owner_names(pairs: Iterable[tuple[LedgerAccount, int]]) -> dict[tuple[LedgerAccount, int], str]:
    """Whose accounts these are, one query for each kind of account."""
    wanted: dict[LedgerAccount, set[int]] = defaultdict(set)
    for account, owner_id in pairs:
        wanted[account].add(owner_id)
    found: dict[tuple[LedgerAccount, int], str] = {}
    for account, owners in wanted.items():
        statement = _NAMES[account]
        key = next(iter(statement.selected_columns))
        rows = db.session.execute(statement.where(key.in_(owners)))
        found |= {(account, owner_id): name for owner_id, name in rows}
    return found


def _actor_names(journals: Iterable[Journal]) -> dict[int, str]:
    ids = {journal.actor_id for journal in journals if journal.actor_id}
    if not ids:
        return {}
    statement = select(Account.id, Account.name).where(Account.id.in_(ids))
    return {key: name for key, name in db.session.execute(statement)}


def _moved(journal: Journal) -> int:
    return sum(posting.amount for posting in journal.postings if posting.amount > 0)


def _who(journal: Journal, names: dict[int, str]) -> str:
    return names.get(journal.actor_id, "시스템") if journal.actor_id else "시스템"


def journals(
    *,
    actor: Actor,
    kind: JournalKind | None = None,
    since: date | None = None,
    until: date | None = None,
    event: str = "",
    about: tuple[str, int] | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[JournalRow]:
    """Journals, newest first; days are Korean and inclusive, `event` begins its key.

    `about` is a record as the keys name it: entity and id. Raises Denied.
    """
    policy.require(actor, Permission.LEDGER_VIEW)
    statement = select(Journal).order_by(Journal.id.desc()).limit(size)
    conditions = [
        kind is not None and Journal.kind == kind,
        since is not None and Journal.at >= clock.start_of(since),
        until is not None and Journal.at < clock.end_of(until),
        bool(event) and Journal.event_key.startswith(event, autoescape=True),
        about is not None and _about(*about),
        before is not None and Journal.id < before,
    ]
    statement = statement.where(*[condition for condition in conditions if condition is not False])
    found = list(db.session.scalars(statement.options(selectinload(Journal.postings))))
    names = _actor_names(found)
    return [JournalRow(journal=j, amount=_moved(j), actor_name=_who(j, names)) for j in found]


def _about(entity: str, key: int) -> ColumnElement[bool]:
    """All journals of one record: an allocation's key says more behind its budget."""
    exact = Journal.event_key.in_([f"{kind.value}:{entity}:{key}" for kind in JournalKind])
    given = f"{JournalKind.ALLOCATION.value}:{entity}:{key}:"
    return exact | Journal.event_key.startswith(given, autoescape=True)


def journal(*, actor: Actor, journal_id: int) -> JournalView:
    """One journal with whose accounts it touches. Raises Denied, NotFound."""
    policy.require(actor, Permission.LEDGER_VIEW)
    found = db.session.get(Journal, journal_id)
    if found is None:
        raise NotFound()
    names = owner_names((p.account, p.owner_id) for p in found.postings)
    owners = {p.id: names.get((p.account, p.owner_id), str(p.owner_id)) for p in found.postings}
    who = _who(found, _actor_names([found]))
    return JournalView(journal=found, amount=_moved(found), actor_name=who, owners=owners)


def account(*, actor: Actor, account: LedgerAccount, owner_id: int) -> AccountView:
    """One account of one owner and what lies on it. Raises Denied, NotFound."""
    policy.require(actor, Permission.LEDGER_VIEW)
    names = owner_names([(account, owner_id)])
    if not names:
        raise NotFound()
    (owner,) = names.values()
    balance = ledger.balance(account, owner_id)
    return AccountView(account=account, owner_id=owner_id, owner=owner, balance=balance)


def account_postings(
    *, actor: Actor, account: LedgerAccount, owner_id: int, before: int | None = None, size: int = 50
) -> list[PostingRow]:
    """What came to an account and what left it, newest first."""
    policy.require(actor, Permission.LEDGER_VIEW)
    statement = (
        select(Posting, Journal)
        .join(Journal, Journal.id == Posting.journal_id)
        .where(Posting.account == account, Posting.owner_id == owner_id)
        .order_by(Posting.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(Posting.id < before)
    return [PostingRow(posting=posting, journal=entry) for posting, entry in db.session.execute(statement)]


def postings(
    *,
    actor: Actor,
    account: LedgerAccount | None = None,
    kind: JournalKind | None = None,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 50,
) -> list[PostingRow]:
    """Every posting of a period with whose account it is, newest first; days are Korean and inclusive.

    Raises Denied.
    """
    policy.require(actor, Permission.LEDGER_VIEW)
    conditions = [
        account is not None and Posting.account == account,
        kind is not None and Journal.kind == kind,
        since is not None and Journal.at >= clock.start_of(since),
        until is not None and Journal.at < clock.end_of(until),
        before is not None and Posting.id < before,
    ]
    rows = db.session.execute(
        select(Posting, Journal)
        .join(Journal, Journal.id == Posting.journal_id)
        .where(*[condition for condition in conditions if condition is not False])
        .order_by(Posting.id.desc())
        .limit(size)
    ).all()
    owners = owner_names((posting.account, posting.owner_id) for posting, _ in rows)
    names = _actor_names(entry for _, entry in rows)
    return [
        PostingRow(
            posting=posting,
            journal=entry,
            owner=owners.get((posting.account, posting.owner_id), str(posting.owner_id)),
            actor_name=_who(entry, names),
        )
        for posting, entry in rows
    ]


def trial_balance(*, actor: Actor, until: date | None = None) -> list[TrialLine]:
    """Every account over all owners, at the end of a Korean day or now, with what moved in its month.

    The balances sum up to zero, and so does what was brought forward. Raises Denied.
    """
    policy.require(actor, Permission.LEDGER_VIEW)
    return month_trial.overall(until)


def verify(*, actor: Actor) -> list[str]:
    """What does not hold in the ledger. Raises Denied."""
    policy.require(actor, Permission.LEDGER_VIEW)
    return ledger.verify()
