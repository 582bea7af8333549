"""What every race and every fault must leave behind (R-MONEY-3, R-MONEY-4, R-PAY-4).

The ledger, our payments and the gateways' book agree to the won: nothing twice, nothing lost, and nothing
stuck once the resolver has run.

    books = invariant.Books(sandbox)
    ... whatever may go wrong ...
    invariant.mend()
    books.check()
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from app.db import db, transaction
from app.jobs import outbox
from app.workflows import ledger, payment_resolution, reconciliation, record

WEB = httpx.Client(trust_env=False)
ROUNDS = 20
"""More than an order that the gateway does not know is asked about before it counts as never made."""


@dataclass
class Order:
    """One order as the gateway's book has it, won."""

    charges: list[int] = field(default_factory=list)
    cancels: list[int] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return sum(self.charges) - sum(self.cancels)


class Books:
    """Our books and the played gateways', from the moment at which this was made."""

    def __init__(self, sandbox: str) -> None:
        self._sandbox = sandbox
        self._before = len(self._lines())

    def _lines(self, after: int = 0) -> list[dict[str, Any]]:
        answer = WEB.get(f"{self._sandbox}/__ledger", params={"after": str(after)})
        assert answer.status_code == 200
        return list(answer.json())

    def restart(self) -> None:
        """From here on."""
        self._before += len(self._lines(self._before))

    def orders(self) -> dict[str, Order]:
        """What the gateways took and gave back since, by order."""
        found: dict[str, Order] = defaultdict(Order)
        for line in self._lines(self._before):
            order = found[line["orderId"]]
            (order.charges if line["entry"] == "charge" else order.cancels).append(line["amount"])
        return dict(found)

    def charged(self) -> int:
        """How many charges the gateways entered since."""
        return sum(len(order.charges) for order in self.orders().values())

    def problems(self, *, audit: bool = True) -> list[str]:
        """All that does not hold, in words; `audit` walks the trail too."""
        with transaction():
            found = [
                *ledger.verify(),
                *_of_our_rows(),
                *_against(self.orders()),
                *(record.verify() if audit else []),
            ]
        return found

    def compared(self) -> list[str]:
        """What the platform's own comparison finds, over all that was pressed here (reconciliation.compare).

        The played gateways keep what earlier tests did: that is left out.
        """
        with transaction() as session:
            first, last = session.execute(_PRESSED).one()
        if first is None:
            return []
        known, day = self.orders(), timedelta(days=1)
        found = reconciliation.compare(since=first - day, until=last + day)
        return [
            f"{each.kind.label} {each.order_id}: {each.ours:,} / {each.theirs:,}"
            for each in found.differences
            if each.payment_id is not None or each.order_id in known
        ]

    def check(self, *, undecided: int = 0, audit: bool = True) -> None:
        """`undecided`: of so many payments the gateway itself cannot say yet what became."""
        left = stuck()
        assert len(left) == undecided, f"still undecided: {left}"
        problems = self.problems(audit=audit)
        assert not problems, problems


def mend(*, rounds: int = ROUNDS) -> None:
    """As if time went by: what is unknown is asked about, and what must be given back is, until all is
    known or `rounds` did not help."""
    for _ in range(rounds):
        left = stuck()
        if not left and not _watched():
            return
        with transaction() as session:
            session.execute(_SOON_ASKED)
            session.execute(_SOON_RETURNED)
        payment_resolution.resolve()
        if any(what.startswith("message") for what in left):
            outbox.drain()


_PRESSED = text("SELECT min(pressed_at), max(greatest(pressed_at, paid_at, cancelled_at)) FROM payment")
_SOON_ASKED = text("""
UPDATE payment SET ask_again_at = now() - interval '1 second'
 WHERE ask_again_at IS NOT NULL OR state IN ('pending', 'cancelling')
""")
_SOON_RETURNED = text("""
UPDATE outbox_message SET next_try_at = now() - interval '1 second'
 WHERE kind = 'return_charge' AND done_at IS NULL AND gave_up_at IS NULL
""")
_STUCK = text("""
SELECT concat('payment ', id, ' is ', state) FROM payment WHERE state IN ('pending', 'cancelling')
UNION ALL
SELECT concat('message ', key, ' is not done') FROM outbox_message
 WHERE kind = 'return_charge' AND done_at IS NULL
""")


def _watched() -> bool:
    """Whether something that is decided is to be asked about once more."""
    with transaction() as session:
        return session.execute(_WATCHED).first() is not None


_WATCHED = text("SELECT 1 FROM payment WHERE ask_again_at IS NOT NULL LIMIT 1")


def stuck() -> list[str]:
    """What nobody knows yet, and what was taken for nothing and not yet given back."""
    with transaction() as session:
        return list(session.execute(_STUCK).scalars())


def _of_our_rows() -> list[str]:
    problems = []
    for sentence, query in _CHECKS.items():
        problems += [sentence.format(*row) for row in db.session.execute(text(query))]
    return problems


# Each payment's own events, by its state: never one twice (the key is unique), never one too many or few.
_EVENTS = """
SELECT p.id, p.state, string_agg(j.kind, ' ' ORDER BY j.id) FROM payment p
  LEFT JOIN journal j ON split_part(j.event_key, ':', 2) = 'payment'
                     AND split_part(j.event_key, ':', 3) = CAST(p.id AS text)
                     AND j.kind <> 'hold_back'
 GROUP BY p.id, p.state
HAVING coalesce(string_agg(j.kind, ' ' ORDER BY j.id), '') <>
       CASE p.state WHEN 'pending' THEN 'hold' WHEN 'failed' THEN 'hold release'
                    WHEN 'cancelled' THEN 'hold payment cancellation' ELSE 'hold payment' END
"""
_LEFT = """
SELECT v.id, v.state, coalesce(g.amount, 0) AS grant_left, coalesce(s.amount, 0) AS share_left,
       u.some AS busy, v.granted_grant, v.granted_share
  FROM voucher v
  LEFT JOIN ledger_balance g ON g.account = 'voucher_grant' AND g.owner_id = v.id
  LEFT JOIN ledger_balance s ON s.account = 'voucher_share' AND s.owner_id = v.id
 CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM payment p WHERE p.voucher_id = v.id
                                       AND p.state IN ('pending', 'cancelling')) AS some) u
"""
_CHECKS = {
    "the postings sum up to {} won": "SELECT sum(amount) FROM posting HAVING sum(amount) <> 0",
    "{} {} lies {} won below zero": "SELECT account, owner_id, -amount FROM ledger_balance WHERE amount < 0",
    "payment {} is {}, but its events are: {}": _EVENTS,
    "deal {} is {}, its payment {} is {}": """
        SELECT d.id, d.state, p.id, p.state FROM deal d
          FULL JOIN payment p ON p.deal_id = d.id AND p.state <> 'failed'
         WHERE CASE p.state WHEN 'pending' THEN d.state <> 'billed'
                            WHEN 'cancelled' THEN d.state <> 'payment_cancelled'
                            WHEN 'paid' THEN d.state <> 'paid'
                            WHEN 'cancelling' THEN d.state <> 'paid'
                            ELSE d.state IN ('paid', 'payment_cancelled') END""",
    "voucher {} is spent with {} and {} won left": f"""
        SELECT id, grant_left, share_left FROM ({_LEFT}) l
         WHERE state = 'spent' AND grant_left + share_left > 0""",
    "voucher {} is usable with nothing left and nothing undecided": f"""
        SELECT id FROM ({_LEFT}) l WHERE state = 'usable' AND grant_left + share_left = 0 AND NOT busy""",
    "voucher {} is {} and keeps {} and {} won": f"""
        SELECT id, state, grant_left, share_left FROM ({_LEFT}) l
         WHERE state IN ('waived', 'revoked', 'expired') AND grant_left + share_left > 0""",
    # Part by part: so a voucher spent to the last won meets its ratio exactly (R-MONEY-2).
    "voucher {}: granted {} and {}, spent and left {} and {}": f"""
        SELECT * FROM (
          SELECT l.id, l.granted_grant, l.granted_share,
                 l.grant_left + coalesce(sum(p.grant_part), 0) AS grant_seen,
                 l.share_left + coalesce(sum(p.share_part), 0) AS share_seen
            FROM ({_LEFT}) l
            LEFT JOIN payment p ON p.voucher_id = l.id AND p.state IN ('pending', 'paid', 'cancelling')
           WHERE l.state IN ('usable', 'spent')
           GROUP BY l.id, l.granted_grant, l.granted_share, l.grant_left, l.share_left) seen
         WHERE granted_grant <> grant_seen OR granted_share <> share_seen""",
}  # fmt: skip


def _against(orders: dict[str, Order]) -> list[str]:
    """Our payments and the gateways' book, order by order; one order may have failed presses before it."""
    rows = db.session.execute(
        text("SELECT id, order_id, state, grant_part + share_part + tax_part AS total FROM payment")
    ).all()
    ours = {
        order_id: list(group)
        for order_id, group in itertools.groupby(
            sorted(rows, key=lambda row: (row.order_id, row.id)), key=lambda row: row.order_id
        )
    }
    problems = [f"order {name} was charged, and nobody here pressed" for name in orders if name not in ours]
    for name, payments in ours.items():
        order = orders.get(name, Order())
        if len(order.charges) > 1 or len(order.cancels) > 1:
            problems.append(f"order {name} was charged or cancelled twice: {order}")
        mine = sum(row.total for row in payments if row.state == "paid")
        doubtful = sum(row.total for row in payments if row.state in ("pending", "cancelling"))
        if order.taken not in (mine, mine + doubtful):
            states = [(row.id, row.state, row.total) for row in payments]
            problems.append(f"order {name}: the gateway has {order.taken:,} won, we have {states}")
    return problems
