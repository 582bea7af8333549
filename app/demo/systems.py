"""A supplier's own system reports the use of this month; and what is not used is warned of (R-SET-1a)."""

from __future__ import annotations

import json
from datetime import date, timedelta

from app import clock
from app.demo.stage import Stage, instant
from app.policy import Actor
from app.workflows import supplier_keys, usage_api, usage_reads, usage_watch
from app.workflows.supplier_keys import Caller, Signed
from app.workflows.usage_reads import UsageRow

TARGET = "/api/v1/usage"
AT_ONCE = 6
"""Deals that the system reports of; the others are left for a visitor to report by hand."""


def connect(stage: Stage, *, until: date) -> None:
    """The first supplier, who has a log-in for visitors, tries a key out, and works with another."""
    seller = stage.suppliers[min(stage.suppliers)]
    with clock.at(instant(until - timedelta(days=10))):
        tried = supplier_keys.issue(actor=seller, name="시험용")
        issued = supplier_keys.issue(actor=seller, name="고객관리 시스템")
        supplier_keys.revoke(actor=seller, key_id=tried.key.id)
    with clock.at(instant(until - timedelta(days=1), 18)):
        month = usage_reads.present_month()
        rows = usage_reads.month_rows(actor=seller, month=month, size=AT_ONCE)
        body = json.dumps({"reports": [_said(stage, row) for row in rows]}).encode()
        caller = _signed(seller, issued, body)
        usage_api.take(caller=caller, key=f"usage-{month:%Y-%m}-1", target=TARGET, body=body)


def _signed(seller: Actor, issued: supplier_keys.Issued, body: bytes) -> Caller:
    now = clock.real_now()
    timestamp = str(int(now.timestamp()))
    signed = Signed(timestamp=timestamp, method="PUT", target=TARGET, idempotency_key="", body=body)
    headers = {
        supplier_keys.KEY_HEADER: issued.key.key_id,
        supplier_keys.TIMESTAMP_HEADER: timestamp,
        supplier_keys.SIGNATURE_HEADER: signed.signature(issued.secret),
    }
    return supplier_keys.verify(headers=headers, method="PUT", target=TARGET, body=body, now=now)


def _said(stage: Stage, row: UsageRow) -> dict[str, object]:
    """Who used it until now goes on."""
    day = clock.today()
    used = any(each.logins for each in usage_reads.latest([row.id]).values())
    logins = stage.words.random.randint(2, 60) if used else 0
    said: dict[str, object] = {"dealId": row.id, "month": f"{row.month:%Y-%m}", "logins": logins}
    return said | ({"lastUsedOn": day.isoformat()} if logins else {})


def watch(*, since: date, until: date) -> None:
    """As if it had been watched all along: what fills up by the day, and what by the reports of a month."""
    month = clock.add_months(since.replace(day=1), 1)
    while month < until:
        reported = min(month + timedelta(days=6), until)
        usage_watch.sweep_through(since=instant(since), until=instant(reported, 8))
        since, month = reported, clock.add_months(month, 1)
    usage_watch.sweep_through(since=instant(since), until=instant(until, 8))
