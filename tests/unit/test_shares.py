"""R-MONEY-2, 2a, 2b: the split, the tax, and how both are explained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refusal
from app.models.programme import Programme, VatMode
from app.workflows.shares import Parts, explain, split, supply_and_tax, tax_on_top

INCLUDED = Programme(vat_mode=VatMode.INCLUDED)
BORNE = Programme(vat_mode=VatMode.BORNE)


@pytest.mark.parametrize(
    ("supply", "grant", "share", "tax"),
    [(1_800_000, 1_260_000, 540_000, 180_000), (4_000_000, 2_800_000, 1_200_000, 400_000)],
)
def test_vectors_of_the_programme_of_2022(supply: int, grant: int, share: int, tax: int) -> None:
    """R-MONEY-2a, won: 1,980,000 with tax = 1,260,000 + 540,000 + 180,000, and the whole voucher."""
    assert split(amount=supply, grant_left=2_800_000, share_left=1_200_000) == (grant, share)
    assert tax_on_top(programme=BORNE, amount=supply) == tax
    assert supply_and_tax(amount=supply, tax=tax) == (supply, tax)


def test_2020_splits_nine_to_one_with_the_tax_inside() -> None:
    assert split(amount=4_000_000, grant_left=3_600_000, share_left=400_000) == (3_600_000, 400_000)
    assert split(amount=1_100_000, grant_left=3_600_000, share_left=400_000) == (990_000, 110_000)
    assert tax_on_top(programme=INCLUDED, amount=1_100_000) == 0
    assert supply_and_tax(amount=1_100_000, tax=0) == (1_000_000, 100_000)


@given(st.integers(1, 10**9))
def test_tax_inside_is_the_nearest_won_whichever_side_is_rounded(total: int) -> None:
    supply, tax = supply_and_tax(amount=total, tax=0)
    assert supply + tax == total
    assert abs(11 * tax - total) <= 5
    assert supply == (total * 10 * 2 + 11) // 22


def test_more_than_is_left_is_refused_with_both_amounts() -> None:
    with pytest.raises(Refusal) as refused:
        split(amount=1_000_001, grant_left=900_000, share_left=100_000)
    assert refused.value.code == "payment.not_enough"
    assert "1,000,000원" in refused.value.text and "1,000,001원" in refused.value.text


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_payment(amount: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        split(amount=amount, grant_left=1, share_left=1)


@given(
    grant=st.integers(0, 4_000_000),
    share=st.integers(0, 4_000_000),
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 1_500_000), st.integers(0, 50)), max_size=40),
)
def test_any_order_of_payments_and_cancellations_meets_the_ratio_at_the_last_won(
    grant: int, share: int, steps: list[tuple[bool, int, int]]
) -> None:
    """R-MONEY-2: no part is negative or above what is left, and the last payment makes it exact."""
    left, open_payments = Parts(grant, share), list[Parts]()
    for pays, amount, which in steps:
        if pays and 0 < sum(left):
            parts = split(amount=min(amount, sum(left)), grant_left=left.grant, share_left=left.share)
            assert 0 <= parts.grant <= left.grant and 0 <= parts.share <= left.share
            left = Parts(left.grant - parts.grant, left.share - parts.share)
            open_payments.append(parts)
        elif not pays and open_payments:
            back = open_payments.pop(which % len(open_payments))
            left = Parts(left.grant + back.grant, left.share + back.share)
    if sum(left):
        open_payments.append(split(amount=sum(left), grant_left=left.grant, share_left=left.share))
    assert (sum(p.grant for p in open_payments), sum(p.share for p in open_payments)) == (grant, share)


def test_explanation_shows_each_sum_and_ends_in_what_was_paid() -> None:
    """R-MONEY-2b"""
    parts = split(amount=1_800_000, grant_left=2_800_000, share_left=1_200_000)
    lines = explain(
        programme=BORNE,
        amount=1_800_000,
        tax=180_000,
        parts=parts,
        grant_left=2_800_000,
        share_left=1_200_000,
    )
    assert [line.amount for line in lines] == [1_800_000, 1_260_000, 540_000, 180_000, 1_980_000]
    assert "1,800,000원 × 남은 정부지원금 2,800,000원 ÷ 바우처 잔액 4,000,000원" in lines[1].working

    parts = split(amount=1_100_000, grant_left=3_600_000, share_left=400_000)
    lines = explain(
        programme=INCLUDED, amount=1_100_000, tax=0, parts=parts, grant_left=3_600_000, share_left=400_000
    )
    assert [line.amount for line in lines] == [1_100_000, 990_000, 110_000, 100_000, 1_000_000]
