"""찜 (R-CAT-4)"""

from __future__ import annotations

import pytest
from flask import Flask

from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import OfferingState
from app.policy import Role
from app.workflows import offerings_reads, wishes
from tests import factories


def test_a_wish_is_kept_and_taken_off(tx: Flask) -> None:
    buyer, other = factories.make_actor(Role.DEMAND), factories.make_actor(Role.DEMAND)
    first, second = factories.make_offering(), factories.make_offering()
    assert wishes.toggle(actor=buyer, offering_id=first.id)
    assert wishes.toggle(actor=buyer, offering_id=second.id)
    assert [o.id for o in wishes.wished(actor=buyer)] == [second.id, first.id]
    assert offerings_reads.detail(actor=buyer, offering_id=first.id).wished
    assert not wishes.toggle(actor=buyer, offering_id=first.id)
    assert wishes.wished_ids(actor=buyer) == {second.id}
    assert (wishes.count(actor=buyer), wishes.count(actor=other)) == (1, 0)


def test_what_left_the_catalogue_stays_on_the_list_until_taken_off(tx: Flask) -> None:
    buyer, offering = factories.make_actor(Role.DEMAND), factories.make_offering()
    wishes.toggle(actor=buyer, offering_id=offering.id)
    offering.state = OfferingState.SUSPENDED
    db.session.commit()
    assert [o.state for o in wishes.wished(actor=buyer)] == [OfferingState.SUSPENDED]
    assert not wishes.toggle(actor=buyer, offering_id=offering.id)
    with pytest.raises(NotFound):
        wishes.toggle(actor=buyer, offering_id=offering.id)


def test_only_a_demand_company_wishes(tx: Flask) -> None:
    with pytest.raises(Denied):
        wishes.toggle(actor=factories.make_actor(Role.SUPPLIER), offering_id=factories.make_offering().id)
