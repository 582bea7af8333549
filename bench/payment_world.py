"""Ten thousand vouchers that have paid 200,000 bills, and as many bills again that wait to be paid.

All entries about payments measure on a copy of it. What lies in it is right to the won and to the hash: after
the measurements the ledger and the audit trail must still be. Its time is the real one, as in production.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app import clock, crypto
from app.db import db
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import budget, ledger, vouchers
from bench.harness import Side
from bench.world import PREPARER, World, load_offerings, load_suppliers

COMPANIES = 10_000
SUPPLIERS = 500
PAID = 200_000
OPEN = 240_000
"""The second half of them at one supplier."""
AMOUNT = 55_000
GRANT = AMOUNT * 9 // 10
OFFICER = Actor(id=None, role=Role.BUDGET_OFFICER, name="측정 준비")
FEW_SCANS = 20
"""Of a table while some hundred connections begin: a plan that reads it whole does so thousands of times."""
MEASURED = ("payment", "voucher", "deal", "journal", "posting", "ledger_balance", "audit_row")


@dataclass
class Bills:
    """Open bills in the order in which they are taken, neighbours of different companies; none twice."""

    first: int
    last: int

    @classmethod
    def spread(cls) -> Bills:
        """Over all suppliers."""
        return cls(PAID + 1, PAID + OPEN // 2)

    @classmethod
    def hot(cls) -> Bills:
        """At one supplier."""
        return cls(PAID + OPEN // 2 + 1, PAID + OPEN)

    def go_on(self, world: World) -> None:
        """The next slice begins behind the last bill that was taken."""
        [last] = world.ids(
            f"""SELECT coalesce(max(deal_id), 0) FROM payment
                 WHERE state IN ('pending', 'paid', 'cancelling')
                   AND deal_id BETWEEN {self.first} AND {self.last}"""
        )
        self.first = max(self.first, last + 1)
        if self.first > self.last:
            raise RuntimeError("the bills ran out: load more of them")


def company_of(deal_id: int) -> int:
    return deal_id % COMPANIES + 1


def payer(deal_id: int) -> Actor:
    """Who pays a bill; an account has the number of its company."""
    company = company_of(deal_id)
    return Actor(id=company, role=Role.DEMAND, name="결제담당", company_id=company, ip="127.0.0.1")


_COUNTED = {
    "payment": "state",
    "journal": "kind",
    "posting": "account",
    "audit_row": "entity || ' ' || action",
    "notice": "CASE WHEN company_id IS NULL THEN 'supplier' ELSE 'company' END",
    "outbox_message": "kind",
}


class Sides:
    """Measures sides in turn and counts what each leaves behind: unlike things are not compared."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.written: dict[str, Counter[str]] = {}
        self.scanned = self._scans()

    def counted(self, name: str, work: Callable[[], float]) -> Side:
        def one_slice() -> float:
            since = {
                table: self.world.ids(f"SELECT coalesce(max(id), 0) FROM {table}")[0] for table in _COUNTED
            }
            each = work()
            self._count(name, since)
            return each

        return one_slice

    def paying(self, name: str, bills: Bills, work: Callable[[int], float]) -> Side:
        """`work` takes the first bill that it may pay."""

        def one_slice() -> float:
            each = work(bills.first)
            bills.go_on(self.world)
            return each

        return self.counted(name, one_slice)

    def _count(self, name: str, since: dict[str, int]) -> None:
        written = self.written.setdefault(name, Counter())
        for table, kind in _COUNTED.items():
            rows = self.world.owner.execute(
                f"SELECT {kind}, count(*) FROM {table} WHERE id > %s GROUP BY 1", (since[table],)
            )
            for what, number in rows.fetchall():
                written[f"{table} {what}"] += number

    def _scans(self) -> dict[str, int]:
        self.world.owner.execute("SELECT pg_stat_clear_snapshot()")
        rows = self.world.owner.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY(%s)", (list(MEASURED),)
        )
        return dict(rows.fetchall())

    def each(self, name: str) -> dict[str, float]:
        """The rows that one payment leaves behind."""
        written = self.written[name]
        return {kind: number / written["payment paid"] for kind, number in sorted(written.items())}

    def check(self) -> None:
        """All is paid and in balance, each side left the same rows, and no large table was read whole."""
        scanned = {table: number - self.scanned[table] for table, number in self._scans().items()}
        assert max(scanned.values()) <= FEW_SCANS, f"large tables were read whole: {scanned}"
        (first, ours), *others = [(name, self.each(name)) for name in self.written]
        assert all(f"payment {state}" not in ours for state in ("pending", "failed")), ours
        for name, theirs in others:
            unlike = {k: (ours.get(k), theirs.get(k)) for k in ours | theirs if ours.get(k) != theirs.get(k)}
            assert not unlike, f"{first} and {name} leave unlike rows for a payment: {unlike}"
        db.session.remove()
        problems = ledger.verify()
        assert not problems, problems[:5]


def load(world: World) -> None:
    """By SQL with the guards off, except for what the verbs and the guards themselves bring into balance."""
    now = clock.real_now()
    selected = now.date() - timedelta(days=10)
    values: dict[str, Any] = {
        "now": now,
        "due": now + timedelta(days=2),
        "today": now.date(),
        "selected": selected,
        "first_by": clock.months_deadline(selected, 1),
        "full_by": clock.months_deadline(selected, 8),
        "programme": world.programme_id,
        "phone": crypto.encrypt("01000000000"),
        "companies": COMPANIES,
        "suppliers": SUPPLIERS,
        "paid": PAID,
        "bills": PAID + OPEN,
        "spread": PAID + OPEN // 2,
        "amount": AMOUNT,
        "grant": GRANT,
        "share": AMOUNT - GRANT,
    }
    load_suppliers(world, SUPPLIERS)
    load_offerings(world)
    _fund(world)
    for statement in PARTIES:
        world.owner.execute(statement, values)
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        for statement in HISTORY:
            world.owner.execute(statement, values)
    for table in ("company", "account", "application", "voucher", "deal", "payment", "journal"):
        world.owner.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        )
    world.settle()
    world.owner.execute("CHECKPOINT")


def _fund(world: World) -> None:
    """Money for all vouchers, by the verbs."""
    programme = db.session.get_one(Programme, world.programme_id)
    total = vouchers.worth(programme)[0] * COMPANIES
    budget.fund(actor=PREPARER, programme_id=world.programme_id, amount=total, key="bench")
    [agency] = world.ids("SELECT min(id) FROM agency WHERE NOT is_lead")
    budget.allocate(
        actor=OFFICER, programme_id=world.programme_id, agency_id=agency, amount=total, key="bench"
    )
    db.session.remove()


# Companies, accounts, applications and vouchers have the same numbers, from one.
PARTIES = (
    """INSERT INTO company (id, programme_id, agency_id, name, kind, business_number, representative, phone,
                            email, address, industry, contact_name, contact_email, payment_contact_name,
                            joined_at)
       SELECT n, %(programme)s, (SELECT min(id) FROM agency WHERE NOT is_lead), '주식회사 시험' || n,
              'corporate', (1000000000 + n)::text, '대표' || n, %(phone)s, 'c' || n || '@example.kr',
              '서울특별시', '소프트웨어', '담당', 'c' || n || '@example.kr', '담당', %(now)s
         FROM generate_series(1, %(companies)s) n""",
    """INSERT INTO account (id, login, name, role, company_id, is_active, opens_by_code_only, failures,
                            created_at)
       SELECT id, 'payer' || id, '결제담당', 'demand', id, true, false, 0, %(now)s FROM company""",
    """INSERT INTO instrument (company_id, kind, state, chosen_at, issued_at)
       SELECT id, 'personal_check', 'issued', %(now)s, %(now)s FROM company""",
    """INSERT INTO application (id, receipt_number, programme_id, company_id, agency_id, state, created_at,
                                marks)
       SELECT id, 'B-' || id, programme_id, id, agency_id, 'approved', %(now)s, '[]' FROM company""",
    # Each has paid before: its first clock has ended.
    """INSERT INTO voucher (id, programme_id, company_id, agency_id, agency_budget_id, application_id, state,
                            granted_grant, granted_share, selected_on, first_payment_by, full_use_by, due_at)
       SELECT a.id, a.programme_id, a.id, a.agency_id, b.id, a.id, 'usable', 3600000, 400000, %(selected)s,
              %(first_by)s, %(full_by)s, %(full_by)s
         FROM application a JOIN agency_budget b ON b.agency_id = a.agency_id""",
    """INSERT INTO journal (event_key, programme_id, kind, at)
       SELECT 'approval:voucher:' || id, programme_id, 'approval', %(now)s FROM voucher ORDER BY id""",
    """INSERT INTO posting (journal_id, account, owner_id, amount)
       SELECT j.id, l.account, l.owner_id, l.amount
         FROM voucher v JOIN journal j ON j.event_key = 'approval:voucher:' || v.id
        CROSS JOIN LATERAL (VALUES ('agency_budget', v.agency_budget_id, -v.granted_grant),
                                   ('voucher_grant', v.id, v.granted_grant),
                                   ('pledge', v.company_id, -v.granted_share),
                                   ('voucher_share', v.id, v.granted_share)) AS l (account, owner_id, amount)
        ORDER BY j.id""",
)

_AUDIT = (
    "INSERT INTO audit_row (entity, entity_id, seq, action, actor_id, actor_name, ip, at, recorded_at,"
    " change, prev_hash, hash)"
)


def _link(prev: str, entity: str, seq: int, action: str, change: str, *, by: bool) -> str:
    """A row of a chain, as a lateral item over `n`: by whom pays, or by the clock."""
    who = "company_id, '결제담당', '127.0.0.1'" if by else "NULL::bigint, '시스템', NULL"
    return f"""(SELECT entity, seq, action, actor_id, actor_name, ip, change, {prev} AS prev_hash,
        audit_digest({prev}, entity, n.id, seq, action, actor_id, actor_name, ip, %(now)s::timestamptz,
                     %(now)s::timestamptz, NULL, change) AS hash
   FROM (SELECT '{entity}' AS entity, {seq} AS seq, '{action}' AS action, '{change}'::jsonb AS change) a,
        (SELECT {who}) w (actor_id, actor_name, ip))"""


_PENDING = '{"state": [null, "pending"]}'
_PAID = (
    '{"state": ["pending", "paid"], "card_last4": [null, "0007"], "payment_key": [null, "0123456789abcdef"]}'
)
_BILLED = '{"state": ["accepted", "billed"], "amount": [null, 55000]}'
_DONE = '{"state": ["billed", "paid"]}'
_CHAIN = f"""{_AUDIT}
SELECT l.entity, n.id, l.seq, l.action, l.actor_id, l.actor_name, l.ip, %(now)s, %(now)s, l.change,
       l.prev_hash, l.hash FROM {{rows}} n
"""

# Deals, payments and journals get their numbers here: payment n pays deal n.
HISTORY = (
    """INSERT INTO deal (id, programme_id, company_id, supplier_id, offering_id, version_id, state, memo,
                         requested_at, accepted_at, billed_at, closed_at, due_at, remind_at, plan_id,
                         quantity, amount, tax, period_from, period_to)
       SELECT n, %(programme)s, n %% %(companies)s + 1, o.supplier_id, o.id, o.current_version_id,
              CASE WHEN n <= %(paid)s THEN 'paid' ELSE 'billed' END, '도입 상담을 부탁드립니다.', %(now)s,
              %(now)s, %(now)s, CASE WHEN n <= %(paid)s THEN %(now)s END,
              CASE WHEN n > %(paid)s THEN %(due)s END,
              CASE WHEN n > %(paid)s THEN %(due)s - interval '24 hours' END, p.id, 1, %(amount)s, 0,
              %(today)s, %(today)s::date + 364
         FROM generate_series(1, %(bills)s) n
         JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM offering) o
           ON o.place = CASE WHEN n > %(spread)s THEN 0
                             ELSE (hashint8(n) & 2147483647) %% %(suppliers)s END
         JOIN plan p ON p.version_id = o.current_version_id ORDER BY n""",
    """INSERT INTO payment (id, programme_id, deal_id, voucher_id, company_id, supplier_id, instrument_kind,
                            state, idempotency_key, order_id, grant_part, share_part, tax_part, pressed_at,
                            paid_at, payment_key, approval_number, card_last4, asked)
       SELECT id, programme_id, id, company_id, company_id, supplier_id, 'personal_check', 'paid',
              md5('key' || id), 'KV' || md5('order' || id), %(grant)s, %(share)s, 0, %(now)s, %(now)s,
              md5('paid' || id), '12345678', '0007', 0
         FROM deal WHERE id <= %(paid)s ORDER BY id""",
    """INSERT INTO journal (id, event_key, programme_id, kind, at, actor_id)
       SELECT j.first + 2 * p.id + k.n, k.kind || ':payment:' || p.id, p.programme_id, k.kind, %(now)s,
              CASE k.n WHEN 0 THEN p.company_id END
         FROM payment p, (VALUES (0, 'hold'), (1, 'payment')) k (n, kind),
              (SELECT max(id) - 1 AS first FROM journal) j ORDER BY 1""",
    """INSERT INTO posting (journal_id, account, owner_id, amount)
       SELECT j.first + 2 * p.id + l.n, l.account, l.owner, l.amount
         FROM payment p,
              (SELECT min(id) - 2 AS first FROM journal WHERE kind = 'hold') j
        CROSS JOIN LATERAL (VALUES (0, 'voucher_grant', p.voucher_id, -p.grant_part),
                                   (0, 'hold', p.id, p.grant_part),
                                   (0, 'voucher_share', p.voucher_id, -p.share_part),
                                   (0, 'hold', p.id, p.share_part),
                                   (1, 'hold', p.id, -p.grant_part - p.share_part),
                                   (1, 'payable', p.supplier_id, p.grant_part + p.share_part))
                           l (n, account, owner, amount)
        ORDER BY p.id, l.n""",
    """UPDATE ledger_balance b SET amount = s.amount
         FROM (SELECT account, owner_id, sum(amount) AS amount FROM posting
                WHERE account IN ('voucher_grant', 'voucher_share') GROUP BY account, owner_id) s
        WHERE s.account = b.account AND s.owner_id = b.owner_id""",
    _CHAIN.format(rows="deal")
    + f"CROSS JOIN LATERAL {_link('NULL::bytea', 'deal', 1, 'bill', _BILLED, by=False)} l ORDER BY n.id",
    _CHAIN.format(rows="payment")
    + f"""CROSS JOIN LATERAL {_link("NULL::bytea", "payment", 1, "begin", _PENDING, by=True)} f
CROSS JOIN LATERAL (SELECT f.* UNION ALL
                    {_link("f.hash", "payment", 2, "succeed", _PAID, by=False)}) l ORDER BY n.id, l.seq""",
    _CHAIN.format(
        rows="(SELECT d.*, a.hash AS before FROM deal d JOIN audit_row a ON a.entity = 'deal'"
        " AND a.entity_id = d.id WHERE d.state = 'paid')"
    )
    + f"CROSS JOIN LATERAL {_link('n.before', 'deal', 2, 'pay_resolved', _DONE, by=False)} l ORDER BY n.id",
    """INSERT INTO notice (key, company_id, supplier_id, text, link, at)
       SELECT 'deal:' || d.id || ':2:' || s.side, CASE s.side WHEN 'company' THEN d.company_id END,
              CASE s.side WHEN 'supplier' THEN d.supplier_id END, '화상회의 서비스 결제가 완료되었습니다.',
              '/deals/' || d.id, %(now)s
         FROM deal d, (VALUES ('company'), ('supplier')) s (side) WHERE d.state = 'paid' ORDER BY d.id""",
    """INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at, tries, done_at)
       SELECT key, 'sms', jsonb_build_object('company_id', company_id, 'supplier_id', supplier_id,
                                             'text', text), %(now)s, %(now)s, 1, %(now)s
         FROM notice ORDER BY id""",
)
