"""미확정 결제: what nobody knows yet, since when, why not, and asking about it now (R-PAY-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from app import clock
from app.db import db, transaction
from app.gateways.errors import Unavailable
from app.gateways.payments import PaymentGateway
from app.models.payments import Payment, PaymentState, UnknownWhy
from app.models.record import AuditRow
from app.models.vouchers import InstrumentKind
from app.policy import Role
from tests import factories as make
from tests import money
from tests.settled import make_paid

PAGE = "/console/unknown/"


def unknown(world: Any, state: PaymentState = PaymentState.PENDING, **fields: Any) -> Payment:
    payment = make_paid(world.programme, make.make_supplier(), fields.pop("amount", 500_000))
    fields = {"pressed_at": clock.now(), "ask_again_at": clock.real_now() + timedelta(minutes=3)} | fields
    for name, value in fields.items():
        setattr(payment, name, value)
    payment.state = state
    db.session.commit()
    return payment


def text_of(client: Any, address: str = PAGE) -> str:
    return str(client.get(address).get_data(as_text=True))


def test_it_says_since_when_how_often_why_and_when_next(world: Any, browser: Any) -> None:
    payment = unknown(
        world,
        pressed_at=clock.now() - timedelta(hours=2, minutes=5),
        asked=7,
        asked_at=clock.real_now() - timedelta(minutes=4, seconds=10),
        unknown_why=UnknownWhy.NO_ANSWER.value,
    )
    text = text_of(browser(Role.FINANCE_OFFICER))
    for shown in (
        payment.order_id,
        "결제대기",
        "500,000원",
        "2시간 5분",
        "오래됨",
        "7회 확인, 마지막은 4분 전",
    ):
        assert shown in text
    assert UnknownWhy.NO_ANSWER.label in text and "2분 뒤" in text
    assert "10분 넘게 확인되지 않은 건이 1건" in text
    assert "미확정 결제" in text_of(browser(Role.FINANCE_OFFICER), "/console/")


def test_a_cancellation_counts_from_its_own_press(world: Any, browser: Any) -> None:
    unknown(
        world,
        PaymentState.CANCELLING,
        pressed_at=clock.now() - timedelta(days=9),
        cancel_pressed_at=clock.now() - timedelta(minutes=3, seconds=5),
    )
    text = text_of(browser(Role.AUDITOR))
    assert "취소중" in text and "3분" in text
    assert "오래됨" not in text and "아직 확인하지 않았습니다" in text


def test_the_filters_stay_in_the_address_and_shape_sums_and_file(world: Any, browser: Any) -> None:
    card = unknown(world, amount=110_000)
    zeropay = unknown(world, amount=220_000, instrument_kind=InstrumentKind.ZEROPAY)
    back = unknown(world, PaymentState.CANCELLING, amount=440_000)
    again = unknown(world, PaymentState.FAILED, amount=880_000, unknown_why=UnknownWhy.RETURN_REFUSED.value)
    watched = unknown(world, PaymentState.FAILED, unknown_why=UnknownWhy.NOT_THERE.value)
    client = browser(Role.FINANCE_OFFICER)
    shown = {
        "": [card, zeropay, back, again],
        "?kind=pending": [card, zeropay],
        "?kind=pending&instrument=zeropay": [zeropay],
        "?kind=cancelling": [back],
        "?kind=returning": [again],
        "?kind=nonsense": [card, zeropay, back, again],
    }
    for query, rows in shown.items():
        text = text_of(client, PAGE + query)
        found = [row for row in (card, zeropay, back, again, watched) if row.order_id in text]
        assert found == rows, query
        assert f"{sum(row.total for row in rows):,}원" in text
        file = client.get(f"{PAGE}{query}{'&' if query else '?'}format=csv").get_data(as_text=True)
        assert [row for row in (card, zeropay, back, again, watched) if row.order_id in file] == rows
    assert UnknownWhy.RETURN_REFUSED.label in text_of(client, PAGE + "?kind=returning")


def test_the_empty_list_says_what_that_means(world: Any, browser: Any) -> None:
    assert "모든 결제와 취소의 결과가 확인되어" in text_of(browser(Role.AUDITOR))


def queries_of(client: Any) -> int:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        text_of(client, f"{PAGE}?size=10")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return sum(statement.startswith("SELECT") for statement in seen)


def test_pages_follow_by_key_with_as_many_queries_for_many_rows(world: Any, browser: Any) -> None:
    rows = [unknown(world) for _ in range(3)]
    client = browser(Role.FINANCE_OFFICER)
    first = text_of(client, f"{PAGE}?size=10")
    few = queries_of(client)
    rows += [unknown(world) for _ in range(9)]
    assert queries_of(client) == few
    assert all(row.order_id in first for row in rows[:3])
    text = text_of(client, f"{PAGE}?size=10")
    assert rows[9].order_id in text and rows[10].order_id not in text
    after = text_of(client, f"{PAGE}?size=10&after={rows[9].id}")
    assert rows[10].order_id in after and rows[9].order_id not in after


def lost(sandbox_url: str, behaviour: str) -> Payment:
    payer = money.make_payer(sandbox_url)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour=behaviour)
    db.session.commit()
    return payment


@pytest.mark.parametrize(
    ("behaviour", "said", "state"),
    [
        ("52", "결제성공으로 확인되었습니다.", PaymentState.PAID),
        ("61", "결제되지 않은 것으로 확인되었습니다.", PaymentState.FAILED),
    ],
)
def test_it_is_asked_now_and_on_record(
    behaviour: str, said: str, state: PaymentState, world: Any, browser: Any, sandbox_url: str
) -> None:
    payment = lost(sandbox_url, behaviour)
    client = browser(Role.FINANCE_OFFICER)
    address = f"/console/unknown/{payment.id}/ask"
    assert f'action="{address}"' in text_of(client)
    answer = client.post(address, follow_redirects=True).get_data(as_text=True)
    assert said in answer
    assert db.session.get_one(Payment, payment.id, populate_existing=True).state is state
    of_payment = (AuditRow.entity == "payment", AuditRow.entity_id == payment.id)
    [row] = db.session.scalars(select(AuditRow).where(*of_payment, AuditRow.action == "ask_now"))
    assert row.actor_id == world.staff[Role.FINANCE_OFFICER].id
    back = client.post(address, data={"back": f"{PAGE}?kind=pending"})
    assert back.headers["Location"] == f"{PAGE}?kind=pending"
    again = client.post(address, follow_redirects=True).get_data(as_text=True)
    assert "이미" in again and state.label in again


def test_what_is_still_unknown_says_why_and_when_next(
    world: Any, browser: Any, said: Any, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = lost(sandbox_url, "52")

    def down(self: PaymentGateway, *, order_id: str) -> Any:
        raise Unavailable("card: ConnectError")

    monkeypatch.setattr(PaymentGateway, "find", down)
    text = said(browser(Role.PROGRAMME_MANAGER), f"/console/unknown/{payment.id}/ask")
    assert "아직 확인되지 않았습니다" in text and UnknownWhy.UNREACHABLE.label in text


def test_who_only_reads_has_no_button(world: Any, browser: Any) -> None:
    payment = unknown(world)
    client = browser(Role.AUDITOR)
    assert payment.order_id in text_of(client) and "지금 다시 확인" not in text_of(client)
    assert client.post(f"/console/unknown/{payment.id}/ask").status_code == 403
    with transaction():
        assert db.session.get_one(Payment, payment.id).asked_at is None
