"""R-SET-4: what looks wrong is held before the money is approved, not within the hour after."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied
from app.models.holds import SettlementHold
from app.models.programme import Programme
from app.models.settlements import BatchState, SettlementBatch
from app.models.suspicion import Suspicion
from app.policy import Role
from app.workflows import company_edits, settlement, settlement_approval
from tests import factories
from tests.integration.workflows import settling
from tests.settled import Officers, make_paid

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


def _submitted(programme: Programme, officers: Officers) -> SettlementBatch:
    """A draft of one payment of a buyer whose mobile phone is the supplier's contact; nobody looked yet."""
    phone = "01077770001"
    seller = factories.make_supplier(contact_name="담당", contact_phone=phone)
    index = company_edits.phone_index(phone)
    buyer = factories.make_company(programme_id=programme.id, phone=phone, phone_index=index)
    make_paid(programme, seller, company=buyer, paid_at=clock.now() - settling.LONG_AGO)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    batch = settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    db.session.commit()
    return batch


def test_what_looks_wrong_is_held_before_it_is_approved(programme: Programme, officers: Officers) -> None:
    batch = _submitted(programme, officers)
    with pytest.raises(Conflict) as refused:
        settlement_approval.approve(actor=officers.approver, batch_id=batch.id)
    [hold] = db.session.scalars(select(SettlementHold))
    assert f"지급보류(결제 {hold.payment_id})" in refused.value.text
    assert batch.state is BatchState.SUBMITTED and db.session.scalar(select(Suspicion.id)) is not None


def test_who_may_not_approve_has_nothing_looked_at(programme: Programme, officers: Officers) -> None:
    batch = _submitted(programme, officers)
    for actor in (officers.drafter, factories.make_actor(Role.AUDITOR)):
        db.session.commit()
        with pytest.raises(Denied):
            settlement_approval.approve(actor=actor, batch_id=batch.id)
    assert db.session.scalar(select(Suspicion.id)) is None


def test_with_nothing_wrong_it_is_approved(programme: Programme, officers: Officers) -> None:
    settling.ripe_payment(programme, factories.make_supplier())
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    approved = settlement_approval.approve(actor=officers.approver, batch_id=built.batch.id)
    assert approved.state is BatchState.APPROVED
