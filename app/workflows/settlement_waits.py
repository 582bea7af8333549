"""What a payment's settlement waits for, line by line and in words (R-SET-1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from app import clock
from app.db import db
from app.korean import subject_mark
from app.models.holds import HoldSource
from app.models.tax_invoices import InvoiceState
from app.models.vouchers import InstrumentKind
from app.workflows.settlement_ripe import FACTS, UNSETTLED, Wait


@dataclass(frozen=True)
class Check:
    """One condition: whether it is met, in a sentence, and in a word or two what is missing."""

    wait: Wait
    done: bool
    text: str
    need: str = ""


def checks(row: Any, *, staff: bool) -> list[Check]:
    """The conditions of one row of `settlement_ripe.FACTS`; what held it is told to staff alone (R-SET-4)."""
    return [_WORDS[wait](row, staff) for wait in Wait]


def sentence(found: Sequence[Check]) -> str:
    """`평가 또는 3일 더(2020.11.19.(목) 24:00), 세금계산서`; empty where nothing is missing."""
    return ", ".join(check.need for check in found if not check.done)


def confirmed_on(row: Any) -> date:
    """The day at whose end use counts as confirmed by itself."""
    return clock.korean_day(row.paid_at) + timedelta(days=row.use_days)


def _use(row: Any, staff: bool) -> Check:
    if not row.waits_use:
        how = [
            word
            for word, met in (
                ("평가", row.settle_by_evaluation and row.evaluated),
                ("이용실적", row.settle_by_usage and row.reported),
                (f"결제 후 {row.use_days}일 경과", row.settle_by_days and row.aged),
            )
            if met
        ]
        return Check(Wait.USE, True, f"이용이 확인되었습니다({', '.join(how)}).")
    ways, needs = [], []
    if row.settle_by_evaluation:
        ways.append("수요기업의 평가")
        needs.append("평가")
    if row.settle_by_usage:
        ways.append("로그인이 있는 이용실적 제출")
        needs.append("이용실적")
    if row.settle_by_days:
        day = confirmed_on(row)
        left = (day - clock.today()).days
        ways.append(f"{clock.write_day(day)} 24:00 경과")
        needs.append(f"{left}일 더({clock.write_day(day)} 24:00)")
    which = " 중 하나가" if len(ways) > 1 else subject_mark(ways[0]) if ways else ""
    return Check(Wait.USE, False, f"{', '.join(ways)}{which} 필요합니다.", " 또는 ".join(needs))


def _invoice(row: Any, staff: bool) -> Check:
    if row.instrument_kind != InstrumentKind.ZEROPAY.value:
        return Check(Wait.INVOICE, True, "카드 결제는 전표로 갈음합니다.")
    if not row.waits_invoice:
        return Check(Wait.INVOICE, True, "세금계산서가 확인되었습니다.")
    if row.invoice_state == InvoiceState.MISMATCH.value:
        todo = "차이를 확인해 주세요." if staff else "금액을 확인해 주세요."
        said = f"세금계산서 금액이 결제금액과 다릅니다. {todo}"
        return Check(Wait.INVOICE, False, said, "세금계산서(금액 불일치)")
    todo = "공급기업이 승인번호를 등록해야 합니다." if staff else "발급한 뒤 승인번호를 등록해 주세요."
    return Check(Wait.INVOICE, False, f"제로페이 결제에는 세금계산서가 필요합니다. {todo}", "세금계산서")


def _hold(row: Any, staff: bool) -> Check:
    if not row.waits_hold:
        return Check(Wait.HOLD, True, "보류한 것이 없습니다.")
    if not staff:
        said = "지급하기 전에 확인하고 있습니다. 확인이 끝나면 정산에 담깁니다."
        return Check(Wait.HOLD, False, said, "지급 전 확인")
    why = "·".join(dict.fromkeys(HoldSource(source).label for source in row.hold_sources))
    return Check(Wait.HOLD, False, f"지급이 보류되었습니다({why}).", f"보류 해제({why})")


def _cancelling(row: Any, staff: bool) -> Check:
    if not row.waits_cancelling:
        return Check(Wait.CANCELLING, True, "취소 중이 아닙니다.")
    return Check(Wait.CANCELLING, False, "결제취소 결과를 결제 기관에 확인하고 있습니다.", "취소 결과 확인")


def _account(row: Any, staff: bool) -> Check:
    if not row.waits_account:
        return Check(Wait.ACCOUNT, True, "정산 계좌가 확인되었습니다.")
    todo = "공급기업이 계좌를 등록하고 확인받아야 합니다."
    if not staff:
        todo = "계좌를 등록하고 확인을 받아 주세요."
    return Check(Wait.ACCOUNT, False, f"정산 계좌가 확인되지 않았습니다. {todo}", "정산 계좌 확인")


_WORDS: dict[Wait, Callable[[Any, bool], Check]] = {
    Wait.USE: _use,
    Wait.INVOICE: _invoice,
    Wait.HOLD: _hold,
    Wait.CANCELLING: _cancelling,
    Wait.ACCOUNT: _account,
}

_OF = text(f"""
SELECT p.id, {FACTS}
  FROM payment p
  JOIN programme g ON g.id = p.programme_id
  JOIN supplier v ON v.id = p.supplier_id
 WHERE p.id = ANY(:ids) AND {UNSETTLED}
""")  # noqa: S608 - no input in it


def waits_of(payment_ids: Sequence[int], *, staff: bool = True) -> dict[int, list[Check]]:
    """The conditions of those that are paid and in no settlement yet, in one query.

    The caller has checked whose they are.
    """
    rows = db.session.execute(_OF, {"ids": list(payment_ids), "until": clock.end_of(clock.today())})
    return {row.id: checks(row, staff=staff) for row in rows}
