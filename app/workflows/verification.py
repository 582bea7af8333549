"""본인인증 by mobile phone through the identity service (R-JOIN-1, R-JOIN-3). Instants here are real ones."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import select

from app import clock, crypto, gateways
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.errors import Refused, Unavailable, Unknown
from app.models.numbers import digits, valid_mobile
from app.models.people import Verification, VerificationPurpose

CARRIERS = [
    ("SKT", "SKT"),
    ("KT", "KT"),
    ("LGU+", "LG U+"),
    ("SKT_MVNO", "SKT 알뜰폰"),
    ("KT_MVNO", "KT 알뜰폰"),
    ("LGU+_MVNO", "LG U+ 알뜰폰"),
]
MOST_SENDS = 5
GOOD_FOR = timedelta(hours=24)
"""How long a finished 본인인증 may wait to be used by the sign-up that asked for it."""


@contextmanager
def spoken_korean(field: str) -> Iterator[None]:
    """The identity service's three ways of not succeeding, as refusals that say what to do."""
    try:
        yield
    except Refused as error:
        raise InvalidInput(
            f"verification.{'code' if field == 'code' else 'refused'}",
            error.korean,
            fields={field: error.korean},
        ) from error
    except (Unknown, Unavailable) as error:
        raise Refusal(
            "verification.unavailable",
            "본인인증 기관이 지금 응답하지 않습니다. 입력한 내용은 그대로 있으니 잠시 뒤 다시 시도해 주세요.",
        ) from error


def request(
    *, purpose: VerificationPurpose, name: str, birth7: str, carrier: str, phone: str
) -> Verification:
    """Have a code sent. The birth date passes through and is not kept.

    Raises InvalidInput (`verification.form`, `verification.refused`), Refusal `verification.unavailable`.
    """
    name, phone, birth7 = name.strip(), digits(phone), digits(birth7)
    _check_form(name, birth7, carrier, phone)
    with spoken_korean("phone"):
        sent = gateways.get().identity.request_code(
            name=name, birth7=birth7, carrier=carrier, phone=phone, purpose=purpose.label
        )
    with transaction() as session:
        verification = Verification(
            token=secrets.token_urlsafe(24),
            purpose=purpose,
            tx_id=sent.tx_id,
            name=name,
            phone=phone,
            sends=1,
            tries=0,
            requested_at=clock.real_now(),
            expires_at=sent.expires_at,
        )
        session.add(verification)
        session.flush()
        return verification


def _check_form(name: str, birth7: str, carrier: str, phone: str) -> None:
    wrong = {}
    if not 1 <= len(name) <= 50:
        wrong["name"] = "이름을 입력해 주세요."
    if not (len(birth7) == 7 and birth7.isascii() and birth7.isdigit()):
        wrong["birth7"] = "생년월일 여섯 자리와 주민등록번호 뒤 첫 자리를 숫자로 입력해 주세요."
    if carrier not in dict(CARRIERS):
        wrong["carrier"] = "통신사를 선택해 주세요."
    if not valid_mobile(phone):
        wrong["phone"] = "휴대전화 번호를 '010-0000-0000' 형식으로 입력해 주세요."
    if wrong:
        raise InvalidInput("verification.form", "본인인증 정보를 다시 확인해 주세요.", fields=wrong)


def by_token(*, token: str) -> Verification:
    """Raises NotFound."""
    found = db.session.scalar(select(Verification).where(Verification.token == token))
    if found is None:
        raise NotFound("verification.none", "본인인증 요청을 찾을 수 없습니다. 처음부터 다시 해 주세요.")
    return found


def lock_by_token(*, token: str) -> Verification:
    return lock(Verification, by_token(token=token).id)


def count_send(verification: Verification) -> None:
    """Raises Conflict `verification.too_many` at the limit; the caller holds the lock."""
    if verification.verified_at is not None:
        raise Conflict("verification.done", "이미 인증을 마쳤습니다. 다음 단계로 가 주세요.")
    if verification.sends >= MOST_SENDS:
        raise Conflict(
            "verification.too_many", "인증번호를 더 보낼 수 없습니다. 본인인증을 처음부터 다시 해 주세요."
        )
    verification.sends += 1


def resend(*, token: str) -> Verification:
    """Have a new code sent; the old one is void. Raises as `request`; Conflict `verification.too_many`."""
    with transaction():
        verification = lock_by_token(token=token)
        count_send(verification)
        tx_id = verification.tx_id or ""
    with spoken_korean("code"):
        sent = gateways.get().identity.resend(tx_id=tx_id)
    with transaction():
        verification = lock_by_token(token=token)
        verification.expires_at = sent.expires_at
        return verification


def confirm(*, token: str, code: str) -> Verification:
    """Check the code; the CI that comes back is kept encrypted, with a blind index (R-JOIN-7, R-AUD-1).

    Raises InvalidInput `verification.code`, Refusal `verification.unavailable`. Twice is once.
    """
    with transaction():
        found = by_token(token=token)
        if found.verified_at is not None:
            return found
        tx_id = found.tx_id or ""
    with spoken_korean("code"):
        identity = gateways.get().identity.confirm(tx_id=tx_id, code=digits(code))
    with transaction():
        verification = lock_by_token(token=token)
        verification.name = identity.name
        verification.phone = digits(identity.phone)
        verification.ci = identity.ci
        verification.ci_index = crypto.blind_index(identity.ci)
        verification.verified_at = clock.real_now()
        return verification


def finished(*, token: str, purpose: VerificationPurpose) -> Verification:
    """A verified and unused one, locked. Raises NotFound, Conflict `verification.not_verified`."""
    verification = lock_by_token(token=token)
    done = verification.verified_at
    fresh = done is not None and clock.real_now() - done < GOOD_FOR
    if verification.purpose is not purpose or verification.used_at is not None or not fresh:
        raise Conflict("verification.not_verified", "본인인증을 먼저 마쳐 주세요.")
    return verification
