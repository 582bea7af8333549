"""The daily file as the played card company and ZeroPay hand it out, and as the gateway's call gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import httpx
import pytest

from app import clock
from app.documents import statement_files
from app.gateways import Gateways
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.http import Endpoint, Transport
from app.gateways.payments import PaymentGateway
from app.models.statements import StatementSystem
from tests.integration.gateways.conftest import WEB, Sandbox
from tests.integration.gateways.test_transactions import charge

NewOrder = Callable[[], str]
DAY = datetime(2035, 3, 1, 10, tzinfo=clock.KST)


def test_what_was_charged_and_given_back_that_day(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    paid = charge(gateways, sandbox, new_order(), DAY)
    gateways.card.cancel(
        payment_key=paid.payment_key,
        amount=paid.amount,
        reason="변경",
        idempotency_key=f"{paid.order_id}:cancel",
        requested_at=DAY + timedelta(hours=1),
    )
    # The last instant of the day is still of it, the first of the next is not.
    late = charge(gateways, sandbox, new_order(), clock.end_of(DAY.date()) - timedelta(seconds=1))
    charge(gateways, sandbox, new_order(), clock.end_of(DAY.date()))
    content = gateways.card.statement(day=DAY.date())
    assert content is not None and content == gateways.card.statement(day=DAY.date())
    found = statement_files.read(content)
    assert (found.system, found.day, found.bad) == (StatementSystem.CARD, DAY.date(), [])
    assert [(line.approval_number, line.is_cancel, line.order_id) for line in found.lines] == [
        (paid.approval_number, False, paid.order_id),
        (paid.approval_number, True, paid.order_id),
        (late.approval_number, False, late.order_id),
    ]
    assert found.sum_of(is_cancel=False) == paid.amount + late.amount
    assert found.lines[0].at == DAY


def test_each_system_writes_its_own_way(gateways: Gateways) -> None:
    quiet = date(2035, 6, 1)
    card, zeropay = gateways.card.statement(day=quiet), gateways.zeropay.statement(day=quiet)
    assert card and zeropay
    assert "승인금액" in card.decode("cp949") and "결제금액" in zeropay.decode("utf-8")
    with pytest.raises(UnicodeDecodeError):
        card.decode("utf-8")
    assert [statement_files.read(each).rows for each in (card, zeropay)] == [0, 0]


@pytest.mark.parametrize("day", ["20350231", "2035-03-01", "x"])
def test_a_day_that_is_none(sandbox: Sandbox, day: str) -> None:
    answer = WEB.get(f"{sandbox.url}/card/v1/statements/{day}", auth=("sandbox-card-key", ""))
    assert answer.status_code == 400


def test_only_the_merchant_gets_it(sandbox: Sandbox) -> None:
    stranger = PaymentGateway(Transport("card", Endpoint(f"{sandbox.url}/card", "wrong-key")))
    with pytest.raises(Refused) as refused:
        stranger.statement(day=DAY.date())
    assert refused.value.code == "UNAUTHORIZED_KEY"


@pytest.mark.parametrize(
    "answer, raised",
    [
        (httpx.Response(503), Unknown),
        (httpx.Response(429), Unavailable),
        (httpx.Response(204), Unknown),
        (httpx.Response(302, headers={"Location": "/"}), Unknown),
    ],
    ids=["broken", "too-many", "nothing", "elsewhere"],
)
def test_an_answer_without_a_file(
    gateways: Gateways, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, raised: type[Exception]
) -> None:
    monkeypatch.setattr(Transport, "_send", lambda *_, **__: answer)
    with pytest.raises(raised):
        gateways.card.statement(day=DAY.date())


def test_a_file_that_is_not_there_yet(gateways: Gateways, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(404, json={"code": "NOT_FOUND_STATEMENT", "message": ""})
    monkeypatch.setattr(Transport, "_send", lambda *_, **__: answer)
    assert gateways.card.statement(day=DAY.date()) is None
