"""A file of usage reports pressed twice at once: each value is written once, its chain whole (R-SET-1a)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app import clock
from app.db import db, transaction
from app.models.deals import Deal
from app.models.record import AuditRow
from app.models.usage import UsageReport
from app.policy import Role
from app.workflows import record, usage_reports
from tests import factories, settled

NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)


def test_a_file_pressed_thrice_and_a_form_at_once(committed: Any, together: Any) -> None:
    clock.set_offset(NOW - clock.real_now())
    with transaction():
        programme, supplier = factories.make_programme(), factories.make_supplier()
        seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    paid_at = NOW - timedelta(days=40)
    ids = [settled.make_paid(programme, supplier, 300_000, paid_at=paid_at).deal_id for _ in range(3)]
    rows = "".join(f"{deal_id},2020-10,7,2020-10-20\n" for deal_id in ids)
    content = f"거래번호,이용월,로그인 횟수,마지막 이용일\n{rows}".encode()
    digest = usage_reports.sift(actor=seller, content=content).digest
    db.session.rollback()

    def press() -> int:
        return usage_reports.report_file(actor=seller, content=content, digest=digest).new

    def form() -> int:
        october = date(2020, 10, 1)
        about = {"month": october, "logins": 7, "last_used_on": date(2020, 10, 20)}
        return usage_reports.report(actor=seller, deal_id=ids[1], **about).new

    results = together(press, press, form, press)
    assert sum(results) == 3, results
    assert db.session.scalar(select(func.count()).select_from(UsageReport)) == 3
    written = select(func.count()).select_from(AuditRow).where(AuditRow.entity == "usage_report")
    assert db.session.scalar(written) == 3
    assert db.session.scalar(select(func.count()).select_from(Deal)) == 3
    assert record.verify() == []
