"""Log-in, passwords and the accounts themselves (R-ROLE-1, R-KST-2 to R-KST-4, R-AUD-1).

Locks, codes and log-ins run on the real clock; only the lapse of an initial password is programme time.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.models.people import Account
from app.policy import Actor, Permission, Role
from app.workflows import passwords, record

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
WRONG = "아이디 또는 비밀번호가 맞지 않습니다. 다섯 번 틀리면 15분 동안 로그인할 수 없습니다."
LOGIN_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{3,29}")


class SignInRefused(Refusal):
    """Nobody was let in."""

    status = 422


@dataclass(frozen=True)
class SignIn:
    account_id: int
    code_only: bool
    """The initial password opens nothing but the phone check (R-KST-4): go on with `password_reset.begin`."""


def find(login: str) -> Account | None:
    return db.session.scalar(select(Account).where(func.lower(Account.login) == login.strip().lower()))


_ACTOR = select(
    *(Account.id, Account.role, Account.name, Account.agency_id, Account.company_id, Account.supplier_id)
).where(Account.id == bindparam("account_id"), Account.is_active, ~Account.opens_by_code_only)


def actor_for(*, account_id: int, ip: str | None = None) -> Actor | None:
    """Who acts, where the account is active and does not open by a code only (R-KST-4).

    Read as columns: every request of everybody comes here, and needs no account to change.
    """
    row = db.session.execute(_ACTOR, {"account_id": account_id}).first()
    return Actor(**row._mapping, ip=ip) if row else None


def authenticate(*, login: str, password: str, ip: str | None) -> SignIn:
    """Who this is. Takes the same time for a login that does not exist; five failures lock for 15 minutes.

    Raises SignInRefused `account.wrong`, `account.locked`, `account.closed`, `account.initial_lapsed`.
    """
    account = find(login)
    right = passwords.verify(account.password_hash if account else None, password)
    if account is None:
        raise SignInRefused("account.wrong", WRONG)
    with transaction():
        # Failures are committed, so the refusal is raised outside.
        outcome = _judge(lock(Account, account.id), password=password, right=right, ip=ip)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def _judge(account: Account, *, password: str, right: bool, ip: str | None) -> SignIn | SignInRefused:
    now, actor = clock.real_now(), account.actor(ip)
    if account.locked_until is not None and now < account.locked_until:
        return _locked()
    initial = _is_initial(account, password)
    if not (right or initial):
        account.failures += 1
        if account.failures >= MOST_FAILURES:
            account.failures, account.locked_until = 0, now + LOCKED_FOR
            record.write("account", account.id, "lock", actor=actor)
            return _locked()
        record.write("account", account.id, "sign_in_failed", actor=actor)
        return SignInRefused("account.wrong", WRONG)
    if not account.is_active:
        return SignInRefused("account.closed", "사용이 중지된 계정입니다. 콜센터에 문의해 주세요.")
    account.failures, account.locked_until = 0, None
    if initial:
        return _judge_initial(account, actor)
    account.last_login_at = now
    if account.password_hash and passwords.needs_rehash(account.password_hash):
        account.password_hash = passwords.hash_password(password)
    record.write("account", account.id, "sign_in", actor=actor)
    return SignIn(account.id, code_only=False)


def _locked() -> SignInRefused:
    return SignInRefused(
        "account.locked",
        "비밀번호를 다섯 번 틀려 15분 동안 로그인할 수 없습니다. 잠시 뒤 다시 시도하거나 "
        "'비밀번호 찾기'를 이용해 주세요.",
    )


def _is_initial(account: Account, password: str) -> bool:
    """K-Startup's ID+"1" (R-KST-3). It is a rule, so no hash of it is kept."""
    return account.opens_by_code_only and hmac.compare_digest(f"{account.login}1".encode(), password.encode())


def _judge_initial(account: Account, actor: Actor) -> SignIn | SignInRefused:
    lapses = account.initial_password_lapses_at
    if lapses is not None and clock.now() >= lapses:
        return SignInRefused(
            "account.initial_lapsed",
            "초기 비밀번호의 사용 기간이 지났습니다. '비밀번호 찾기'에서 새 비밀번호를 정해 주세요.",
        )
    record.write("account", account.id, "sign_in_initial", actor=actor)
    return SignIn(account.id, code_only=True)


def set_password(*, actor: Actor, current: str, new: str) -> Account:
    """Raises InvalidInput `account.current_wrong`, `password.weak`; NotFound."""
    if actor.id is None:
        raise NotFound()
    with transaction():
        account = lock(Account, actor.id)
        if not passwords.verify(account.password_hash, current):
            text = "현재 비밀번호가 맞지 않습니다."
            raise InvalidInput("account.current_wrong", text, fields={"current": text})
        put_password(account, new, actor=actor)
        return account


def put_password(account: Account, new: str, *, actor: Actor) -> None:
    """Set it on a locked account; it opens again, and an initial password is gone."""
    passwords.check_strength(password=new, login=account.login)
    account.password_hash = passwords.hash_password(new)
    account.opens_by_code_only = False
    account.initial_password_lapses_at = None
    account.failures, account.locked_until = 0, None
    record.write("account", account.id, "set_password", actor=actor)


def login_free(*, login: str) -> bool:
    return find(login) is None


def check_login(login: str) -> None:
    """Raises InvalidInput `account.login_form`, `account.login_taken`."""
    code, text = "", ""
    if not LOGIN_FORM.fullmatch(login):
        code, text = "account.login_form", "아이디는 영문, 숫자와 . _ - 로 4자 이상 30자 이하로 정해 주세요."
    elif not login_free(login=login):
        code, text = "account.login_taken", "이미 사용 중인 아이디입니다. 다른 아이디를 정해 주세요."
    if code:
        raise InvalidInput(code, text, fields={"login": text})


def create(*, actor: Actor, login: str, password: str, role: Role, name: str, **fields: Any) -> Account:
    """A log-in for staff or a supplier. Raises Denied, InvalidInput, Conflict.

    `fields`: email, phone, agency_id, supplier_id, company_id.
    """
    policy.require(actor, Permission.ACCOUNT_MANAGE)
    if role is Role.SYSTEM:
        text = "이 역할로는 계정을 만들 수 없습니다. 다른 역할을 골라 주세요."
        raise InvalidInput("account.role", text, fields={"role": text})
    with transaction() as session:
        check_login(login)
        passwords.check_strength(password=password, login=login)
        hashed = passwords.hash_password(password)
        account = Account(
            login=login, password_hash=hashed, role=role, name=name, created_at=clock.now(), **fields
        )
        session.add(account)
        session.flush()
        record.write("account", account.id, "create", actor=actor, change={"role": (None, role)})
        return account


def set_active(*, actor: Actor, account_id: int, active: bool, reason: str) -> Account:
    """Open or close an account, not one's own. Raises Denied, NotFound, Conflict, InvalidInput."""
    policy.require(actor, Permission.ACCOUNT_MANAGE)
    if not reason.strip():
        text = "사유를 입력해 주세요."
        raise InvalidInput("reason_missing", text, fields={"reason": text})
    if account_id == actor.id:
        raise Conflict("account.own", "자기 계정은 바꿀 수 없습니다. 다른 관리자에게 요청해 주세요.")
    with transaction():
        account = lock(Account, account_id)
        change = {"is_active": (account.is_active, active)}
        account.is_active = active
        record.write("account", account.id, "set_active", actor=actor, change=change, reason=reason.strip())
        return account
