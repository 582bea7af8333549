"""`make docs`: writes lifecycles.md from the tables of edges that the application itself runs on."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import app.workflows
from app.policy import GRANTS, Permission, Role
from app.workflows.lifecycle import Edge, Lifecycle

PATH = Path(__file__).parent / "lifecycles.md"

# In the order of a company's way. A lifecycle that is missing here stops the command.
TITLES = {
    "application": "신청과 심사",
    "budget_offer": "대기 기업 예산 안내",
    "instrument": "결제수단",
    "voucher": "바우처",
    "supplier": "공급기업",
    "offering": "서비스",
    "deal": "거래",
    "payment": "결제",
    "settlement_batch": "정산",
    "settlement_line": "정산 내역",
    "accounting_month": "월마감",
    "tax_invoice": "세금계산서",
    "statement_file": "일별 명세",
    "recon_item": "대사 차이",
    "bulk_run": "일괄 처리",
    "paper_export": "문서 내려받기",
    "post": "게시글",
    "settlement_hold": "지급 보류",
    "suspicion": "의심 거래",
    "abuse_report": "부정 신고",
}
SIDES = {"company": "수요기업", "supplier": "공급기업"}
HEADING = """# Lifecycles

Made by `make docs` from the tables of edges in `app/workflows`; do not edit. `[*]` marks where a record
begins and the states that nothing leads out of. A state changes in no other way: the same tables make the
buttons, the refusals and the audit rows.
"""
COLUMNS = ("from", "action", "to", "who", "needs", "told")


def found() -> list[Lifecycle]:
    """Every lifecycle that a module of the workflows holds, in the order of TITLES."""
    by_entity = {lifecycle.entity: lifecycle for lifecycle in _held()}
    untitled = by_entity.keys() - TITLES.keys()
    if untitled:
        raise LookupError(f"lifecycles without a title: {', '.join(sorted(untitled))}")
    return [by_entity[entity] for entity in TITLES if entity in by_entity]


def _held() -> Iterator[Lifecycle]:
    for module in pkgutil.iter_modules(app.workflows.__path__, f"{app.workflows.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Lifecycle):
                yield value


def document() -> str:
    return "\n".join([HEADING, *(_section(lifecycle) for lifecycle in found())])


def _section(lifecycle: Lifecycle) -> str:
    lines = [f"## {TITLES[lifecycle.entity]} (`{lifecycle.entity}`)", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {line}" for line in _diagram(lifecycle)]
    lines += ["```", "", f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    lines += [_row(edge) for edge in lifecycle.edges]
    return "\n".join([*lines, ""])


def _diagram(lifecycle: Lifecycle) -> list[str]:
    leads_on = {edge.source for edge in lifecycle.edges}
    # Two edges that differ only in who goes along them are one arrow.
    arrows = dict.fromkeys((edge.source.value, edge.target.value, edge.label) for edge in lifecycle.edges)
    return [
        *(f'state "{state.label}" as {state.value}' for state in lifecycle.states),
        *(f"[*] --> {state.value}" for state in lifecycle.initial),
        *(f"{source} --> {target} : {label}" for source, target, label in arrows),
        *(f"{state.value} --> [*]" for state in lifecycle.states if state not in leads_on),
    ]


def _row(edge: Edge) -> str:
    needs = ["사유"] if edge.needs_reason else []
    needs += [f"다른 사람 (`{name}`)" for name in edge.other_than]
    told = "·".join(dict.fromkeys(SIDES[tell.to] for tell in edge.tell))
    cells = (edge.source.label, f"{edge.label} (`{edge.action}`)", edge.target.label, _who(edge.permission))
    return f"| {' | '.join([*cells, ', '.join(needs), told])} |".replace("|  |", "| |").replace("|  |", "| |")


def _who(permission: Permission) -> str:
    return ", ".join(role.label for role in Role if permission in GRANTS[role])


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
