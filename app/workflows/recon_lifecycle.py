"""The way of a difference to its end: with evidence, by two people, or by itself (R-SET-3)."""

from __future__ import annotations

from app.models.statements import ItemState, ReconItem
from app.policy import Permission
from app.workflows.lifecycle import Edge, Lifecycle

_WORK = Permission.RECONCILE_WORK

ITEM = Lifecycle(
    "recon_item",
    ReconItem,
    (ItemState.OPEN,),
    (
        Edge(
            action="close",
            label="증빙으로 종결",
            source=ItemState.OPEN,
            target=ItemState.CLOSED,
            permission=_WORK,
            needs_reason=True,
        ),
        Edge(
            action="propose",
            label="종결 요청",
            source=ItemState.OPEN,
            target=ItemState.PROPOSED,
            permission=_WORK,
            needs_reason=True,
        ),
        Edge(
            action="confirm",
            label="종결 확인",
            source=ItemState.PROPOSED,
            target=ItemState.CLOSED,
            permission=_WORK,
            needs_reason=True,
            other_than=("proposed_by_id",),
        ),
        Edge(
            action="send_back",
            label="종결 반려",
            source=ItemState.PROPOSED,
            target=ItemState.OPEN,
            permission=_WORK,
            needs_reason=True,
        ),
        Edge(
            action="reopen",
            label="다시 열기",
            source=ItemState.CLOSED,
            target=ItemState.OPEN,
            permission=_WORK,
            needs_reason=True,
        ),
        Edge(
            action="settle",
            label="자동 해소",
            source=ItemState.OPEN,
            target=ItemState.CLOSED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="settle",
            label="자동 해소",
            source=ItemState.PROPOSED,
            target=ItemState.CLOSED,
            permission=Permission.CLOCKWORK,
        ),
    ),
)
