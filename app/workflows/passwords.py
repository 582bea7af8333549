"""Passwords: Argon2id, and what a password must be (R-AUD-1)."""

from __future__ import annotations

import re

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import InvalidInput

# OWASP's profile for Argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_NOBODY = _HASHER.hash("the account that does not exist")
LEAST, MOST = 10, 100


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether the password is right; where there is no hash, the same work is done and the answer is no."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def check_strength(*, password: str, login: str) -> None:
    """Raise InvalidInput `password.weak` with the first thing that is wrong."""
    kinds = sum(bool(re.search(p, password)) for p in (r"[A-Za-z]", r"\d", r"[^A-Za-z\d]"))
    text = None
    if not LEAST <= len(password) <= MOST:
        text = f"비밀번호는 {LEAST}자 이상 {MOST}자 이하로 정해 주세요."
    elif kinds < 2:
        text = "비밀번호에 영문, 숫자, 특수문자 가운데 두 가지 이상을 넣어 주세요."
    elif login and login.lower() in password.lower():
        text = "비밀번호에 아이디를 넣을 수 없습니다. 다른 비밀번호를 정해 주세요."
    elif re.search(r"(.)\1{3,}", password):
        text = "같은 문자를 네 번 이상 잇달아 쓸 수 없습니다."
    if text:
        raise InvalidInput("password.weak", text, fields={"password": text})
