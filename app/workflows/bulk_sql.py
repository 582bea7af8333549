"""Bulk actions as sets (R-SCR-3c): the preview's verdict on each row, and what is written of a chunk."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TextClause, text

from app.models.applications import ApplicationState
from app.models.bulk import BulkKind
from app.workflows import budget_sql

NO_BUDGET = (
    "운영기관의 남은 예산이 부족합니다. 심사확정 상태로 예산을 기다리며, 대기 사실을 기업에 안내합니다."
)
TAKEN = "다른 담당자가 방금 처리했습니다. 목록에서 현재 상태를 확인해 주세요."

_OWN = "WHEN a.screened_by_id = :actor_id THEN '본인이 심사한 건입니다. 다른 예산담당자가 처리해야 합니다.'"
# Why a row cannot be, over a (application), p (its programme) and s (its state's label); NULL where nothing
# stands against it. The verbs decide the same again when it is done: this is what is said of it.
_WRONG = {
    BulkKind.SCREEN: """
      WHEN a.state <> 'screening'
      THEN concat('현재 ''', s.label, ''' 상태입니다. 심사중인 건만 심사확정할 수 있습니다.')
      WHEN p.selection_order = 'score' AND a.score IS NULL
      THEN '평가점수 순으로 선정하는 사업인데 점수가 없습니다. 점수를 먼저 입력해 주세요.'
      WHEN a.assigned_to_id <> CAST(:actor_id AS bigint)
      THEN concat((SELECT h.name FROM account h WHERE h.id = a.assigned_to_id),
                  '님이 맡은 건입니다. 배정을 바꾸거나, 그 건의 화면에서 사유를 적고 처리해 주세요.')
      WHEN jsonb_exists(CAST(:lacking AS jsonb), CAST(a.id AS text))
      THEN concat('제출되지 않은 서류가 있습니다: ', CAST(:lacking AS jsonb) ->> CAST(a.id AS text),
                  '. 보류하고 서류를 요청해 주세요.')""",
    BulkKind.ASSIGN: """
      WHEN a.state NOT IN ('screening', 'on_hold')
      THEN concat('현재 ''', s.label, ''' 상태입니다. 심사중이거나 심사보류인 건만 배정할 수 있습니다.')
      WHEN cardinality(CAST(:accounts AS bigint[])) = 1 AND a.assigned_to_id = ANY(:accounts)
      THEN '이미 이 심사원이 맡고 있습니다.'""",
    BulkKind.CONFIRM: f"""
      WHEN a.state <> 'screened'
      THEN concat('현재 ''', s.label, ''' 상태입니다. 심사확정된 건만 예산확정할 수 있습니다.') {_OWN}""",
    BulkKind.SEND_BACK: f"""
      WHEN a.state <> 'screened'
      THEN concat('현재 ''', s.label, ''' 상태입니다. 심사확정된 건만 반송할 수 있습니다.') {_OWN}""",
}
_JUDGED = """
  JOIN programme p ON p.id = a.programme_id
  JOIN unnest(CAST(:states AS text[]), CAST(:labels AS text[])) AS s (state, label) ON s.state = a.state"""

# The rows stand in the order in which they are done: the money of a budget goes to the first of them.
_PREVIEW = f"""
WITH judged AS MATERIALIZED (
  SELECT a.id, a.programme_id, a.agency_id, CASE <wrong> END AS wrong,
         p.cap - p.cap * p.company_share_percent / 100 AS worth, row_number() OVER (ORDER BY <order>) AS place
    FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS g (id, n)
    JOIN application a ON a.id = g.id {_JUDGED}
    LEFT JOIN budget_offer o ON {budget_sql.OPEN_OFFER}
   WHERE CAST(:agency_id AS bigint) IS NULL OR a.agency_id = :agency_id),
<expected>
kept AS (
  INSERT INTO bulk_row (run_id, position, application_id, outcome, reason)
  SELECT :run_id, place, id, CASE WHEN wrong IS NULL THEN 'waiting' ELSE 'refused' END,
         coalesce(wrong, expected)
    FROM expected ORDER BY place)
SELECT count(*) AS rows, count(wrong) AS refused, count(*) FILTER (WHERE wrong IS NULL AND expected IS NULL)
       AS can, CAST(coalesce(sum(worth) FILTER (WHERE wrong IS NULL AND expected IS NULL), 0) AS bigint)
       AS amount
  FROM expected
"""  # noqa: S608 - no input in it
_AS_JUDGED = "expected AS (SELECT *, CAST(NULL AS text) AS expected FROM judged),"
# As budget.confirm() counts: what lies there without what is kept for the offers of others.
_AS_PAID = f"""
free AS (
  SELECT b.programme_id, b.agency_id, coalesce(l.amount, 0) - coalesce(
           (SELECT sum(o.amount) FROM budget_offer o
             WHERE o.agency_budget_id = b.id AND o.state IN ('offered', 'accepted')
               AND o.application_id NOT IN (SELECT id FROM judged WHERE wrong IS NULL)), 0) AS amount
    FROM agency_budget b
    LEFT JOIN ledger_balance l ON l.account = 'agency_budget' AND l.owner_id = b.id),
expected AS (
  SELECT j.*, CASE WHEN wrong IS NULL AND NOT coalesce(
           worth * row_number() OVER (PARTITION BY j.programme_id, j.agency_id, wrong IS NULL ORDER BY place)
           <= f.amount, false) THEN '{NO_BUDGET}' END AS expected
    FROM judged j
    LEFT JOIN free f ON f.programme_id = j.programme_id AND f.agency_id = j.agency_id),"""  # noqa: S608 - no input in it


def _preview(kind: BulkKind) -> TextClause:
    paid = kind is BulkKind.CONFIRM
    statement = _PREVIEW.replace("<wrong>", _WRONG[kind])
    statement = statement.replace("<order>", budget_sql.ORDER if paid else "g.n")
    return text(statement.replace("<expected>", _AS_PAID if paid else _AS_JUDGED))


PREVIEW = {kind: _preview(kind) for kind in BulkKind}

NEXT = text("""
SELECT application_id FROM bulk_row
 WHERE run_id = :run_id AND outcome = 'waiting' ORDER BY position LIMIT :size
""")
DONE = text("""
UPDATE bulk_row SET outcome = 'done', reason = NULL WHERE run_id = :run_id AND application_id = ANY(:ids)
""")
REFUSED = {
    kind: text(f"""
UPDATE bulk_row r SET outcome = 'refused', reason = coalesce(CASE {wrong} END, :otherwise)
  FROM application a {_JUDGED}
 WHERE r.run_id = :run_id AND r.application_id = ANY(:ids) AND a.id = r.application_id
""")  # noqa: S608 - no input in it
    for kind, wrong in _WRONG.items()
}

# Taken by whoever finds it unattended; who works on a chunk at this moment holds the row, and is alive.
CLAIM = text("""
UPDATE bulk_run SET leased_until = :until
 WHERE id IN (SELECT id FROM bulk_run
               WHERE state = 'running' AND (leased_until IS NULL OR leased_until < :now)
               ORDER BY id FOR UPDATE SKIP LOCKED)
RETURNING id, tries
""")
FORGET = (
    text("DELETE FROM bulk_row WHERE run_id = ANY(:runs)"),
    text("DELETE FROM bulk_run WHERE id = ANY(:runs)"),
)


def labels() -> dict[str, Any]:
    """What the verdicts call the states."""
    return {"states": [s.value for s in ApplicationState], "labels": [s.label for s in ApplicationState]}
