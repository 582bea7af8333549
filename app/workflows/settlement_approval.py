"""The approval of a settlement, with a look at what would be paid just before it (R-SET-4)."""

from __future__ import annotations

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.settlements import SettlementBatch
from app.policy import Actor
from app.workflows import settlement, suspicion
from app.workflows.settlement_lifecycle import BATCH


def approve(*, actor: Actor, batch_id: int) -> SettlementBatch:
    """Approve another's draft; first what looks wrong is held, as the clock does it by the hour.

    The look is a step of its own: what it holds stays held where the approval is refused for it. Raises as
    `settlement.approve`.
    """
    batch = db.session.get(SettlementBatch, batch_id)
    if batch is None:
        raise NotFound()
    edge = BATCH.pick("approve", batch.state)
    policy.require(actor, edge.permission)
    policy.require_other_person(actor, *[getattr(batch, name) for name in edge.other_than])
    suspicion.look()
    return settlement.approve(actor=actor, batch_id=batch_id)
