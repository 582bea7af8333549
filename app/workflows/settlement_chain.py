"""The way of a payment's money from line to line, for the statements of others (R-SET-2, R-SET-4).

A line whose transfer failed is carried into a later one; a payment that was held stays behind when its line
goes on, and is carried by itself.
"""

from __future__ import annotations


def chain(payment: str) -> str:
    """SQL: `WITH RECURSIVE chain` of one payment's lines: id, withheld_id and part (where it stayed behind
    there), next, step (from 0). The last is the one without a `next`."""
    onward = "CASE WHEN w.id IS NULL THEN l.carried_into_id ELSE w.into_line_id END AS next"
    stayed = f"LEFT JOIN settlement_withheld w ON w.line_id = l.id AND w.payment_id = {payment}"
    return f"""
WITH RECURSIVE chain AS (
  SELECT l.id, w.id AS withheld_id, w.amount AS part, {onward}, 0 AS step
    FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id {stayed}
   WHERE i.payment_id = {payment}
  UNION ALL
  SELECT l.id, w.id, w.amount, {onward}, c.step + 1
    FROM chain c JOIN settlement_line l ON l.id = c.next {stayed})
"""  # noqa: S608 - no input in it
