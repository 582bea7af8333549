"""Whether a payment is held, for the statements of others (R-SET-1, R-SET-4)."""

from __future__ import annotations

OPEN = "EXISTS (SELECT 1 FROM settlement_hold h WHERE h.payment_id = p.id AND h.released_at IS NULL)"
"""SQL: of a payment `p`, that it is held."""
