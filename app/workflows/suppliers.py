"""Suppliers: joining, selection, suspension, and the account that they are paid on (R-SUP-1, R-SET-1)."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.exc import IntegrityError

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.gateways.errors import Refused, Unavailable, Unknown, korean_for
from app.models.catalogue import Offering, Supplier, SupplierState
from app.models.numbers import digits, valid_business_number
from app.policy import Actor, Permission
from app.workflows import record, search
from app.workflows.company_edits import mask
from app.workflows.lifecycle import Edge, Lifecycle, Tell, begin, fire

HOME = "/supply/profile"

SUPPLIER = Lifecycle(
    "supplier",
    Supplier,
    initial=(SupplierState.SCREENING,),
    edges=(
        Edge(
            action="select",
            label="선정",
            source=SupplierState.SCREENING,
            target=SupplierState.SELECTED,
            permission=Permission.SUPPLIER_SELECT,
            tell=(
                Tell(to="supplier", text="공급기업으로 선정되었습니다. 서비스를 등록해 주세요.", link=HOME),
            ),
        ),
        Edge(
            action="ask_supplement",
            label="보완요청",
            source=SupplierState.SCREENING,
            target=SupplierState.SUPPLEMENT,
            permission=Permission.SUPPLIER_SELECT,
            needs_reason=True,
            tell=(Tell(to="supplier", text="신청 내용을 보완해 주세요. 사유: {reason}", link=HOME),),
        ),
        Edge(
            action="resubmit",
            label="보완 제출",
            source=SupplierState.SUPPLEMENT,
            target=SupplierState.SCREENING,
            permission=Permission.OFFERING_WRITE,
        ),
        *(
            Edge(
                action="reject",
                label="탈락",
                source=source,
                target=SupplierState.REJECTED,
                permission=Permission.SUPPLIER_SELECT,
                needs_reason=True,
                confirm="탈락으로 처리하면 되돌릴 수 없습니다. 계속할까요?",
                tell=(Tell(to="supplier", text="공급기업 심사에서 탈락했습니다. 사유: {reason}", link=HOME),),
            )
            for source in (SupplierState.SCREENING, SupplierState.SUPPLEMENT)
        ),
        Edge(
            action="suspend",
            label="정지",
            source=SupplierState.SELECTED,
            target=SupplierState.SUSPENDED,
            permission=Permission.SUPPLIER_SELECT,
            needs_reason=True,
            confirm="정지하면 이 공급기업의 서비스가 모두 목록에서 사라집니다. 계속할까요?",
            tell=(Tell(to="supplier", text="판매가 정지되었습니다. 사유: {reason}", link=HOME),),
        ),
        Edge(
            action="lift",
            label="정지 해제",
            source=SupplierState.SUSPENDED,
            target=SupplierState.SELECTED,
            permission=Permission.SUPPLIER_SELECT,
            tell=(Tell(to="supplier", text="판매 정지가 해제되었습니다.", link=HOME),),
        ),
    ),
)

_LENGTHS = {
    "name": 100,
    "representative": 50,
    "phone": 20,
    "email": 100,
    "address": 200,
    "introduction": 4000,
}
_LABELS = {
    "name": "기업명",
    "representative": "대표자",
    "phone": "대표 전화",
    "email": "이메일",
    "address": "주소",
    "introduction": "기업 소개",
}
_ACCOUNT = re.compile(r"[0-9]{7,14}")


def register(
    *,
    actor: Actor,
    name: str,
    business_number: str,
    representative: str,
    phone: str,
    email: str,
    address: str,
    introduction: str = "",
    bank_code: str,
    account_number: str,
    account_holder: str,
) -> Supplier:
    """Enter a supplier as 심사중: by staff, or by the supplier's own person, who has no log-in yet.

    Raises Denied, InvalidInput with the fields, Conflict `supplier.exists`.
    """
    if actor.id is not None:
        policy.require(actor, Permission.SUPPLIER_SELECT)
    details = _check_details(
        name=name,
        representative=representative,
        phone=phone,
        email=email,
        address=address,
        introduction=introduction,
    )
    account = _check_account(bank_code, account_number, account_holder)
    number = digits(business_number)
    if not valid_business_number(number):
        text = "사업자등록번호를 확인해 주세요. 숫자 10자리이며 검증번호가 맞아야 합니다."
        raise InvalidInput("supplier.business_number", text, fields={"business_number": text})
    supplier = Supplier(
        **details, **account, business_number=number, state=SupplierState.SCREENING, joined_at=clock.now()
    )
    try:
        begin(SUPPLIER, supplier, actor=actor, action="register")
    except IntegrityError as error:
        if "uq_supplier_business_number" not in str(error.orig):
            raise
        raise Conflict(
            "supplier.exists", "이미 등록된 사업자등록번호입니다. 로그인해서 확인해 주세요."
        ) from None
    return supplier


def select_supplier(*, actor: Actor, supplier_id: int) -> Supplier:
    return _move(supplier_id, "select", actor=actor)


def ask_supplement(*, actor: Actor, supplier_id: int, reason: str) -> Supplier:
    return _move(supplier_id, "ask_supplement", actor=actor, reason=reason)


def reject(*, actor: Actor, supplier_id: int, reason: str) -> Supplier:
    return _move(supplier_id, "reject", actor=actor, reason=reason)


def suspend(*, actor: Actor, supplier_id: int, reason: str) -> Supplier:
    """Stop a supplier's selling; its open deals go on (R-CAT-5)."""
    return _move(supplier_id, "suspend", actor=actor, reason=reason)


def lift(*, actor: Actor, supplier_id: int) -> Supplier:
    return _move(supplier_id, "lift", actor=actor)


def resubmit(*, actor: Actor) -> Supplier:
    """The supplier hands in what it was asked to mend."""
    return _move(_own_id(actor), "resubmit", actor=actor)


def _move(supplier_id: int, action: str, *, actor: Actor, reason: str | None = None) -> Supplier:
    stripped = (reason or "").strip() or None
    moved: Supplier = fire(
        SUPPLIER, supplier_id, action, actor=actor, reason=stripped, changes={"reason": stripped}
    )
    return moved


def edit(*, actor: Actor, **fields: str) -> Supplier:
    """The supplier changes what it says about itself; the services are found by the new name.

    The business number stays; so do, once it is 선정, name and representative, which were screened.
    """
    policy.require(actor, Permission.OFFERING_WRITE)
    details = _check_details(**fields)
    with transaction() as session:
        supplier = lock(Supplier, _own_id(actor))
        change = {n: (getattr(supplier, n), v) for n, v in details.items() if getattr(supplier, n) != v}
        if supplier.state not in (SupplierState.SCREENING, SupplierState.SUPPLEMENT) and (
            change.keys() & {"name", "representative"}
        ):
            raise Conflict(
                "supplier.fixed", "선정 뒤에는 기업명과 대표자를 바꿀 수 없습니다. 전문기관에 문의해 주세요."
            )
        for name, value in details.items():
            setattr(supplier, name, value)
        if "name" in change:
            for offering in session.scalars(select(Offering).where(Offering.supplier_id == supplier.id)):
                offering.search_text = search.search_text(
                    name=offering.name, company=supplier.name, keywords=offering.keywords
                )
        session.flush()
        if change:
            masked = {n: (mask(n, old), mask(n, new)) for n, (old, new) in change.items()}
            record.write("supplier", supplier.id, "edit", actor=actor, change=masked)
        return supplier


def change_account(*, actor: Actor, bank_code: str, account_number: str, account_holder: str) -> Supplier:
    """Name another bank account; it must be verified again before anything is paid on it (R-SET-1)."""
    policy.require(actor, Permission.OFFERING_WRITE)
    account = _check_account(bank_code, account_number, account_holder)
    with transaction() as session:
        supplier = lock(Supplier, _own_id(actor))
        before = (supplier.bank_code, supplier.account_number, supplier.account_holder)
        if before == tuple(account.values()):
            return supplier
        change = {"account": (_masked(supplier), f"{bank_code} ****{account['account_number'][-4:]}")}
        for name, value in account.items():
            setattr(supplier, name, value)
        supplier.account_verified_at = None
        session.flush()
        record.write("supplier", supplier.id, "change_account", actor=actor, change=change)
        return supplier


def verify_account(*, actor: Actor, supplier_id: int) -> Supplier:
    """Ask the bank whose account it is, and note the date if it is the supplier's (R-SET-1).

    Raises Denied, NotFound, InvalidInput `supplier.account` (no such account), Conflict `account_holder`
    (another's), `account_changed` (while the bank was asked), `bank_unavailable`.
    """
    if not (actor.may(Permission.SUPPLIER_SELECT) or actor.may(Permission.SETTLEMENT_DRAFT)):
        raise Denied()
    supplier = get(actor=actor, supplier_id=supplier_id)
    asked = (supplier.bank_code, supplier.account_number, supplier.account_holder)
    bank_code, account_number, account_holder = asked
    if not (bank_code and account_number and account_holder):
        raise InvalidInput(
            "supplier.account", "등록된 정산 계좌가 없습니다. 공급기업에 계좌 등록을 요청해 주세요."
        )
    _ask_bank(bank_code, account_number, account_holder, supplier.business_number)
    with transaction() as session:
        supplier = lock(Supplier, supplier_id)
        if asked != (supplier.bank_code, supplier.account_number, supplier.account_holder):
            raise Conflict(
                "supplier.account_changed", "확인하는 동안 계좌가 바뀌었습니다. 다시 확인해 주세요."
            )
        before, supplier.account_verified_at = supplier.account_verified_at, clock.now()
        session.flush()
        change = {"account_verified_at": (before, supplier.account_verified_at)}
        record.write("supplier", supplier_id, "verify_account", actor=actor, change=change)
        return supplier


def _ask_bank(bank_code: str, account_number: str, account_holder: str, business_number: str) -> None:
    try:
        answer = gateways.get().bank.holder(
            bank_code=bank_code,
            account_number=account_number,
            identity_number=business_number,
            expected_name=account_holder,
        )
    except Refused as refused:
        if refused.code == "BANK_NOT_AVAILABLE":
            raise Conflict("supplier.bank_unavailable", refused.korean) from refused
        raise InvalidInput("supplier.account", refused.korean) from refused
    except (Unknown, Unavailable) as error:
        raise Conflict("supplier.bank_unavailable", korean_for("BANK_NOT_AVAILABLE")) from error
    if not answer.matches:
        raise Conflict(
            "supplier.account_holder",
            "은행에 등록된 예금주가 공급기업이 적은 예금주와 다릅니다. 계좌를 다시 등록하도록 요청해 주세요.",
        )


def _masked(supplier: Supplier) -> str | None:
    return supplier.account_number and f"{supplier.bank_code} ****{supplier.account_number[-4:]}"


def _own_id(actor: Actor) -> int:
    if actor.supplier_id is None:
        raise Denied()
    return actor.supplier_id


def _check_details(**fields: str) -> dict[str, str]:
    unknown = fields.keys() - _LENGTHS.keys()
    if unknown:
        raise ValueError(f"no field of a supplier: {sorted(unknown)}")
    values = {name: value.strip() for name, value in fields.items()}
    wrong = {}
    for name, value in values.items():
        if not value and name != "introduction":
            wrong[name] = f"{_LABELS[name]}을(를) 입력해 주세요."
        elif len(value) > _LENGTHS[name]:
            wrong[name] = f"{_LABELS[name]}은(는) {_LENGTHS[name]:,}자까지 쓸 수 있습니다."
    if values.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", values["email"]):
        wrong["email"] = "이메일 주소를 확인해 주세요. 예: name@example.kr"
    if wrong:
        raise InvalidInput("supplier.details", "입력한 내용을 확인해 주세요.", fields=wrong)
    return values


def _check_account(bank_code: str, account_number: str, account_holder: str) -> dict[str, str]:
    number, holder = digits(account_number), account_holder.strip()
    wrong = {}
    if not re.fullmatch(r"[0-9]{3}", bank_code):
        wrong["bank_code"] = "은행을 선택해 주세요."
    if not _ACCOUNT.fullmatch(number):
        wrong["account_number"] = "계좌번호를 숫자 7~14자리로 입력해 주세요."
    if not 0 < len(holder) <= 100:
        wrong["account_holder"] = "예금주를 입력해 주세요."
    if wrong:
        raise InvalidInput("supplier.account", "정산 계좌를 확인해 주세요.", fields=wrong)
    return {"bank_code": bank_code, "account_number": number, "account_holder": holder}


def get(*, actor: Actor, supplier_id: int) -> Supplier:
    """One supplier, to itself and to the lead agency. Raises NotFound, Denied."""
    supplier = db.session.get(Supplier, supplier_id)
    if supplier is None:
        raise NotFound()
    if actor.supplier_id is not None:
        policy.require_own(actor, supplier)
    elif not (actor.may(Permission.DEAL_VIEW) or actor.may(Permission.SUPPLIER_SELECT)):
        raise Denied()
    return supplier


def mine(*, actor: Actor) -> Supplier:
    return get(actor=actor, supplier_id=_own_id(actor))


def supplier_list(
    *,
    actor: Actor,
    state: SupplierState | None = None,
    text: str = "",
    before: int | None = None,
    size: int = 50,
) -> list[Supplier]:
    """The lead agency's list, newest first; `text` is in the name or begins the business number."""
    policy.require(actor, Permission.DEAL_VIEW)
    statement = select(Supplier).where(_listed(state, text)).order_by(Supplier.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(Supplier.id < before)
    return list(db.session.scalars(statement))


def _listed(state: SupplierState | None, text: str) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true() if state is None else Supplier.state == state
    text = search.clean(text)
    if text:
        number = re.sub(r"\D", "", text)
        named = Supplier.name.icontains(text, autoescape=True)
        numbered = Supplier.business_number.startswith(number) if number else None
        condition = condition & (named if numbered is None else named | numbered)
    return condition


def state_counts(*, actor: Actor) -> dict[SupplierState, int]:
    policy.require(actor, Permission.DEAL_VIEW)
    rows: Any = db.session.execute(select(Supplier.state, func.count()).group_by(Supplier.state))
    return {state: 0 for state in SupplierState} | dict(rows.all())
