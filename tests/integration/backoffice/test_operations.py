"""운영: outbox, failed jobs, accounts, settings; and the home's numbers (R-MSG-1, R-TIME-4, R-ROLE-3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rq.job import Job
from rq.serializers import JSONSerializer

from app import clock
from app.db import db
from app.jobs import queues
from app.models.payments import SlipKind
from app.models.people import Account
from app.models.record import OutboxMessage
from app.policy import Role
from app.workflows import slips
from tests import factories
from tests.settled import make_paid


def _gave_up() -> OutboxMessage:
    now = clock.real_now()
    message = OutboxMessage(
        key=f"test:{now.timestamp()}", kind="sms", payload={}, created_at=now, next_try_at=now, tries=10
    )
    message.gave_up_at, message.error = now, "Unavailable"
    db.session.add(message)
    db.session.commit()
    return message


def test_a_message_that_gave_up_is_tried_again(world: Any, browser: Any, said: Any) -> None:
    message = _gave_up()
    client = browser(Role.SYSTEM_ADMIN)
    assert message.key in client.get("/console/outbox/").get_data(as_text=True)
    assert "다시 시도하도록" in said(client, f"/console/outbox/{message.id}/retry")
    assert message.gave_up_at is None and message.tries == 0
    assert "포기된 항목만" in said(client, f"/console/outbox/{message.id}/retry")
    assert message.key in client.get("/console/outbox/?tab=open").get_data(as_text=True)


def test_a_failed_job_is_shown_without_its_data_and_run_again(
    site: Any, world: Any, browser: Any, said: Any
) -> None:
    queue = queues.queue(site, queues.WORK)
    job = queue.enqueue("app.jobs.tasks.seal_audit", args=("홍길동",))
    queue.remove(job)
    job.set_status("failed")
    queue.failed_job_registry.add(job, ttl=60, exc_string="Traceback\nValueError: 홍길동")
    try:
        client = browser(Role.SYSTEM_ADMIN)
        page = client.get("/console/jobs/").get_data(as_text=True)
        assert "seal_audit" in page and job.id in page and "홍길동" not in page
        assert "큐에 넣었습니다" in said(client, "/console/jobs/requeue", data={"job_id": job.id})
        assert job.id not in queue.failed_job_registry.get_job_ids()
        assert "이미 처리되었거나" in said(client, "/console/jobs/requeue", data={"job_id": job.id})
    finally:
        Job.fetch(job.id, connection=queue.connection, serializer=JSONSerializer).delete()


def test_an_account_is_made_and_closed_with_a_reason(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.SYSTEM_ADMIN)
    data = {
        "login": "newreviewer",
        "password": "Spring-rain-2020!",
        "name": "새심사원",
        "role": "reviewer",
        "agency_id": world.agency.id,
    }
    weak = client.post("/console/accounts/new", data=data | {"password": "1234"})
    assert weak.status_code == 422 and "newreviewer" in weak.get_data(as_text=True)
    assert "만들었습니다" in said(client, "/console/accounts/new", data=data)
    account = db.session.query(Account).filter_by(login="newreviewer").one()
    assert account.agency_id == world.agency.id
    close = f"/console/accounts/{account.id}/close"
    assert "사유를 입력해 주세요" in client.post(close, data={"confirmed": "1"}).get_data(as_text=True)
    said(client, close, data={"confirmed": "1", "reason": "퇴사"})
    assert account.is_active is False
    own = f"/console/accounts/{world.staff[Role.SYSTEM_ADMIN].id}/close"
    assert "자기 계정은 바꿀 수 없습니다" in said(client, own, data={"confirmed": "1", "reason": "시험"})


def test_accounts_are_found(world: Any, browser: Any) -> None:
    wanted = world.staff[Role.BUDGET_OFFICER]
    text = (
        browser(Role.AUDITOR)
        .get(f"/console/accounts/?role=budget_officer&q={wanted.login}")
        .get_data(as_text=True)
    )
    assert wanted.login in text and "사용 중지" not in text  # the auditor has no buttons


def test_the_home_leads_each_role_to_its_work(world: Any, browser: Any) -> None:
    world.case(submitted_at=clock.now() - timedelta(days=30))
    expected = {
        Role.REVIEWER: ("심사 대기", "영업일", 'href="/console/screening/"'),
        Role.BUDGET_OFFICER: ("예산확정 대기", "예산포기 요청", 'href="/console/budget/"'),
        Role.PROGRAMME_MANAGER: ("공급기업 심사 대기", "서비스 승인 대기", "보내지 못한 발송·작업"),
        Role.FINANCE_OFFICER: ("승인할 정산", "이체 결과 대기", 'href="/console/unknown/"'),
        Role.SYSTEM_ADMIN: ("실패한 작업", 'href="/console/jobs/"'),
    }
    for role, words in expected.items():
        text = browser(role).get("/console/").get_data(as_text=True)
        assert [word for word in words if word not in text] == [], role


def test_a_document_that_could_not_be_drawn_is_shown_and_drawn_again(
    world: Any, browser: Any, said: Any
) -> None:
    payment = make_paid(world.programme, factories.make_supplier())
    slip = slips.issue(SlipKind.RECEIPT, payment=payment)
    slip.tries, slip.error = 3, "ValueError"
    db.session.commit()
    client = browser(Role.SYSTEM_ADMIN)
    page = client.get("/console/outbox/slips").get_data(as_text=True)
    assert slips.number_of(slip) in page and "ValueError" in page
    assert client.get("/console/outbox/slips?export=xlsx").status_code == 200
    assert "다시 만들도록" in said(client, f"/console/outbox/slips/{slip.id}/draw")
    assert "만들지 못한 문서가 없습니다." in client.get("/console/outbox/slips").get_data(as_text=True)
    assert "이미 만들어졌거나" in said(client, f"/console/outbox/slips/{slip.id}/draw")
