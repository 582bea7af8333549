"""How an amount splits, and where its tax lies (R-MONEY-2, 2a, 2b). Pure, in whole won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.errors import Refusal
from app.models.programme import Programme, VatMode


class Parts(NamedTuple):
    """What the voucher pays, won."""

    grant: int
    share: int


class SupplyAndTax(NamedTuple):
    """As a Korean slip shows an amount, won."""

    supply: int
    tax: int


@dataclass(frozen=True)
class Working:
    """One line of how an amount was worked out: what it is, the sum in words, and the won."""

    label: str
    working: str
    amount: int


def split(*, amount: int, grant_left: int, share_left: int) -> Parts:
    """Split a payment in the ratio of what is left of both parts, rounding the government's part down.

    Splitting by what is *left* makes the last won exact: a payment of all that is left takes all of both, so
    a voucher spent to the end meets its ratio whatever the order of payments and cancellations (R-MONEY-2).
    Raises ValueError for an amount that is not positive, and Refusal where not enough is left (R-MONEY-4).
    """
    if amount <= 0 or grant_left < 0 or share_left < 0:
        raise ValueError("an amount is positive, and what is left is not negative")
    left = grant_left + share_left
    if amount > left:
        raise Refusal(
            "payment.not_enough",
            f"바우처 잔액 {left:,}원이 결제할 금액 {amount:,}원보다 적습니다. "
            "잔액 안에서 결제할 수 있도록 공급기업에 금액 조정을 요청해 주세요.",
        )
    grant = amount * grant_left // left
    return Parts(grant, amount - grant)


def tax_on_top(*, programme: Programme, amount: int) -> int:
    """What the company pays beside the voucher: 10 % of the supply value, less than a won dropped."""
    return amount // 10 if programme.vat_mode is VatMode.BORNE else 0


def supply_and_tax(*, amount: int, tax: int) -> SupplyAndTax:
    """Supply value and tax of what was paid: `tax` won on top of `amount`, or, where that is none, inside it.

    Inside, the tax is an eleventh of the price, rounded to the nearest won, and the supply value the rest: so
    the Korean card slips do it. An eleventh is never a half, so rounding the supply value gives the same.
    """
    if tax:
        return SupplyAndTax(amount, tax)
    inside = (amount + 5) // 11
    return SupplyAndTax(amount - inside, inside)


def explain(
    *, programme: Programme, amount: int, tax: int, parts: Parts, grant_left: int, share_left: int
) -> list[Working]:
    """How a bill of `amount` won was worked out from what was left before it, line by line (R-MONEY-2b)."""
    borne = programme.vat_mode is VatMode.BORNE
    paid = "공급가액(바우처로 결제)" if borne else "결제금액(부가세 포함, 바우처로 결제)"
    ratio = f"{amount:,}원 × 남은 정부지원금 {grant_left:,}원 ÷ 바우처 잔액 {grant_left + share_left:,}원"
    lines = [
        Working(paid, "공급기업이 청구한 금액", amount),
        Working("정부지원금", f"{ratio}, 원 미만 버림", parts.grant),
        Working("자부담금", f"{amount:,}원 − 정부지원금 {parts.grant:,}원", parts.share),
    ]
    if borne:
        return [
            *lines,
            Working("부가세(기업 부담)", f"공급가액 {amount:,}원 × 10%, 원 미만 버림", tax),
            Working("합계", f"{amount:,}원 + 부가세 {tax:,}원", amount + tax),
        ]
    supply, inside = supply_and_tax(amount=amount, tax=0)
    return [
        *lines,
        Working("부가세(결제금액에 포함)", f"{amount:,}원 ÷ 11, 원 미만 반올림", inside),
        Working("공급가액", f"{amount:,}원 − 부가세 {inside:,}원", supply),
    ]
