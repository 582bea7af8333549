"""What the other tests of this folder rely on sees what is wrong (tests/invariant.py)."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db import db
from tests import invariant, money, racing


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("UPDATE payment SET order_id = 'KV-another-order'", "nobody here pressed"),
        ("UPDATE payment SET order_id = 'KV-another-order'", "the gateway has 0 won"),
        ("UPDATE payment SET state = 'failed'", "the gateway has 100,000 won"),
        ("UPDATE payment SET state = 'pending'", "but its events are: hold payment"),
        ("UPDATE payment SET grant_part = grant_part + 1, share_part = share_part - 1", "granted"),
        ("UPDATE deal SET state = 'billed'", "is billed, its payment"),
        ("UPDATE voucher SET state = 'spent', due_at = NULL", "is spent with"),
        ("UPDATE voucher SET state = 'expired', due_at = NULL", "is expired and keeps"),
    ],
)
def test_what_is_wrong_is_found(sandbox: str, books: invariant.Books, tampering: str, found: str) -> None:
    payer = money.make_payer(sandbox)
    assert racing.ready(payer)() == "PAID"
    books.check()
    db.session.execute(text(tampering))
    db.session.commit()
    assert any(found in problem for problem in books.problems())


def test_what_is_not_known_is_stuck_until_it_is_mended(sandbox: str, books: invariant.Books) -> None:
    payer = money.make_payer(sandbox)
    assert racing.ready(payer, behaviour="52")() == "PENDING"
    assert invariant.stuck() and books.problems() == []
    with pytest.raises(AssertionError, match="still undecided"):
        books.check()
    invariant.mend()
    assert invariant.stuck() == []
    books.check()
