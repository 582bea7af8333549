"""Somebody who follows the money by clicks, and one full life of money to follow (R-MONEY-3)."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.models.settlements import SettlementLine
from tests import factories as make
from tests import money
from tests.settled import Officers

LINK = re.compile(r'<a\b[^>]*?href="([^"]+)"[^>]*>(.*?)</a>', re.S)


class Walker:
    """Somebody who only clicks: each step follows a link of the page by what it says."""

    def __init__(self, client: FlaskClient, address: str) -> None:
        self.client = client
        self.open(address)

    def open(self, address: str) -> None:
        answer = self.client.get(address, follow_redirects=True)
        assert answer.status_code == 200, address
        self.address, self.page = answer.request.path, html.unescape(answer.text)

    def click(self, says: str) -> Walker:
        body = self.page.partition('class="kv-console-main')[2] or self.page
        links = [(url, re.sub(r"<[^>]+>|\s+", " ", inner).strip()) for url, inner in LINK.findall(body)]
        url = next((url for url, text in links if says in text), None)
        assert url is not None, f"no link says {says!r} on {self.address}: {[text for _, text in links]}"
        self.open(url)
        return self

    def says(self, *words: str) -> Walker:
        for word in words:
            assert word in self.page, f"{self.address} does not say {word!r}"
        return self


@pytest.fixture
def life(world: Any, sandbox_url: str) -> SimpleNamespace:
    """One full life of money: allocated, granted, paid by card, settled, transferred."""
    payer = money.make_payer(sandbox_url)
    supplier = make.make_supplier()
    payment = money.pay(payer, money.make_bill(payer, 1_100_000, supplier=supplier))
    payment.paid_at = clock.now() - timedelta(days=11)
    payer.programme.settlement_fee_bp = 100
    officers = Officers()
    batch = officers.settled(payer.programme)
    db.session.commit()
    line = db.session.query(SettlementLine).filter_by(batch_id=batch.id).one()
    return SimpleNamespace(
        payer=payer, payment=payment, supplier=supplier, batch=batch, line=line, officers=officers
    )
