"""How often a company may ask the bank whose an account is: nobody fishes for account holders (R-AUD-1).

Each question is a row of the company's audit chain, written before the bank is asked: whoever asks at the
same moment waits for the lock, nothing takes a question back, and no restart forgets it. A question that the
bank left unanswered told nothing and does not count. Instants here are real ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict
from app.models.companies import Company
from app.models.record import AuditRow
from app.policy import Actor
from app.workflows import record

MOST_PER_HOUR = 5
MOST_PER_DAY = 10
_LIMITS = ((MOST_PER_HOUR, timedelta(hours=1)), (MOST_PER_DAY, timedelta(days=1)))
_ASKED, _UNANSWERED = "ask_account_holder", "account_holder_unanswered"


def count(*, actor: Actor, company_id: int, account: str) -> None:
    """Write one question down; `account` as a person sees it again. Raises Conflict `instrument.too_many`."""
    with transaction():
        lock(Company, company_id)
        now = clock.real_now()
        wait = _wait(_asked(company_id, since=now - timedelta(days=1)), now)
        if wait is not None:
            text = (
                f"예금주 확인은 한 시간에 {MOST_PER_HOUR}번, 하루에 {MOST_PER_DAY}번까지 할 수 있습니다. "
                f"{_write(wait)} 뒤에 다시 시도해 주세요."
            )
            raise Conflict("instrument.too_many", text, fields={"account_number": text})
        record.write("company", company_id, _ASKED, actor=actor, change={"account": (None, account)})


def give_back(*, actor: Actor, company_id: int) -> None:
    """The bank gave no answer to the question that was just written down."""
    with transaction():
        lock(Company, company_id)
        record.write("company", company_id, _UNANSWERED, actor=actor)


def _asked(company_id: int, *, since: datetime) -> list[datetime]:
    """When those were asked that count, oldest first."""
    rows = db.session.execute(
        select(AuditRow.action, AuditRow.recorded_at)
        .where(
            AuditRow.entity == "company",
            AuditRow.entity_id == company_id,
            AuditRow.action.in_((_ASKED, _UNANSWERED)),
            AuditRow.recorded_at > since,
        )
        .order_by(AuditRow.seq)
    )
    counted: list[datetime] = []
    for action, at in rows:
        if action == _ASKED:
            counted.append(at)
        elif counted:
            counted.pop()
    return counted


def _wait(asked: list[datetime], now: datetime) -> timedelta | None:
    """Until the next question, or None where one is free."""
    ends = [
        asked[-most] + span - now
        for most, span in _LIMITS
        if len(asked) >= most and asked[-most] + span > now
    ]
    return max(ends, default=None)


def _write(wait: timedelta) -> str:
    """`37분`, `2시간 5분`, rounded up: at that moment it can be asked."""
    hours, minutes = divmod(-(-int(wait.total_seconds()) // 60) or 1, 60)
    return f"{hours}시간 {minutes}분" if hours else f"{minutes}분"
