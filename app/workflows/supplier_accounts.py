"""The account that a supplier is paid on: named by it, its holder checked at the bank (R-SET-1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.gateways.bank import COMPANY_MARKS
from app.gateways.errors import GatewayError, Refused, korean_for
from app.models.catalogue import Supplier
from app.models.companies import CompanyKind
from app.models.numbers import digits
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import record, suppliers
from app.workflows.slip_snapshots import BANKS
from app.workflows.supplier_lifecycle import HOME

MOST_QUESTIONS = 5
"""At the bank, a day and supplier: else one could try out whose any account is."""
_NUMBER = re.compile(r"[0-9]{7,14}")


@dataclass(frozen=True, kw_only=True)
class BankAccount:
    bank_code: str
    number: str = field(repr=False)
    holder: str = field(repr=False)

    @property
    def masked(self) -> str:
        return f"{self.bank_code} ****{self.number[-4:]}"


def read(bank_code: str, account_number: str, account_holder: str) -> BankAccount:
    """As it was typed. Raises InvalidInput `supplier.account` with the fields."""
    number, holder = digits(account_number), " ".join(account_holder.split())
    wrong = {}
    if bank_code not in BANKS:
        wrong["bank_code"] = "은행을 선택해 주세요."
    if not _NUMBER.fullmatch(number):
        wrong["account_number"] = "계좌번호를 숫자 7~14자리로 입력해 주세요."
    if not 0 < len(holder) <= 100:
        wrong["account_holder"] = "예금주를 입력해 주세요."
    if wrong:
        raise InvalidInput("supplier.account", "정산 계좌를 확인해 주세요.", fields=wrong)
    return BankAccount(bank_code=bank_code, number=number, holder=holder)


def _plain(name: str) -> str:
    """Banks write 주식회사 and brackets as they like."""
    return COMPANY_MARKS.sub("", name).replace("(", "").replace(")", "")


def fits(holder: str, *, name: str, representative: str, kind: CompanyKind) -> bool:
    """Whether the account is the supplier's: of the company, or of the person who is the company (개인)."""
    own = {_plain(name)}
    if kind is CompanyKind.SOLE:
        own |= {_plain(part) for part in (representative, representative + name, name + representative)}
    return _plain(holder) in own


def refuse_stranger(account: BankAccount, *, name: str, representative: str, kind: CompanyKind) -> None:
    """Raises InvalidInput `supplier.account_holder`."""
    if fits(account.holder, name=name, representative=representative, kind=kind):
        return
    whose = f"기업명({name})" + (f" 또는 대표자명({representative})" if kind is CompanyKind.SOLE else "")
    text = f"예금주가 {whose}과 다릅니다. 공급기업 명의의 계좌를 입력해 주세요."
    raise InvalidInput("supplier.account_holder", text, fields={"account_holder": text})


def ask(account: BankAccount, *, business_number: str) -> bool:
    """Ask the bank whose account it is, outside any transaction; False where it cannot be asked now.

    Raises InvalidInput `supplier.account` (no such account), `supplier.account_holder` (another's).
    """
    try:
        answer = gateways.get().bank.holder(
            bank_code=account.bank_code,
            account_number=account.number,
            identity_number=business_number,
            expected_name=account.holder,
        )
    except Refused as refused:
        if refused.code == "BANK_NOT_AVAILABLE":
            return False
        fields = {"account_number": refused.korean}
        raise InvalidInput("supplier.account", refused.korean, fields=fields) from refused
    except GatewayError:
        return False
    if not answer.matches:
        text = (
            "은행에 등록된 예금주가 입력한 예금주와 다릅니다. 계좌번호와 예금주를 통장과 같게 입력해 주세요."
        )
        raise InvalidInput("supplier.account_holder", text, fields={"account_holder": text})
    return True


def too_many() -> InvalidInput:
    often = f"예금주 확인은 하루에 {MOST_QUESTIONS}번까지 할 수 있습니다."
    text = f"{often} 통장을 확인한 뒤 내일 다시 입력해 주세요."
    return InvalidInput("supplier.bank_questions", text, fields={"account_number": text})


def change_account(*, actor: Actor, bank_code: str, account_number: str, account_holder: str) -> Supplier:
    """Name another account; the bank is asked at once, and where it cannot be, staff ask it later.

    Until it is confirmed nothing is paid on it (R-SET-1). Raises Denied, InvalidInput `supplier.account`,
    `supplier.account_holder`, `supplier.bank_questions`.
    """
    policy.require(actor, Permission.OFFERING_WRITE)
    account = read(bank_code, account_number, account_holder)
    with transaction():
        supplier = lock(Supplier, suppliers.own_id(actor))
        if account == kept(supplier) and supplier.account_verified_at is not None:
            return supplier
        refuse_stranger(
            account, name=supplier.name, representative=supplier.representative, kind=supplier.kind
        )
        _count_question(supplier, account, actor=actor)
        number = supplier.business_number
    confirmed = ask(account, business_number=number)
    with transaction():
        return _put(lock(Supplier, suppliers.own_id(actor)), account, confirmed, actor=actor)


def kept(supplier: Supplier) -> BankAccount | None:
    if not (supplier.bank_code and supplier.account_number and supplier.account_holder):
        return None
    return BankAccount(
        bank_code=supplier.bank_code, number=supplier.account_number, holder=supplier.account_holder
    )


def _count_question(supplier: Supplier, account: BankAccount, *, actor: Actor) -> None:
    """Each question is on record, of real days: so they are counted by the trail."""
    asked = select(func.count()).where(
        AuditRow.entity == "supplier",
        AuditRow.entity_id == supplier.id,
        AuditRow.action == "ask_bank",
        AuditRow.recorded_at > clock.real_now() - timedelta(days=1),
    )
    if (db.session.scalar(asked) or 0) >= MOST_QUESTIONS:
        raise too_many()
    record.write("supplier", supplier.id, "ask_bank", actor=actor, change={"account": (None, account.masked)})


def _put(supplier: Supplier, account: BankAccount, confirmed: bool, *, actor: Actor) -> Supplier:
    before = kept(supplier)
    supplier.bank_code, supplier.account_holder = account.bank_code, account.holder
    supplier.account_number = account.number
    supplier.account_verified_at = clock.now() if confirmed else None
    suppliers.untick(supplier, "account")
    db.session.flush()
    change = {"account": (before and before.masked, account.masked)}
    seq = record.write("supplier", supplier.id, "change_account", actor=actor, change=change)
    if confirmed:
        verified = {"account_verified_at": (None, supplier.account_verified_at)}
        record.write("supplier", supplier.id, "verify_account", actor=actor, change=verified)
    text = "정산 계좌가 바뀌었습니다. 직접 바꾸지 않았다면 바로 고객센터에 알려 주세요."
    key = f"supplier:{supplier.id}:account:{seq}"
    record.tell([record.Message(key=key, text=text, supplier_id=supplier.id, link=HOME)])
    return supplier


def verify_account(*, actor: Actor, supplier_id: int) -> Supplier:
    """Staff ask the bank again whose account it is, and note the date if it is the supplier's (R-SET-1).

    Raises Denied, NotFound, InvalidInput `supplier.account` (no such account), `supplier.account_holder`
    (another's), Conflict `supplier.account_changed` (while the bank was asked), `supplier.bank_unavailable`.
    """
    if not (actor.may(Permission.SUPPLIER_SELECT) or actor.may(Permission.SETTLEMENT_DRAFT)):
        raise Denied()
    supplier = suppliers.get(actor=actor, supplier_id=supplier_id)
    account, number = kept(supplier), supplier.business_number
    if account is None:
        raise InvalidInput(
            "supplier.account", "등록된 정산 계좌가 없습니다. 공급기업에 계좌 등록을 요청해 주세요."
        )
    if not ask(account, business_number=number):
        raise Conflict("supplier.bank_unavailable", korean_for("BANK_NOT_AVAILABLE"))
    with transaction() as session:
        supplier = lock(Supplier, supplier_id)
        if account != kept(supplier):
            raise Conflict(
                "supplier.account_changed", "확인하는 동안 계좌가 바뀌었습니다. 다시 확인해 주세요."
            )
        before, supplier.account_verified_at = supplier.account_verified_at, clock.now()
        session.flush()
        change = {"account_verified_at": (before, supplier.account_verified_at)}
        record.write("supplier", supplier_id, "verify_account", actor=actor, change=change)
        return supplier
