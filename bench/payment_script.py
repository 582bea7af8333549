"""The same payment by pgbench: plain single statements, prepared, in the two transactions of the product.

Locks, look-ups and rows are ours, without Python, ORM or network: what the schema with its triggers, foreign
keys and indexes lets through. The variables are `first` (the first bill), `clients` and `k`, which counts.
"""

from __future__ import annotations

from collections.abc import Sequence

CHAINED = "audit_row"
PLAIN = "audit_plain"


def script(*, jobs: Sequence[str] = (), audit: str = CHAINED) -> str:
    """`jobs`: the kinds of the outbox messages that a payment asks for beside its two SMS.

    `audit`: CHAINED, or PLAIN for a table of rows with a constant hash that nobody looks up.
    """
    outbox = "".join(_JOB.format(kind=kind, place=place) for place, kind in enumerate(jobs))
    begun = _audit(audit, "payment", "payment", "begin", by=True, first=True, change=_BEGUN)
    paid = _audit(audit, "payment", "payment", "succeed", by=False, seq=2, change=_SUCCEEDED)
    done = _audit(audit, "deal", "deal", "pay_resolved", by=False, seq=2, change=_DONE)
    return _HOLD.format(audit=begun) + _SETTLE.format(paid=paid, done=done, jobs=outbox)


_BEGUN = """'{"state": [null, "pending"]}'"""
_SUCCEEDED = """jsonb_build_object(
        'state', jsonb_build_array('pending', 'paid'), 'paid_at', jsonb_build_array(NULL, now()),
        'payment_key', jsonb_build_array(NULL, md5('paid' || CAST(:payment AS text))),
        'approval_number', '[null, "12345678"]'::jsonb, 'card_last4', '[null, "0007"]'::jsonb,
        'ask_again_at', jsonb_build_array(now() + interval '60 seconds', NULL))"""
_DONE = """jsonb_build_object(
        'state', jsonb_build_array('billed', 'paid'), 'due_at', jsonb_build_array(now(), NULL),
        'closed_at', jsonb_build_array(NULL, now()))"""

_HOLD = """\\set k :k + 1
\\set deal :first + :client_id + :k * :clients
BEGIN;
SELECT programme_id AS programme, company_id AS company, supplier_id AS supplier, offering_id AS offering,
       amount, tax
  FROM deal WHERE id = :deal AND state = 'billed' AND due_at > now() FOR NO KEY UPDATE
\\gset
SELECT count(*) AS pressed FROM payment WHERE idempotency_key = md5('press' || CAST(:deal AS text))
\\gset
SELECT count(*) AS live FROM payment
 WHERE deal_id = :deal AND state IN ('pending', 'paid', 'cancelling')
\\gset
SELECT kind AS instrument FROM instrument WHERE company_id = :company AND state = 'issued'
\\gset
SELECT id AS voucher FROM voucher
 WHERE company_id = :company AND state = 'usable' AND due_at > now() AND waiver_requested_at IS NULL
   FOR NO KEY UPDATE
\\gset
SELECT sum(amount) FILTER (WHERE account = 'voucher_grant') AS grant_left,
       sum(amount) FILTER (WHERE account = 'voucher_share') AS share_left
  FROM lock_balances(ARRAY['voucher_grant', 'voucher_share'], :voucher)
\\gset
\\set grant :amount * :grant_left / (:grant_left + :share_left)
\\set share :amount - :grant
\\set total :amount + :tax
INSERT INTO payment (programme_id, deal_id, voucher_id, company_id, supplier_id, instrument_kind, state,
                     idempotency_key, order_id, grant_part, share_part, tax_part, pressed_at, ask_again_at,
                     asked)
VALUES (:programme, :deal, :voucher, :company, :supplier, :instrument, 'pending',
        md5('press' || CAST(:deal AS text)), 'KV' || md5(CAST(:deal AS text)), :grant, :share, :tax, now(),
        now() + interval '60 seconds', 0)
RETURNING id AS payment
\\gset
{audit}INSERT INTO journal (event_key, programme_id, kind, at, actor_id)
VALUES ('hold:' || 'payment:' || CAST(:payment AS text), :programme, 'hold', now(), :company)
RETURNING id AS journal
\\gset
INSERT INTO posting (journal_id, account, owner_id, amount)
VALUES (:journal, 'voucher_grant', :voucher, - CAST(:grant AS bigint)), (:journal, 'hold', :payment, :grant),
       (:journal, 'voucher_share', :voucher, - CAST(:share AS bigint)), (:journal, 'hold', :payment, :share);
SELECT name FROM offering WHERE id = :offering
\\gset
COMMIT;
"""

_SETTLE = """BEGIN;
SELECT deal_id AS held FROM payment
 WHERE id = :payment AND state = 'pending' AND grant_part + share_part + tax_part = :total FOR NO KEY UPDATE
\\gset
UPDATE payment
   SET state = 'paid', paid_at = now(), payment_key = md5('paid' || CAST(:payment AS text)),
       approval_number = '12345678', card_last4 = '0007', ask_again_at = NULL
 WHERE id = :payment;
{paid}INSERT INTO journal (event_key, programme_id, kind, at)
VALUES ('payment:' || 'payment:' || CAST(:payment AS text), :programme, 'payment', now())
RETURNING id AS journal
\\gset
INSERT INTO posting (journal_id, account, owner_id, amount)
VALUES (:journal, 'hold', :payment, - CAST(:total AS bigint)), (:journal, 'payable', :supplier, :total);
SELECT state AS before FROM deal WHERE id = :deal FOR NO KEY UPDATE
\\gset
UPDATE deal SET state = 'paid', due_at = NULL, closed_at = now() WHERE id = :deal AND state = 'billed';
{done}SELECT name FROM offering WHERE id = :offering
\\gset
INSERT INTO notice (key, company_id, supplier_id, text, link, at)
VALUES ('deal:' || CAST(:deal AS text) || ':2:' || 'company', :company, NULL,
        '''' || :name || ''' 결제가 완료되었습니다.', '/deals/' || CAST(:deal AS text), now()),
       ('deal:' || CAST(:deal AS text) || ':2:' || 'supplier', NULL, :supplier,
        '수요기업이 ''' || :name || ''' 결제를 완료했습니다.', '/supply/deals/' || CAST(:deal AS text),
        now());
INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
VALUES ('deal:' || CAST(:deal AS text) || ':2:' || 'company', 'sms',
        jsonb_build_object('company_id', CAST(:company AS bigint), 'supplier_id', NULL,
                           'text', '''' || :name || ''' 결제가 완료되었습니다.'), now(), now()),
       ('deal:' || CAST(:deal AS text) || ':2:' || 'supplier', 'sms',
        jsonb_build_object('company_id', NULL, 'supplier_id', CAST(:supplier AS bigint),
                           'text', '수요기업이 ''' || :name || ''' 결제를 완료했습니다.'), now(), now());
SELECT state AS spendable FROM voucher WHERE id = :voucher FOR NO KEY UPDATE
\\gset
UPDATE voucher SET due_at = full_use_by
 WHERE id = :voucher AND state = 'usable' AND due_at IS DISTINCT FROM full_use_by;
SELECT sum(amount) AS remains FROM ledger_balance
 WHERE account IN ('voucher_grant', 'voucher_share') AND owner_id = :voucher
\\gset
{jobs}COMMIT;
"""

_JOB = """INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
VALUES ('{kind}:' || '{place}:' || CAST(:payment AS text), '{kind}',
        jsonb_build_object('payment_id', CAST(:payment AS bigint)), now(), now());
"""

_COLUMNS = (
    "(entity, entity_id, seq, action, actor_id, actor_name, ip, at, recorded_at, change, prev_hash, hash)"
)


def _audit(
    table: str,
    entity: str,
    key: str,
    action: str,
    *,
    by: bool,
    change: str,
    seq: int = 1,
    first: bool = False,
) -> str:
    """A new record's first row needs no look at what came before; every other looks up its chain's end."""
    who = "CAST(:company AS bigint), '결제담당', '127.0.0.1'" if by else "NULL::bigint, '시스템', NULL"
    row = f"'{entity}' AS entity, CAST(:{key} AS bigint) AS key, '{action}' AS action, {change}"
    row = f"(SELECT {row}::jsonb AS change, clock_timestamp() AS recorded_at) a, (SELECT {who})"
    row += " w (actor_id, actor_name, ip)"
    if table == PLAIN:
        return f"""INSERT INTO {table} {_COLUMNS}
SELECT entity, key, {seq}, action, actor_id, actor_name, ip, now(), recorded_at, change, NULL,
       decode(repeat('00', 32), 'hex')
  FROM {row};
"""
    look = f"""LEFT JOIN LATERAL (SELECT seq, hash FROM audit_row
                      WHERE entity = '{entity}' AND entity_id = CAST(:{key} AS bigint)
                      ORDER BY seq DESC LIMIT 1) last ON true"""
    last = "CROSS JOIN (SELECT 0 AS seq, NULL::bytea AS hash) last" if first else look
    return f"""INSERT INTO {table} {_COLUMNS}
SELECT entity, key, coalesce(last.seq, 0) + 1, action, actor_id, actor_name, ip, now(), recorded_at, change,
       last.hash, audit_digest(last.hash, entity, key, coalesce(last.seq, 0) + 1, action, actor_id,
                               actor_name, ip, now(), recorded_at, NULL, change)
  FROM {row} {last};
"""
