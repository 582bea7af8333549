"""An application's history holds what became of the budget offered to it, in order (R-SCR-1, R-SCR-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.applications import Application
from app.policy import Actor
from app.workflows import applications_reads, budget, case_reads, offers, offers_sweep
from app.workflows.application_history import HistoryEntry, history
from tests.integration.workflows.waiting_line import (
    BACK,
    DUE,
    company_of,
    ended_budget,
    money_comes_back,
    offers_of,
    waiting,
)

NOON = BACK + timedelta(hours=12)
OFFERED = ("예산 안내", BACK, "정부지원금 3,600,000원, 답변 기한 2020.11.11.(수) 24:00까지")


def told(entries: list[HistoryEntry]) -> list[tuple[str, Any, str | None]]:
    """Oldest first."""
    return [(entry.title, entry.at, entry.reason) for entry in reversed(entries)]


def seen_by(company: Actor) -> list[HistoryEntry]:
    return applications_reads.status(actor=company).history


def offered(count: int = 1) -> tuple[Any, list[Application]]:
    stage = ended_budget(vouchers=1)
    rows = waiting(stage, count)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    return stage, rows


def test_accepted_and_used_stand_with_their_dates_and_offices(tx: Flask) -> None:
    stage, [row] = offered()
    company = company_of(row)
    with clock.at(NOON):
        offers.accept(actor=company, offer_id=offers_of()[0].id)
    with clock.at(NOON + timedelta(days=3)):
        budget.confirm(actor=stage.officer, application_ids=[row.id])
        assert [entry[:2] for entry in told(seen_by(company))] == [
            OFFERED[:2],
            ("예산 안내 수락", NOON),
            ("예산확정", NOON + timedelta(days=3)),
            ("안내한 예산으로 확정", NOON + timedelta(days=3)),
        ]
        who = [entry.who for entry in reversed(seen_by(company))]
        assert who == ["자동 처리", company.name, "전문기관", "전문기관"]
        names = [entry.who for entry in reversed(history(row.id))]
        assert names == ["시스템", company.name, stage.officer.name, stage.officer.name]
    assert [entry.tone for entry in reversed(history(row.id))] == ["info", "success", "success", "success"]


def test_one_let_pass_names_the_deadline_that_ended_it(tx: Flask) -> None:
    """R-TIME-6: however late the sweep came."""
    _, rows = offered(2)
    offers_sweep.sweep(at=DUE + timedelta(hours=5))
    passed = "2020.11.11.(수) 24:00까지 답이 없었습니다."
    expected = [OFFERED, ("예산 안내 기한 경과", DUE + timedelta(hours=5), passed)]
    assert told(seen_by(company_of(rows[0]))) == expected
    [(title, at, _)] = told(seen_by(company_of(rows[1])))
    assert (title, at) == ("예산 안내", DUE + timedelta(hours=5))


def test_declined_and_taken_back_give_their_reasons(tx: Flask) -> None:
    stage, rows = offered(2)
    with clock.at(NOON):
        offers.decline(actor=company_of(rows[0]), offer_id=offers_of()[0].id, reason="내년에 신청합니다")
    offers_sweep.sweep(at=NOON)
    with clock.at(NOON + timedelta(hours=1)):
        offers.withdraw(actor=stage.officer, offer_id=offers_of()[1].id, reason="예산을 다시 나눕니다")
    assert told(history(rows[0].id)) == [OFFERED, ("예산 안내 사양", NOON, "내년에 신청합니다")]
    taken = told(seen_by(company_of(rows[1])))[-1]
    assert taken == ("예산 안내 철회", NOON + timedelta(hours=1), "예산을 다시 나눕니다")
    assert seen_by(company_of(rows[1]))[0].who == "전문기관"


def test_nobody_reads_of_anothers_offers(tx: Flask) -> None:
    _, rows = offered(2)
    assert seen_by(company_of(rows[1])) == [] and len(seen_by(company_of(rows[0]))) == 1


def test_the_case_reads_it_in_one_statement_however_many_offers_there_were(tx: Flask) -> None:
    stage, [row] = offered()
    application_id = row.id

    def asked() -> int:
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        try:
            entries = history(application_id)
        finally:
            event.remove(db.engine, "before_cursor_execute", listen)
        assert entries[0].title.startswith("예산 안내")
        return len(seen)

    assert asked() == 1
    for day in range(1, 4):
        with clock.at(NOON + timedelta(days=7 * day)):
            offers_sweep.sweep(at=clock.now())
    assert len(offers_of()) > 2 and asked() == 1
    found = case_reads.case(actor=stage.officer, application_id=row.id)
    assert [entry.title for entry in found.history].count("예산 안내") == len(offers_of())
    assert found.correction is None
