"""Plans of statements over the tables of a test, which are as good as empty."""

from sqlalchemy import text

from app.db import APPLICATION_ROLE, db


def by_index_alone() -> None:
    """Leave the planner, until the end of the transaction, only the indexes that bring rows in their order.

    Over so few rows any way costs the same, and what the server has counted last would choose.
    """
    for other in ("seqscan", "bitmapscan", "sort"):
        db.session.execute(text(f"SET LOCAL enable_{other} = off"))


def analyze(*tables: str) -> None:
    """Let the server count these tables as the transaction sees them, which only their owner may."""
    db.session.execute(text("RESET ROLE"))
    db.session.execute(text(f"ANALYZE {', '.join(tables)}"))
    db.session.execute(text(f"SET ROLE {APPLICATION_ROLE}"))
