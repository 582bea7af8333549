"""The only writer of the ledger (R-MONEY-3, R-MONEY-4): balanced journals, once per business event.

All amounts are whole won. A journal's postings go in with one statement, as the database demands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import db, run_plain
from app.errors import Refusal
from app.models.ledger import GUARDED, JournalKind, LedgerAccount
from app.policy import Actor

ENTER = """
entered AS (
  INSERT INTO journal (event_key, programme_id, kind, at, actor_id)
  SELECT DISTINCT event_key, :programme_id, :kind, CAST(:at AS timestamptz), CAST(:actor_id AS bigint)
    FROM legs
  ON CONFLICT (event_key) DO NOTHING RETURNING id, event_key),
posted AS (
  INSERT INTO posting (journal_id, account, owner_id, amount)
  SELECT e.id, l.account, l.owner_id, l.amount FROM entered e JOIN legs l USING (event_key)
  ORDER BY e.id, l.n RETURNING 1)
"""
_POST = text(f"""
WITH legs AS (
  SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:accounts AS text[]), CAST(:owners AS bigint[]),
                       CAST(:amounts AS bigint[]))
                WITH ORDINALITY AS l (event_key, account, owner_id, amount, n)),
{ENTER}
SELECT event_key FROM entered WHERE EXISTS (SELECT 1 FROM posted)
""")  # noqa: S608 - no input in it


class Overdrawn(Refusal):
    """A guarded account would have gone below zero: the database refused the whole transaction."""


@dataclass(frozen=True)
class Leg:
    """One side of a journal, won: minus where the money leaves, plus where it arrives."""

    account: LedgerAccount
    owner_id: int
    amount: int


def move(source: tuple[LedgerAccount, int], target: tuple[LedgerAccount, int], amount: int) -> list[Leg]:
    """The two legs of `amount` won from one account to another; none for nothing."""
    if amount == 0:
        return []
    return [Leg(*source, -amount), Leg(*target, amount)]


def post(key: str, kind: JournalKind, legs: Sequence[Leg], *, programme_id: int, actor: Actor) -> bool:
    """Enter one business event; False where this key was entered before, and nothing happened.

    Raises Overdrawn where a guarded account has not enough; ValueError for legs that do not balance.
    """
    return bool(post_many({key: legs}, kind, programme_id=programme_id, actor=actor))


def post_many(
    entries: dict[str, Sequence[Leg]], kind: JournalKind, *, programme_id: int, actor: Actor
) -> set[str]:
    """Enter many events of one kind with one statement; returns the keys that were new."""
    entries = {key: legs for key, legs in entries.items() if legs}
    if not entries:
        return set()
    for key, legs in entries.items():
        if sum(leg.amount for leg in legs) != 0:
            raise ValueError(f"{key} does not balance")
    rows = [(key, leg) for key, legs in entries.items() for leg in legs]
    parameters = {
        "keys": [key for key, _ in rows],
        "accounts": [leg.account.value for _, leg in rows],
        "owners": [leg.owner_id for _, leg in rows],
        "amounts": [leg.amount for _, leg in rows],
        "programme_id": programme_id,
        "kind": kind.value,
        "at": clock.now(),
        "actor_id": actor.id,
    }
    return set(run(_POST, parameters).scalars())


def entering(legs: str) -> TextClause:
    """The statement that `post_set` runs for the legs that a query yields: event_key, n (its place within
    the event), account, owner_id, amount. The database refuses what does not balance."""
    return text(f"WITH legs AS ({legs}), {ENTER} SELECT count(*) FROM entered")  # noqa: S608


def post_set(
    statement: TextClause, kind: JournalKind, *, programme_id: int, actor: Actor, **parameters: Any
) -> int:
    """`post_many` for thousands at once: the legs never leave the database. Returns how many events were
    new; raises Overdrawn."""
    about = {"programme_id": programme_id, "kind": kind.value, "at": clock.now(), "actor_id": actor.id}
    count: int = run(statement, about | parameters).scalar_one()
    return count


def run(statement: TextClause, parameters: Mapping[str, Any]) -> Any:
    """A statement that enters postings. Raises Overdrawn."""
    try:
        return run_plain(statement, parameters)
    except IntegrityError as error:
        if "not_overdrawn" in str(error.orig):
            raise Overdrawn("overdrawn", "잔액이 부족하여 처리할 수 없습니다.") from error
        raise


def balance(account: LedgerAccount, owner_id: int) -> int:
    """What lies on an account, won: the kept balance of a guarded one, else the sum of its postings."""
    return balances(account, [owner_id])[owner_id]


def balances(account: LedgerAccount, owner_ids: Sequence[int]) -> dict[int, int]:
    """What lies on the accounts of many owners, won, in one query."""
    if account in GUARDED:
        query = (
            "SELECT owner_id, amount FROM ledger_balance WHERE account = :account AND owner_id = ANY(:owners)"
        )
    else:
        query = """SELECT owner_id, CAST(sum(amount) AS bigint) AS amount FROM posting
                    WHERE account = :account AND owner_id = ANY(:owners) GROUP BY owner_id"""
    rows = db.session.execute(text(query), {"account": account.value, "owners": list(owner_ids)})
    found = {row.owner_id: row.amount for row in rows}
    return {owner: found.get(owner, 0) for owner in owner_ids}


def lock_balances(accounts: Sequence[LedgerAccount], owner_id: int) -> dict[LedgerAccount, int]:
    """Lock the guarded accounts of one owner until the transaction ends, and what lies on them, won."""
    rows = db.session.execute(
        text("SELECT account, amount FROM lock_balances(CAST(:accounts AS text[]), CAST(:owner AS bigint))"),
        {"accounts": [account.value for account in accounts], "owner": owner_id},
    )
    found = {row.account: row.amount for row in rows}
    return {account: found.get(account.value, 0) for account in accounts}


# Stands for <SETTLED> after an alias `i` with a line_id: the money of an approved batch has moved.
_SETTLED = """JOIN settlement_line sl ON sl.id = i.line_id JOIN settlement_batch sb ON sb.id = sl.batch_id
                             WHERE sb.state IN ('approved', 'exported', 'reconciled', 'closed')"""

_CHECKS = {
    "journal {} does not balance": """
        SELECT journal_id FROM posting GROUP BY journal_id HAVING sum(amount) <> 0""",
    "journal {} has no postings": """
        SELECT id FROM journal j WHERE NOT EXISTS (SELECT 1 FROM posting p WHERE p.journal_id = j.id)""",
    "the kept balance of {} is not the sum of its postings": """
        SELECT concat(coalesce(b.account, s.account), ' ', coalesce(b.owner_id, s.owner_id))
          FROM ledger_balance b
          FULL JOIN (SELECT account, owner_id, sum(amount) AS amount FROM posting
                      WHERE account = ANY(:guarded) GROUP BY account, owner_id) s
            ON s.account = b.account AND s.owner_id = b.owner_id
         WHERE coalesce(b.amount, 0) <> coalesce(s.amount, 0)""",
    "payment {} holds money although it is decided, or none although it is not": """
        SELECT p.id FROM payment p
          LEFT JOIN (SELECT owner_id, sum(amount) AS held FROM posting WHERE account = 'hold'
                      GROUP BY owner_id) h ON h.owner_id = p.id
         WHERE coalesce(h.held, 0)
            <> CASE WHEN p.state = 'pending' THEN p.grant_part + p.share_part + p.tax_part ELSE 0 END""",
    "voucher {}: granted is not spent and left together": """
        SELECT v.id FROM voucher v
          JOIN (SELECT owner_id, sum(amount) AS amount FROM ledger_balance
                 WHERE account IN ('voucher_grant', 'voucher_share') GROUP BY owner_id) b ON b.owner_id = v.id
          LEFT JOIN (SELECT voucher_id, sum(grant_part + share_part) AS amount FROM payment
                      WHERE state IN ('pending', 'paid', 'cancelling') GROUP BY voucher_id) s
            ON s.voucher_id = v.id
         WHERE v.state IN ('usable', 'spent')
           AND v.granted_grant + v.granted_share <> b.amount + coalesce(s.amount, 0)""",
    # Owed: paid and not settled, back from failed transfers or kept back from them and not yet in an approved
    # line; less what was cancelled after its settlement and not yet taken back by an approved line.
    "supplier {}: what is owed is not what was paid for and not yet settled": """
        SELECT s.id FROM supplier s
          LEFT JOIN (SELECT owner_id, sum(amount) AS amount FROM posting WHERE account = 'payable'
                      GROUP BY owner_id) l ON l.owner_id = s.id
          LEFT JOIN (SELECT supplier_id, sum(amount) AS amount FROM (
                       SELECT p.supplier_id, p.grant_part + p.share_part + p.tax_part AS amount FROM payment p
                        WHERE p.state IN ('paid', 'cancelling')
                          AND NOT EXISTS (SELECT 1 FROM settlement_item i <SETTLED> AND i.payment_id = p.id)
                       UNION ALL
                       SELECT p.supplier_id, -(p.grant_part + p.share_part + p.tax_part) FROM payment p
                        WHERE p.state = 'cancelled'
                          AND EXISTS (SELECT 1 FROM settlement_item i <SETTLED> AND i.payment_id = p.id)
                          AND NOT EXISTS (SELECT 1 FROM clawback_item i <SETTLED> AND i.payment_id = p.id)
                       UNION ALL
                       SELECT f.supplier_id, f.net - f.withheld - f.stayed FROM settlement_line f
                        WHERE f.state IN ('failed', 'carried')
                          AND NOT EXISTS (SELECT 1 FROM (SELECT f.carried_into_id AS line_id) i <SETTLED>)
                       UNION ALL
                       SELECT p.supplier_id, w.amount
                         FROM settlement_withheld w JOIN payment p ON p.id = w.payment_id
                        WHERE NOT EXISTS (SELECT 1 FROM (SELECT w.into_line_id AS line_id) i <SETTLED>)
                     ) parts GROUP BY supplier_id) o ON o.supplier_id = s.id
         WHERE coalesce(l.amount, 0) <> coalesce(o.amount, 0)""",
    "settlement line {}: what is on its way is not what is sent of it": """
        SELECT l.id FROM settlement_line l
          LEFT JOIN ledger_balance b ON b.account = 'transfer' AND b.owner_id = l.id
         WHERE coalesce(b.amount, 0)
            <> CASE WHEN l.state = 'planned' AND EXISTS (SELECT 1 FROM (SELECT l.id AS line_id) i <SETTLED>)
                    THEN l.net - l.withheld ELSE 0 END""",
    "settlement line {}: its payments and clawbacks do not make its sums": """
        SELECT l.id FROM settlement_line l
         WHERE l.gross <> (SELECT coalesce(sum(amount), 0) FROM settlement_item i WHERE i.line_id = l.id)
            OR l.clawback <> (SELECT coalesce(sum(amount), 0) FROM clawback_item c WHERE c.line_id = l.id)
            OR l.carried <> (SELECT coalesce(sum(net - withheld - stayed), 0) FROM settlement_line f
                              WHERE f.carried_into_id = l.id)
                          + (SELECT coalesce(sum(amount), 0) FROM settlement_withheld w
                              WHERE w.into_line_id = l.id)""",
    "settlement line {}: what was kept back is not the sum of its held payments": """
        SELECT l.id FROM settlement_line l
          LEFT JOIN (SELECT line_id, sum(amount) FILTER (WHERE from_transfer) AS withheld,
                            sum(amount) FILTER (WHERE NOT from_transfer) AS stayed
                       FROM settlement_withheld GROUP BY line_id) w ON w.line_id = l.id
         WHERE l.withheld <> coalesce(w.withheld, 0) OR l.stayed <> coalesce(w.stayed, 0)""",
    "month {} took an entry after its close": """
        SELECT concat(m.programme_id, ' ', m.month) FROM accounting_month m
         WHERE m.state IN ('closed', 'reopening')
           AND EXISTS (SELECT 1 FROM journal j
                        WHERE j.programme_id = m.programme_id AND j.id > m.last_journal_id
                          AND j.at >= CAST(m.month AS timestamp) AT TIME ZONE 'Asia/Seoul'
                          AND j.at < (m.month + interval '1 month') AT TIME ZONE 'Asia/Seoul')""",
    "supplier {}: what was paid out is not the sum of the paid lines": """
        SELECT s.id FROM supplier s
          LEFT JOIN (SELECT owner_id, sum(amount) AS amount FROM posting WHERE account = 'paid_out'
                      GROUP BY owner_id) l ON l.owner_id = s.id
          LEFT JOIN (SELECT supplier_id, sum(net - withheld) AS amount FROM settlement_line
                      WHERE state = 'paid'
                      GROUP BY supplier_id) o ON o.supplier_id = s.id
         WHERE coalesce(l.amount, 0) <> coalesce(o.amount, 0)""",
}


def verify() -> list[str]:
    """What does not hold: balance of every journal, kept balances, holds, vouchers, suppliers."""
    guarded = [account.value for account in GUARDED]
    problems = []
    for sentence, query in _CHECKS.items():
        statement = text(query.replace("<SETTLED>", _SETTLED))
        parameters = {"guarded": guarded} if ":guarded" in query else {}
        problems += [sentence.format(key) for key in db.session.execute(statement, parameters).scalars()]
    return problems
