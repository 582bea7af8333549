"""Usage reports of the suppliers' systems: row by row, and each request taken once (R-SET-1a).

What a row may hold stands in `FIELDS`, by which rows are read and from which their description is made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from app import clock, policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput
from app.models.usage import UsageSource
from app.policy import Permission
from app.workflows import usage_reports, usage_rows
from app.workflows.supplier_keys import IDEMPOTENCY_HEADER, Caller
from app.workflows.usage_reports import ReportedDeal
from app.workflows.usage_rows import LARGEST_KEY, MOST_LOGINS, Report

MOST_ROWS = 1_000
KEPT = timedelta(days=1)
"""How long an answer is given again to the same request, in real time."""

FIELDS: dict[str, dict[str, Any]] = {
    "dealId": {
        "type": "integer",
        "minimum": 1,
        "maximum": LARGEST_KEY,
        "description": "거래번호. GET /deals가 알려 줍니다.",
        "example": 1042,
    },
    "month": {
        "type": "string",
        "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$",
        "description": "이용월. 결제한 달부터 이번 달까지 낼 수 있습니다.",
        "example": "2020-10",
    },
    "logins": {
        "type": "integer",
        "minimum": 0,
        "maximum": MOST_LOGINS,
        "description": "그 달의 로그인 횟수. 이용하지 않은 달은 0입니다.",
        "example": 128,
    },
    "lastUsedOn": {
        "type": ["string", "null"],
        "format": "date",
        "description": "그 달에 마지막으로 이용한 날. 로그인 횟수가 0이면 보내지 않거나 null입니다.",
        "example": "2020-10-30",
    },
}
OPTIONAL = frozenset({"lastUsedOn"})
_NAMES = {"deal_id": "dealId", "month": "month", "logins": "logins", "last_used_on": "lastUsedOn"}
_EXPECTED = {
    "dealId": "거래번호를 정수로 보내 주세요.",
    "month": "이용월을 '2020-10' 형식으로 보내 주세요.",
    "logins": f"로그인 횟수를 0에서 {MOST_LOGINS:,} 사이의 정수로 보내 주세요.",
    "lastUsedOn": "마지막 이용일을 '2020-10-31' 형식으로 보내 주세요.",
}


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why a row is not taken; the code is stable, the sentence is Korean."""

    field: str
    code: str
    """format, missing, unknown_field, value, duplicate, deal or state."""
    message: str


@dataclass(frozen=True)
class Answer:
    """What the system is told; `repeated` where this very request was answered before."""

    status: int
    content: dict[str, Any]
    repeated: bool = False


def take(*, caller: Caller, key: str, target: str, body: bytes, atomic: bool = False) -> Answer:
    """Take the rows that are good; with `atomic` all or none (422 then, and nothing is written).

    The same key with the same request again gets the same answer and changes nothing. Raises Denied,
    InvalidInput `api.body`, `api.rows`, Conflict `api.idempotency`.
    """
    policy.require(caller.actor, Permission.DEAL_ANSWER)
    rows = _rows(body)
    fingerprint = hashlib.sha256(f"{target}\n".encode() + body).digest()
    with transaction() as session:
        known = _claim(caller, key, fingerprint)
        if known is not None:
            return known
        answer = _report(caller, rows, atomic)
        about = {"key_id": caller.key_id, "key": key, "status": answer.status}
        session.execute(_KEEP, about | {"answer": json.dumps(answer.content, ensure_ascii=False)})
        session.execute(_USED, {"key_id": caller.key_id, "at": clock.now().replace(second=0, microsecond=0)})
        return answer


def _rows(body: bytes) -> list[Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("api.body", "본문을 읽을 수 없습니다. UTF-8 JSON으로 보내 주세요.") from None
    rows = content.get("reports") if isinstance(content, dict) else None
    if not isinstance(rows, list) or set(content) != {"reports"}:
        raise InvalidInput("api.body", '본문은 {"reports": [...]} 형식이어야 합니다.')
    if not 0 < len(rows) <= MOST_ROWS:
        text = f"한 번에 1행에서 {MOST_ROWS:,}행까지 보낼 수 있습니다. 지금은 {len(rows):,}행입니다."
        raise InvalidInput("api.rows", text)
    return rows


# Waits for whoever is taking the same request at this moment, and then finds what it was answered.
_CLAIM = text("""
INSERT INTO supplier_request (key_id, idempotency_key, fingerprint, at)
VALUES (:key_id, :key, :fingerprint, :at) ON CONFLICT DO NOTHING RETURNING 1
""")
_KNOWN = text("""
SELECT fingerprint, status, answer FROM supplier_request WHERE key_id = :key_id AND idempotency_key = :key
""")
_KEEP = text("""
UPDATE supplier_request SET status = :status, answer = CAST(:answer AS jsonb)
 WHERE key_id = :key_id AND idempotency_key = :key
""")
_USED = text("UPDATE supplier_key SET used_at = :at WHERE id = :key_id AND used_at IS DISTINCT FROM :at")
_FORGET = text("DELETE FROM supplier_request WHERE at < :before")


def _claim(caller: Caller, key: str, fingerprint: bytes) -> Answer | None:
    about = {"key_id": caller.key_id, "key": key}
    own = {"fingerprint": fingerprint, "at": clock.real_now()}
    if db.session.execute(_CLAIM, about | own).first() is not None:
        return None
    known = db.session.execute(_KNOWN, about).one()
    if bytes(known.fingerprint) != fingerprint:
        text = f"같은 {IDEMPOTENCY_HEADER}로 다른 요청을 이미 받았습니다. 새 요청에는 새 값을 써 주세요."
        raise Conflict("api.idempotency", text)
    return Answer(known.status, known.answer, repeated=True)


def forget_old() -> int:
    """Forget what was answered more than a day ago; how many."""
    with transaction() as session:
        rows: Any = session.execute(_FORGET, {"before": clock.real_now() - KEPT})
        return int(rows.rowcount)


def _report(caller: Caller, rows: Sequence[Any], atomic: bool) -> Answer:
    read = list(_judged(rows))
    ids = sorted({each.deal_id for each in read if isinstance(each, Report)})
    deals = usage_reports.own_deals(caller.actor, ids, lock=True)
    judged = [each if isinstance(each, Refused) else _against(each, deals) or each for each in read]
    good = [each for each in judged if isinstance(each, Report)]
    refused = len(judged) - len(good)
    changes = {(c.report.deal_id, c.report.month): c for c in usage_reports.changes_of(good)}
    if not (atomic and refused):
        about: dict[str, Any] = {"source": UsageSource.API, "actor": caller.actor, "key_id": caller.key_id}
        usage_reports.write(good, deals, **about)
    results = [
        _result(place, row, each, changes) for place, (row, each) in enumerate(zip(rows, judged, strict=True))
    ]
    if atomic and refused:
        results = [r if r["result"] == "refused" else r | {"result": "held_back"} for r in results]
    counts = {name: sum(r["result"] == name for r in results) for name in RESULTS}
    return Answer(422 if atomic and refused else 200, {"counts": counts, "results": results})


RESULTS = ("new", "changed", "unchanged", "refused", "held_back")
"""held_back: good, and not taken since another row of an atomic request is not."""


def _result(place: int, row: Any, judged: Report | Refused, changes: Mapping[Any, Any]) -> dict[str, Any]:
    given = row if isinstance(row, dict) else {}
    found: dict[str, Any] = {"index": place}
    found |= {name: given[name] for name in ("dealId", "month") if fits(FIELDS[name], given.get(name))}
    if isinstance(judged, Refused):
        return found | {"result": "refused"} | vars(judged)
    change = changes.get((judged.deal_id, judged.month))
    return found | {
        "result": "unchanged" if change is None else "new" if change.before is None else "changed"
    }


def _judged(rows: Sequence[Any]) -> Iterator[Report | Refused]:
    """Each row by itself, and as one of many."""
    today = clock.today()
    seen: dict[tuple[int, date], int] = {}
    for place, row in enumerate(rows):
        found = _read(row)
        if isinstance(found, Report):
            found = _alone(found, today) or found
        if isinstance(found, Report):
            first = seen.setdefault((found.deal_id, found.month), place)
            if first != place:
                words = f"같은 거래와 이용월이 {first}번 행에 있습니다."
                found = Refused(field="month", code="duplicate", message=words)
        yield found


def _read(row: Any) -> Report | Refused:
    if not isinstance(row, dict):
        return Refused(field="", code="format", message="행은 JSON 객체여야 합니다.")
    for name in row:
        if name not in FIELDS:
            shown = name[:40] if name.isascii() and name.isprintable() else "?"
            words = f"'{shown}' 항목은 없습니다. 쓸 수 있는 항목: {', '.join(FIELDS)}"
            return Refused(field=shown, code="unknown_field", message=words)
    for name, schema in FIELDS.items():
        if name not in row:
            if name not in OPTIONAL:
                return Refused(field=name, code="missing", message=_EXPECTED[name])
        elif not fits(schema, row[name]):
            return Refused(field=name, code="format", message=_EXPECTED[name])
    used = row.get("lastUsedOn")
    return Report(
        deal_id=row["dealId"],
        month=date.fromisoformat(f"{row['month']}-01"),
        logins=row["logins"],
        last_used_on=date.fromisoformat(used) if used else None,
    )


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is what one of `FIELDS` says; a whole number is written as one."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None:
        return "null" in kinds
    if "integer" in kinds:
        return type(value) is int and schema["minimum"] <= value <= schema["maximum"]
    if not isinstance(value, str):
        return False
    if "pattern" in schema:
        return re.search(schema["pattern"], value) is not None and not value.endswith("\n")
    return _is_day(value)


def _is_day(value: str) -> bool:
    try:
        return len(value) == 10 and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _alone(said: Report, today: date) -> Refused | None:
    for name, reason in usage_rows.wrong_values(said, today).items():
        return Refused(field=_NAMES[name], code="value", message=reason)
    return None


def _against(said: Report, deals: Mapping[int, ReportedDeal]) -> Refused | None:
    deal = deals.get(said.deal_id)
    # Another supplier's deal and none at all are told apart by nobody.
    if deal is None:
        return Refused(field="dealId", code="deal", message="귀사의 거래 가운데 이 번호가 없습니다.")
    if wrong := usage_reports.wrong_state(deal):
        return Refused(field="dealId", code="state", message=wrong)
    if early := usage_reports.too_early(said, deal):
        return Refused(field="month", code="value", message=early)
    return None
