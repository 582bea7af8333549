"""Keys for the suppliers' systems: issued, revoked, and the signature of each request (R-SET-1a).

Signatures live in real time (R-TIME-7). A secret is shown once, when it is issued.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.korean import subject_mark
from app.models.catalogue import Supplier
from app.models.supplier_keys import SupplierKey
from app.policy import Actor, Permission, Role
from app.workflows import record

ENTITY = "supplier_key"
MOST_KEYS = 5
LONGEST_NAME = 40
TOLERANCE_SECONDS = 300
KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-KV-Key", "X-KV-Timestamp", "X-KV-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{8,100}")
_PAGE = "/supply/usage/api"


class Unsigned(Refusal):
    """Nobody whom the platform knows signed this, or not in time."""

    status = 401


@dataclass(frozen=True)
class Issued:
    """A new key; its secret is kept by its supplier alone from now on."""

    key: SupplierKey
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A system that signed its request: whose it is, and by which key."""

    actor: Actor
    key_id: int


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a signature covers: any of it changed, it no longer fits."""

    timestamp: str
    """Seconds since 1970."""
    method: str
    target: str
    """Path, and `?` with the query where there is one, as sent."""
    idempotency_key: str
    """Empty where the request has none."""
    body: bytes

    def canonical(self) -> str:
        body = hashlib.sha256(self.body).hexdigest()
        return "\n".join([self.timestamp, self.method, self.target, self.idempotency_key, body])

    def signature(self, secret: str) -> str:
        """HMAC-SHA256 of the five lines, in hexadecimal."""
        return hmac.new(secret.encode(), self.canonical().encode(), hashlib.sha256).hexdigest()


def issue(*, actor: Actor, name: str) -> Issued:
    """A new key under a name of its own. Raises Denied, NotFound, InvalidInput, Conflict `api_key.most`."""
    policy.require(actor, Permission.API_KEY)
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        text = f"키를 쓰는 시스템의 이름을 {LONGEST_NAME}자 이하로 입력해 주세요. 예) 고객관리 시스템"
        raise InvalidInput("api_key.name", text, fields={"name": text})
    with transaction() as session:
        if actor.supplier_id is None:
            raise NotFound()
        lock(Supplier, actor.supplier_id)
        _refuse_more(actor.supplier_id, name)
        secret = secrets.token_urlsafe(32)
        key = SupplierKey(
            supplier_id=actor.supplier_id,
            key_id=f"kvk_{secrets.token_hex(8)}",
            name=name,
            secret=secret,
            issued_by_id=actor.id,
            issued_at=clock.now(),
        )
        session.add(key)
        session.flush()
        change = {"key_id": (None, key.key_id), "name": (None, name)}
        record.write(ENTITY, key.id, "issue", actor=actor, change=change)
        issued = f"시스템 연동 키 ‘{name}’{subject_mark(name)} 발급되었습니다."
        _tell(key, "issued", f"{issued} 요청하지 않았다면 바로 폐기해 주세요.")
        return Issued(key, secret)


def _refuse_more(supplier_id: int, name: str) -> None:
    live = [key for key in _of(supplier_id) if key.revoked_at is None]
    if any(key.name == name for key in live):
        text = f"‘{name}’ 이름의 키가 이미 있습니다. 다른 이름을 쓰거나 쓰던 키를 먼저 폐기해 주세요."
        raise InvalidInput("api_key.name", text, fields={"name": text})
    if len(live) >= MOST_KEYS:
        text = f"연동 키는 {MOST_KEYS}개까지 쓸 수 있습니다. 쓰지 않는 키를 폐기한 뒤 발급해 주세요."
        raise Conflict("api_key.most", text)


def revoke(*, actor: Actor, key_id: int) -> SupplierKey:
    """Take a key back, at once and for good; again changes nothing. Raises Denied, NotFound."""
    policy.require(actor, Permission.API_KEY)
    with transaction():
        key = lock(SupplierKey, key_id)
        policy.require_own(actor, key)
        if key.revoked_at is None:
            key.revoked_at, key.revoked_by_id = clock.now(), actor.id
            change = {"revoked_at": (None, key.revoked_at)}
            record.write(ENTITY, key.id, "revoke", actor=actor, change=change)
            _tell(key, "revoked", f"시스템 연동 키가 폐기되었습니다: {key.name}")
        return key


def _tell(key: SupplierKey, event: str, words: str) -> None:
    message = record.Message(
        key=f"{ENTITY}:{key.id}:{event}", supplier_id=key.supplier_id, text=words, link=_PAGE
    )
    record.tell([message])


def mine(*, actor: Actor) -> list[SupplierKey]:
    """The supplier's keys, live ones first, then the newest."""
    policy.require(actor, Permission.SUPPLIER_VIEW)
    if actor.supplier_id is None:
        raise NotFound()
    return sorted(_of(actor.supplier_id), key=lambda key: (key.revoked_at is not None, -key.id))


def _of(supplier_id: int) -> list[SupplierKey]:
    return list(db.session.scalars(select(SupplierKey).where(SupplierKey.supplier_id == supplier_id)))


def verify(
    *, headers: Mapping[str, str], method: str, target: str, body: bytes, now: datetime, ip: str | None = None
) -> Caller:
    """Whose request this is. Writes nothing. Raises Unsigned `api.timestamp`, `api.signature`.

    `now` is real time. An unknown key, a revoked one and a wrong signature are told apart by nobody.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signed = Signed(
        timestamp=given.get(TIMESTAMP_HEADER.lower(), ""),
        method=method,
        target=target,
        idempotency_key=given.get(IDEMPOTENCY_HEADER.lower(), ""),
        body=body,
    )
    key = _live(given.get(KEY_HEADER.lower(), ""))
    expected = signed.signature(key.secret if key else secrets.token_urlsafe(32))
    fits = hmac.compare_digest(expected.encode(), given.get(SIGNATURE_HEADER.lower(), "").encode())
    if key is None or not fits:
        text = (
            f"{KEY_HEADER}와 {SIGNATURE_HEADER}를 확인해 주세요. "
            "키가 폐기되었거나 서명이 요청과 맞지 않습니다."
        )
        raise Unsigned("api.signature", text)
    _refuse_old(signed.timestamp, now)
    actor = Actor(id=None, role=Role.SUPPLIER, name=f"연동 키 {key.name}", supplier_id=key.supplier_id, ip=ip)
    return Caller(actor=actor, key_id=key.id)


def _live(key_id: str) -> SupplierKey | None:
    # A zero byte is no text to the database.
    if not (key_id.isascii() and key_id.isprintable()):
        return None
    found = select(SupplierKey).where(SupplierKey.key_id == key_id, SupplierKey.revoked_at.is_(None))
    return db.session.scalar(found)


def _refuse_old(timestamp: str, now: datetime) -> None:
    digits = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    if not digits or abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        minutes = TOLERANCE_SECONDS // 60
        text = (
            f"{TIMESTAMP_HEADER}는 지금의 유닉스 시각(초)이어야 합니다. 서버 시각과 {minutes}분 넘게 다르면 "
            "받지 않습니다."
        )
        raise Unsigned("api.timestamp", text)


def idempotency_key(headers: Mapping[str, str]) -> str:
    """What names a request, so that it is taken once. Raises InvalidInput `api.idempotency_key`."""
    key = headers.get(IDEMPOTENCY_HEADER, "")
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        text = (
            f"{IDEMPOTENCY_HEADER}를 8~100자의 영문·숫자·기호로 보내 주세요. 요청마다 다른 값이어야 합니다."
        )
        raise InvalidInput("api.idempotency_key", text)
    return key


def live_count(*, actor: Actor) -> int:
    """How many keys of the supplier work."""
    policy.require(actor, Permission.SUPPLIER_VIEW)
    statement = (
        select(func.count())
        .select_from(SupplierKey)
        .where(SupplierKey.supplier_id == actor.supplier_id, SupplierKey.revoked_at.is_(None))
    )
    return db.session.execute(statement).scalar_one()
