"""What a slip says and the file that was made of it never change; the database refuses it (R-DOC-1)."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SAID = """
programme_id, kind, number, code, company_id, supplier_id, payment_id, line_id, data, issued_at, content_key
"""
"""Written once. The lease, the tries and the file are what the drawing moves."""


def upgrade() -> None:
    op.execute(
        f"CREATE TRIGGER slip_said BEFORE UPDATE OF {SAID} ON slip"
        " FOR EACH ROW EXECUTE FUNCTION public.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER slip_file BEFORE UPDATE OF sha256, size, edition ON slip"
        " FOR EACH ROW WHEN (OLD.sha256 IS NOT NULL"
        " AND (NEW.sha256, NEW.size, NEW.edition) IS DISTINCT FROM (OLD.sha256, OLD.size, OLD.edition))"
        " EXECUTE FUNCTION public.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER slip_stays BEFORE DELETE ON slip FOR EACH ROW EXECUTE FUNCTION public.refuse_change()"
    )


def downgrade() -> None:
    for name in ("slip_stays", "slip_file", "slip_said"):
        op.execute(f"DROP TRIGGER {name} ON slip")
