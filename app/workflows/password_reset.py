"""'비밀번호 찾기': ID, registered phone, code, new password (R-KST-2, R-KST-4).

It never tells whether a login exists.

The code is not kept: it is a function of the request's token, the number of the sending and the data key. The
job that sends it can run twice and sends the same code under the same key.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app import clock, crypto, gateways
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, Refusal
from app.models.numbers import digits
from app.models.people import Account, Verification, VerificationPurpose
from app.workflows import accounts, record, verification

CODE_FOR = timedelta(minutes=3)
MOST_TRIES = 5
MOST_PER_HOUR = 5
SET_WITHIN = timedelta(minutes=10)


def request(*, login: str, phone: str, ip: str | None = None) -> str:
    """Begin with login and registered phone; the token of the code step, whether or not they match."""
    phone = digits(phone)
    with transaction():
        account = accounts.find(login)
        registered = digits(account.phone or "") if account is not None and account.is_active else ""
        matches = bool(phone) and hmac.compare_digest(registered.encode(), phone.encode())
        return _begin(account if matches else None, phone=phone)


def begin(*, account_id: int) -> str:
    """The step behind K-Startup's initial password (R-KST-4): the code goes to the registered phone.

    Raises Conflict `account.too_many_codes`.
    """
    with transaction():
        account = lock(Account, account_id)
        if _sent_lately(account) >= MOST_PER_HOUR:
            raise Conflict(
                "account.too_many_codes", "인증번호를 여러 번 요청했습니다. 한 시간 뒤 다시 시도해 주세요."
            )
        return _begin(account, phone=digits(account.phone or ""))


def _sent_lately(account: Account) -> int:
    since = clock.real_now() - timedelta(hours=1)
    return (
        db.session.scalar(
            select(func.count()).where(
                Verification.account_id == account.id, Verification.requested_at > since
            )
        )
        or 0
    )


def _begin(account: Account | None, *, phone: str) -> str:
    """One row either way; the message goes out only where there is somebody to get it."""
    if account is not None and _sent_lately(account) >= MOST_PER_HOUR:
        account = None
    now = clock.real_now()
    row = Verification(
        token=secrets.token_urlsafe(24),
        purpose=VerificationPurpose.PASSWORD,
        account_id=account.id if account else None,
        name=account.name if account else "",
        phone=phone,
        sends=1,
        tries=0,
        requested_at=now,
        expires_at=now + CODE_FOR,
    )
    db.session.add(row)
    db.session.flush()
    _ask_to_send(row)
    return row.token


def _ask_to_send(row: Verification) -> None:
    if row.account_id is not None:
        record.put(f"password_code:{row.id}:{row.sends}", "password_code", {"verification_id": row.id})


def resend(*, token: str) -> None:
    """Raises NotFound, Conflict `verification.too_many`."""
    with transaction():
        row = verification.lock_by_token(token=token)
        verification.count_send(row)
        row.expires_at = clock.real_now() + CODE_FOR
        _ask_to_send(row)


def _code(row: Verification) -> str:
    digest = crypto.blind_index(f"password code {row.token} {row.sends}")
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def send_code(payload: Mapping[str, Any], key: str, /) -> str | None:
    """The outbox handler of 'password_code': send the code that counts now, once per sending."""
    with transaction() as session:
        row = session.get(Verification, payload["verification_id"])
        if row is None or row.verified_at is not None:
            return None
        phone, code = row.phone, _code(row)
    text = (
        f"[K-비대면바우처] 비밀번호 찾기 인증번호 [{code}]를 3분 안에 입력해 주세요. 타인에게 "
        "알려주지 마세요."
    )
    gateways.get().sms.send(to=phone, text=text, idempotency_key=key)
    return None


def confirm(*, token: str, code: str) -> None:
    """Check the code.

    Raises InvalidInput `verification.code`, Conflict `verification.expired`, `verification.tries`.
    """
    with transaction():
        outcome = _check(verification.lock_by_token(token=token), digits(code))
    if outcome is not None:
        raise outcome


def _check(row: Verification, code: str) -> Refusal | None:
    now = clock.real_now()
    if row.purpose is not VerificationPurpose.PASSWORD:
        return Conflict("verification.purpose", "비밀번호 찾기를 처음부터 다시 해 주세요.")
    if row.verified_at is not None:
        return None
    if row.tries >= MOST_TRIES:
        return Conflict(
            "verification.tries", "인증번호를 여러 번 잘못 입력했습니다. 처음부터 다시 해 주세요."
        )
    if row.expires_at is None or now >= row.expires_at:
        return Conflict(
            "verification.expired", "인증번호 입력 시간이 지났습니다. '재전송'을 눌러 새 번호를 받아 주세요."
        )
    row.tries += 1
    if row.account_id is None or not hmac.compare_digest(_code(row).encode(), code.encode()):
        text = "인증번호가 맞지 않습니다. 문자로 받은 여섯 자리를 다시 입력해 주세요."
        return InvalidInput("verification.code", text, fields={"code": text})
    row.verified_at = now
    return None


def finish(*, token: str, new_password: str, ip: str | None = None) -> Account:
    """Set the new password, once, within ten minutes of the code.

    Raises Conflict `verification.not_verified`, InvalidInput `password.weak`.
    """
    with transaction():
        row = verification.finished(token=token, purpose=VerificationPurpose.PASSWORD)
        assert row.verified_at is not None and row.account_id is not None  # noqa: S101
        if clock.real_now() - row.verified_at > SET_WITHIN:
            raise Conflict(
                "verification.expired", "비밀번호를 정할 시간이 지났습니다. 처음부터 다시 해 주세요."
            )
        account = lock(Account, row.account_id)
        accounts.put_password(account, new_password, actor=account.actor(ip))
        row.used_at = clock.real_now()
        return account
