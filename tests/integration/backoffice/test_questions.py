"""서비스 문의 in the console: the lead agency reads all, the programme manager hides (R-CAT-3)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.db import db
from app.models.questions import Question
from app.policy import Role
from app.workflows import questions
from tests import factories as make


@pytest.fixture
def asked(world: SimpleNamespace) -> Question:
    offering = make.make_offering(name="문의받는 서비스")
    buyer = make.make_actor(Role.DEMAND)
    question = questions.ask(actor=buyer, offering_id=offering.id, body="설치가 필요한가요?", is_private=True)
    db.session.commit()
    return question


@pytest.mark.parametrize("role", [Role.PROGRAMME_MANAGER, Role.AUDITOR, Role.FINANCE_OFFICER])
def test_the_lead_agency_reads_all(role: Role, asked: Question, browser: Any) -> None:
    page = browser(role).get("/console/questions/").get_data(as_text=True)
    assert "설치가 필요한가요?" in page and "비공개" in page and asked.company.name in page
    decides = role is Role.PROGRAMME_MANAGER
    assert (f'action="/console/questions/{asked.id}/hide"' in page) is decides


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.MANAGER, Role.SYSTEM_ADMIN])
def test_others_do_not(role: Role, asked: Question, browser: Any) -> None:
    assert browser(role).get("/console/questions/").status_code == 403


def test_it_is_hidden_with_a_reason_and_shown_again(asked: Question, browser: Any, said: Any) -> None:
    client, address = browser(Role.PROGRAMME_MANAGER), f"/console/questions/{asked.id}"
    page = client.post(f"{address}/hide", data={"confirmed": "1"}).get_data(as_text=True)
    assert "사유를 입력해 주세요." in page and asked.hidden_at is None
    text = said(client, f"{address}/hide", data={"confirmed": "1", "reason": "개인정보 포함"})
    assert "문의를 숨겼습니다." in text and asked.hidden_reason == "개인정보 포함"
    assert "개인정보 포함" in client.get("/console/questions/?tab=hidden").get_data(as_text=True)
    assert "이미 숨긴 문의입니다." in said(client, f"{address}/hide", data={"confirmed": "1", "reason": "또"})
    assert "다시 공개했습니다" in said(client, f"{address}/show") and asked.hidden_at is None


def test_a_reader_decides_nothing(asked: Question, browser: Any) -> None:
    client = browser(Role.AUDITOR)
    for action in ("hide", "show"):
        answer = client.post(
            f"/console/questions/{asked.id}/{action}", data={"confirmed": "1", "reason": "x"}
        )
        assert answer.status_code == 403
    assert asked.hidden_at is None


def test_found_by_name_and_written_to_a_file(asked: Question, browser: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    assert "설치가" in client.get("/console/questions/?q=문의받는").get_data(as_text=True)
    assert "조건에 맞는 문의가 없습니다." in client.get("/console/questions/?q=없는").get_data(as_text=True)
    file = client.get("/console/questions/?format=csv").get_data(as_text=True)
    assert "설치가 필요한가요?" in file and "문의받는 서비스" in file
