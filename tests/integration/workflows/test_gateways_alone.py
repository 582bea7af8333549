"""No transaction is open while a gateway answers: a slow one would use up the connections (R-PAY-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from app import clock, gateways
from app.db import db, transaction
from app.gateways.card import Card
from app.gateways.payments import PaymentGateway
from app.models.catalogue import Supplier
from app.models.mails import StatementMail
from app.models.programme import Programme
from app.models.statements import StatementSystem
from app.policy import Role
from app.workflows import mails, recon_asking, slips, statements
from tests import factories, money
from tests.integration.workflows import settling
from tests.integration.workflows.reconciling import DAY, File, begin, days, items
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Officers

pytestmark = pytest.mark.usefixtures("tx")

programme, officers = settling.programme, settling.officers
ONE = timedelta(days=1)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[bool]]:
    """Whether a transaction was open at each call of a gateway's method."""

    def watch(gateway: type, name: str, answer: Callable[..., Any] | None = None) -> list[bool]:
        seen: list[bool] = []
        real = answer or getattr(gateway, name)

        def watched(self: Any, **arguments: Any) -> Any:
            seen.append(db.session().in_transaction())
            return real(self, **arguments)

        monkeypatch.setattr(gateway, name, watched)
        return seen

    return watch


@pytest.mark.parametrize("drawn", [True, False], ids=["drawn-already", "drawn-now"])
def test_a_statement_goes_out_by_mail(
    sandbox: str,
    programme: Programme,
    officers: Officers,
    asked: Callable[..., list[bool]],
    drawn: bool,
) -> None:
    """R-SET-2"""
    supplier: Supplier = factories.make_supplier()
    supplier.email = "alone@example.com"
    db.session.commit()
    ripe_payment(programme, supplier)
    [line] = lines_of(officers.settled(programme))
    if drawn:
        slips.render(slips.for_lines([line.id])[line.id].id)
    mail = db.session.query(StatementMail).filter_by(line_id=line.id).one()
    payload, key = {"mail_id": mail.id}, f"statement_mail:{mail.id}"
    db.session.commit()
    seen = asked(type(gateways.get().mail), "send")
    mails.send(payload, key)
    assert seen == [False] and mail.sent_at is not None


def test_the_daily_files_are_fetched(asked: Callable[..., list[bool]]) -> None:
    """R-SET-3"""

    def answer(gateway: PaymentGateway, *, day: date) -> bytes:
        is_card = gateway is statements.gateway_of(StatementSystem.CARD)
        return File(day, StatementSystem.CARD if is_card else StatementSystem.ZEROPAY).content()

    seen = asked(PaymentGateway, "statement", answer)
    db.session.commit()
    with clock.at(clock.start_of(DAY) + timedelta(hours=8)):
        assert statements.fetch_due() == 2 * statements.LOOK_BACK
    assert seen == [False] * (2 * statements.LOOK_BACK)


@pytest.mark.parametrize("behaviour", ["90", "52"], ids=["a-known-outcome", "an-unknown-outcome"])
def test_an_order_is_asked_about(sandbox: str, asked: Callable[..., list[bool]], behaviour: str) -> None:
    """R-SET-3"""
    day = clock.date(2033, 7, 4) + (timedelta() if behaviour == "90" else 3 * ONE)
    with clock.at(clock.start_of(day) + timedelta(hours=10)):
        payer = money.make_payer(sandbox)
        money.pay(payer, money.make_bill(payer, 300_000), behaviour=behaviour)
        officer = factories.make_actor(Role.FINANCE_OFFICER)
        db.session.commit()
        if behaviour == "90":
            days([], [], first=day)
        else:
            with clock.at(clock.end_of(day)):
                begin()
                assert statements.fetch(system=StatementSystem.CARD, day=day)
            with transaction():
                waiting = statements.unmatched()
            for file_id in waiting:
                recon_asking.matching.match(file_id=file_id)
        [item] = items()
        item_id = item.id
        db.session.commit()
        seen = asked(Card, "find")
        recon_asking.ask_gateway(actor=officer, item_id=item_id, note="명세와 달라 조회합니다.")
    assert seen and not any(seen)
