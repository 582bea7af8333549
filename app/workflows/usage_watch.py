"""Paid and not used: both sides are warned, and what the programme says follows (R-SET-1a).

Thirty days without a use warn; where the programme says so, the payment is then cancelled, and what was
settled is clawed back with the next batch. Three idle months warn and stop: what is not settled is held.
Between the warning and what follows lie days of grace, counted from when it was told. The numbers are
settings of the programme.

The sweep may run late, twice or side by side: a deal has one open warning of a kind, and what follows is
done once. It moves with a clock that jumps (`sweep_through`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict
from app.models.holds import HoldSource
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.usage import UsageWarning, WarningAct
from app.policy import CLOCK
from app.workflows import cancellations, holds, reckoning, record, usage_warnings
from app.workflows.reckoning import Reckoner
from app.workflows.usage_warnings import ENTITY
from app.workflows.usage_watch_sql import DUE, IN_VAIN, LACKS_REPORT, NEXT, PROVEN, WARN_DAYS, WARN_MONTHS

log = logging.getLogger(__name__)

BATCH = 500
MOST_TRIES = 3
"""How often a cancellation is tried before a person has to look at it."""
CANCEL_REASON = "결제 후 확인된 이용이 없어 사업 기준에 따라 취소합니다."
_WRITTEN = ("kind", "since", "lasted", "act_at")
HOLD_REASON = "이용 없는 달이 이어져 이용이 중지된 거래입니다."


@dataclass(frozen=True, kw_only=True)
class Watched:
    warned: int
    stopped: int
    cancelled: int
    ended: int


def sweep() -> Watched:
    """Warn of what is not used, do what is due, and end what is over."""
    with transaction():
        ended = usage_warnings.end_all()
    warned = sum(_warn(programme_id) for programme_id in db.session.scalars(select(Programme.id)).all())
    for row in db.session.execute(IN_VAIN).all():
        _in_vain(row.id, row.failures)
    stopped = cancelled = 0
    for warning_id in db.session.scalars(DUE, {"at": clock.now()}).all():
        act = _ready(warning_id)
        if act is WarningAct.STOP:
            stopped += _stop(warning_id)
        elif act is WarningAct.CANCEL:
            cancelled += _ask_to_cancel(warning_id)
    return Watched(warned=warned, stopped=stopped, cancelled=cancelled, ended=ended)


def next_event(*, after: datetime) -> datetime | None:
    """The earliest instant after this one at which a sweep finds something to do."""
    found: datetime | None = db.session.execute(NEXT, {"after": after}).scalar_one()
    return found.astimezone(clock.KST) if found else None


def sweep_through(*, since: datetime, until: datetime) -> None:
    """As if the sweep had run all along, for a clock that jumps (R-TIME-7); then now."""
    instant = next_event(after=since)
    while instant is not None and instant < until:
        with clock.at(instant):
            sweep()
        instant = next_event(after=instant)
    with clock.at(until):
        sweep()


def _warn(programme_id: int) -> int:
    """Both kinds, a batch to a transaction: who is told is written with the warning."""
    number = 0
    for statement, kind in ((WARN_DAYS, "days"), (WARN_MONTHS, "months")):
        while True:
            with transaction() as session:
                reckoner = reckoning.begin(session.get_one(Programme, programme_id, populate_existing=True))
                ids = session.scalars(statement, _parameters(reckoner, kind)).all()
                _told(ids)
            number += len(ids)
            if len(ids) < BATCH:
                break
    return number


def _parameters(reckoner: Reckoner, kind: str) -> dict[str, Any]:
    own, now = reckoner.programme, clock.now()
    days = kind == "days"
    acts = own.usage_idle_cancels if days else own.usage_idle_stops
    act = (WarningAct.CANCEL if days else WarningAct.STOP) if acts else None
    return {
        "programme_id": own.id,
        "lasted": own.usage_idle_days if days else own.usage_idle_months,
        "at": now,
        "today": clock.korean_day(now),
        "act": act.value if act else None,
        "grace": own.usage_grace_days,
        "act_at": _deadline(reckoner, now, own.usage_grace_days) if act else None,
        "size": BATCH,
    }


def _deadline(reckoner: Reckoner, warned_at: datetime, days: int) -> datetime:
    """24:00 of the last day of grace, stopped clocks counted (R-TIME-5a)."""
    return clock.run(warned_at, clock.Count(days=days), reckoner.stops).deadline


def _told(ids: Any) -> None:
    if not ids:
        return
    warnings = list(db.session.scalars(select(UsageWarning).where(UsageWarning.id.in_(ids))))
    record.write_many(
        ENTITY,
        {
            w.id: {"kind": (None, w.kind), "since": (None, w.since), "act_at": (None, w.act_at)}
            for w in warnings
        },
        "warn",
        actor=CLOCK,
    )
    names = _names([w.deal_id for w in warnings])
    record.tell([each for w in warnings for each in _messages(w, "warned", names[w.deal_id])])


_NAMES = text("""
SELECT d.id, o.name, c.name AS company FROM deal d
  JOIN offering o ON o.id = d.offering_id JOIN company c ON c.id = d.company_id
 WHERE d.id = ANY(CAST(:ids AS bigint[]))
""")


def _names(deal_ids: list[int]) -> dict[int, tuple[str, str]]:
    return {row.id: (row.name, row.company) for row in db.session.execute(_NAMES, {"ids": deal_ids})}


def _messages(warning: UsageWarning, event: str, name: tuple[str, str]) -> list[record.Message]:
    service, company = name
    said = {}
    for side in ("company", "supplier"):
        theirs = side == "supplier"
        about = f"‘{service}’({company})" if theirs else f"‘{service}’"
        parts = [
            f"{about}: {usage_warnings.lacking(warning)}",
            usage_warnings.following(warning, for_supplier=theirs),
            "" if warning.acted_at else usage_warnings.advice(for_supplier=theirs),
        ]
        said[side] = " ".join(part for part in parts if part)
    return usage_warnings.messages(
        key=f"{ENTITY}:{warning.id}:{event}", deal_id=warning.deal_id, row=warning, **said
    )


def _ready(warning_id: int) -> WarningAct | None:
    """What is to be done of a warning now; None where its time has not come after all.

    A stop of the clocks that was declared since moves its deadline, and both sides are told.
    """
    with transaction() as session:
        warning = lock(UsageWarning, warning_id)
        if not _is_open(warning) or warning.act_at is None:
            return None
        reckoner = reckoning.of(session.get_one(Programme, warning.programme_id))
        act_at = _deadline(reckoner, warning.warned_at, warning.grace_days)
        if act_at > clock.now():
            _put_off(warning, act_at)
            return None
        if warning.act is WarningAct.CANCEL and not _proven(warning):
            return None
        return warning.act


def _put_off(warning: UsageWarning, act_at: datetime) -> None:
    change = {"act_at": (warning.act_at, act_at)}
    warning.act_at = act_at
    seq = record.write(ENTITY, warning.id, "put_off", actor=CLOCK, change=change)
    names = _names([warning.deal_id])
    record.tell(_messages(warning, f"put_off:{seq}", names[warning.deal_id]))


def _proven(warning: UsageWarning) -> bool:
    """Whether its supplier has said of each month in question that nothing was used.

    Silence of the supplier must not cost the company its service: it is asked for its reports instead, once.
    """
    about = {
        "deal_id": warning.deal_id,
        "since": warning.since,
        "lasted": warning.lasted,
        "today": clock.today(),
    }
    if db.session.execute(PROVEN, about).scalar_one():
        return True
    if warning.report_asked_at is None and db.session.execute(LACKS_REPORT, about).scalar_one():
        warning.report_asked_at = clock.now()
        record.write(ENTITY, warning.id, "ask_report", actor=CLOCK)
        service, company = _names([warning.deal_id])[warning.deal_id]
        message = record.Message(
            key=f"{ENTITY}:{warning.id}:report",
            supplier_id=warning.supplier_id,
            text=f"‘{service}’({company})의 이용실적이 없어 이용 여부를 확인할 수 없습니다. "
            "지난달까지의 이용실적을 제출해 주세요. 이용하지 않은 달은 0회로 제출합니다.",
            link=f"/supply/usage/{warning.deal_id}",
        )
        record.tell([message])
    return False


def _stop(warning_id: int) -> int:
    """The hold first, which is placed once however often it is asked for; then it is on record."""
    payment_id = db.session.get_one(UsageWarning, warning_id).payment_id
    try:
        holds.place(actor=CLOCK, payment_id=payment_id, source=HoldSource.USAGE, reason=HOLD_REASON)
    except Conflict:
        # Paid out already: nothing is left to hold, and the service stops all the same.
        log.info("a stopped service is settled already", extra={"payment_id": payment_id})
    with transaction():
        warning = lock(UsageWarning, warning_id)
        if not _is_open(warning):
            return 0
        _acted(warning, "stop")
        names = _names([warning.deal_id])
        record.tell(_messages(warning, "stopped", names[warning.deal_id]))
        return 1


def _ask_to_cancel(warning_id: int) -> int:
    """The gateway is asked by the outbox, outside any transaction."""
    with transaction():
        warning = lock(UsageWarning, warning_id)
        if not _is_open(warning):
            return 0
        _acted(warning, "cancel")
        payload = {"warning_id": warning.id, "payment_id": warning.payment_id, "failures": warning.failures}
        record.put(f"cancel_idle:{warning.id}:{warning.failures}", "cancel_idle", payload)
        return 1


def _is_open(warning: UsageWarning) -> bool:
    """Whether anything is still to be done of it."""
    return warning.ended_at is None and warning.acted_at is None and warning.gave_up_at is None


def _acted(warning: UsageWarning, action: str) -> None:
    warning.acted_at = clock.now()
    record.write(ENTITY, warning.id, action, actor=CLOCK, change={"acted_at": (None, warning.acted_at)})


def cancel(payload: Mapping[str, Any], _key: str, /) -> None:
    """The outbox handler of 'cancel_idle': cancel the payment, unless a use was reported meanwhile.

    Raises Conflict for a payment that is neither paid nor on its way back.
    """
    warning_id, payment_id, failures = payload["warning_id"], payload["payment_id"], payload["failures"]

    def is_idle() -> bool:
        # In the transaction that decides: a use that was reported before it wins.
        warning = lock(UsageWarning, warning_id)
        usage_warnings.end_where_used([warning.deal_id])
        return _is_asked(warning, failures)

    cancellations.cancel_idle(payment_id=payment_id, reason=CANCEL_REASON, is_idle=is_idle)
    _in_vain(warning_id, failures)


def _is_asked(warning: UsageWarning, failures: int) -> bool:
    """Whether this try at cancelling is the one that runs."""
    return warning.ended_at is None and warning.acted_at is not None and warning.failures == failures


def _in_vain(warning_id: int, failures: int) -> None:
    """A payment that is paid as it was: tried again on another day, and after some tries left to a person."""
    payment_id = db.session.get_one(UsageWarning, warning_id).payment_id
    with transaction():
        payment, warning = lock(Payment, payment_id), lock(UsageWarning, warning_id)
        if payment.state is not PaymentState.PAID or not _is_asked(warning, failures):
            return
        gives_up = failures + 1 >= MOST_TRIES
        after: dict[str, Any] = {"acted_at": None, "failures": failures + 1}
        if gives_up:
            after["gave_up_at"] = clock.now()
        else:
            # Until tomorrow, 24:00.
            after["act_at"] = clock.start_of(clock.today() + timedelta(days=2))
        change = {name: (getattr(warning, name), value) for name, value in after.items()}
        for name, value in after.items():
            setattr(warning, name, value)
        record.write(ENTITY, warning.id, "give_up" if gives_up else "try_again", actor=CLOCK, change=change)
        if gives_up:
            log.error("an idle payment cannot be cancelled", extra={"payment_id": payment_id})
        names = _names([warning.deal_id])
        record.tell(_messages(warning, f"in_vain:{failures + 1}", names[warning.deal_id]))
