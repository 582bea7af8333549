"""What the agencies' working day needs: rounds of screening, bulk runs, offers, stopped clocks, reminders.

Searched columns of a company are generated, so that no writer can forget them (R-SCR-3).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Who already waits has entered the queue: without it their decision would end no round.
OPEN_ROUNDS = """
INSERT INTO screening_round (application_id, agency_id, programme_id, number, entered_at)
SELECT id, agency_id, programme_id, 1, submitted_at FROM application
 WHERE state = 'screening' AND submitted_at IS NOT NULL
"""

# When to remind (R-VOU-4) follows from the deadline, whoever sets it: at 09:00 Korean time 30, 7 and 1 days
# before a voucher's last day, but not on the day on which it was given; 24 hours before a deal's deadline.
VOUCHER_REMINDERS = """
CREATE FUNCTION public.voucher_reminder(due_at timestamptz, since timestamptz) RETURNS timestamptz
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  morning timestamp := date_trunc('day', (due_at - interval '1 microsecond') AT TIME ZONE 'Asia/Seoul')
                       + interval '9 hours';
  days integer;
  moment timestamptz;
BEGIN
  FOREACH days IN ARRAY ARRAY[30, 7, 1] LOOP
    moment := (morning - make_interval(days => days)) AT TIME ZONE 'Asia/Seoul';
    IF moment >= since THEN
      RETURN moment;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE FUNCTION public.remind_of_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.due_at IS DISTINCT FROM OLD.due_at THEN
    NEW.remind_at := public.voucher_reminder(
      NEW.due_at, (NEW.selected_on + 1)::timestamp AT TIME ZONE 'Asia/Seoul');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER voucher_remind BEFORE INSERT OR UPDATE OF due_at ON voucher
  FOR EACH ROW EXECUTE FUNCTION public.remind_of_voucher();
UPDATE voucher SET remind_at = public.voucher_reminder(
  due_at, (selected_on + 1)::timestamp AT TIME ZONE 'Asia/Seoul') WHERE state = 'usable';
"""
DEAL_REMINDERS = """
CREATE FUNCTION public.remind_of_deal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.due_at IS DISTINCT FROM OLD.due_at THEN
    NEW.remind_at := NEW.due_at - interval '24 hours';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deal_remind BEFORE INSERT OR UPDATE OF due_at ON deal
  FOR EACH ROW EXECUTE FUNCTION public.remind_of_deal();
UPDATE deal SET remind_at = due_at - interval '24 hours' WHERE state IN ('consulting', 'billed');
"""
FORGET_REMINDERS = """
DROP TRIGGER deal_remind ON deal;
DROP FUNCTION public.remind_of_deal();
DROP TRIGGER voucher_remind ON voucher;
DROP FUNCTION public.remind_of_voucher();
DROP FUNCTION public.voucher_reminder(timestamptz, timestamptz);
"""


def upgrade() -> None:
    op.create_table(
        "case_view",
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "account_id", name=op.f("pk_case_view")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "bulk_run",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "screen",
                "assign",
                "confirm",
                "send_back",
                name="bulkkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "previewed",
                "running",
                "stopped",
                "done",
                name="bulkstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_bulk_run_agency_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_bulk_run_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_run")),
    )
    op.create_index("ix_bulk_run_agency_id", "bulk_run", ["agency_id", "id"], unique=False)
    op.create_index("ix_bulk_run_created_by_id", "bulk_run", ["created_by_id", "id"], unique=False)
    op.create_index("ix_bulk_run_running", "bulk_run", ["id"], postgresql_where=sa.text("state = 'running'"))
    op.create_table(
        "clock_stop",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("declared_by_id", sa.BigInteger(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_deals", sa.Integer(), nullable=False),
        sa.Column("moved_vouchers", sa.Integer(), nullable=False),
        sa.Column("moved_offers", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_clock_stop_period")),
        sa.ForeignKeyConstraint(
            ["declared_by_id"], ["account.id"], name=op.f("fk_clock_stop_declared_by_id")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_clock_stop_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_stop")),
    )
    op.create_index("ix_clock_stop_programme_id", "clock_stop", ["programme_id", "starts_at"], unique=False)
    op.create_table(
        "budget_offer",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_budget_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "offered",
                "accepted",
                "declined",
                "lapsed",
                "used",
                "withdrawn",
                name="offerstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency_budget_id"], ["agency_budget.id"], name=op.f("fk_budget_offer_agency_budget_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_budget_offer_agency_id")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_budget_offer_application_id")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_budget_offer_company_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_offer")),
    )
    op.create_index("ix_budget_offer_budget", "budget_offer", ["agency_budget_id", "state"], unique=False)
    op.create_index("ix_budget_offer_company_id", "budget_offer", ["company_id"], unique=False)
    op.create_index(
        "ix_budget_offer_due",
        "budget_offer",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'offered'"),
    )
    op.create_index(
        "uq_budget_offer_open",
        "budget_offer",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('offered', 'accepted')"),
    )
    op.create_table(
        "bulk_row",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "waiting",
                "done",
                "refused",
                name="bulkoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_bulk_row_application_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["bulk_run.id"], name=op.f("fk_bulk_row_run_id")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_bulk_row")),
        sa.UniqueConstraint("run_id", "application_id", name=op.f("uq_bulk_row_run_id_application_id")),
    )
    op.create_index(
        "ix_bulk_row_waiting",
        "bulk_row",
        ["run_id", "position"],
        postgresql_where=sa.text("outcome = 'waiting'"),
    )
    op.create_table(
        "screening_round",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("waited_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_screening_round_agency_id")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_screening_round_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["account.id"], name=op.f("fk_screening_round_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_screening_round_programme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_round")),
    )
    op.create_index("ix_screening_round_application_id", "screening_round", ["application_id"], unique=False)
    op.create_index(
        "ix_screening_round_decided",
        "screening_round",
        ["agency_id", "decided_at"],
        unique=False,
        postgresql_include=["waited_days"],
    )
    op.create_index(
        "ix_screening_round_again",
        "screening_round",
        ["agency_id", "entered_at"],
        unique=False,
        postgresql_where=sa.text("number > 1"),
    )
    op.create_index(
        "uq_screening_round_open",
        "screening_round",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.add_column(
        "application",
        sa.Column("reason_codes", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("application", sa.Column("score", sa.Integer(), nullable=True))
    op.add_column("application", sa.Column("waitlisted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_application_waitlist",
        "application",
        ["agency_id", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'screened' AND waitlisted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_application_hands",
        "application",
        ["agency_id", "state", "assigned_to_id", "submitted_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_application_flagged",
        "application",
        ["agency_id", "flagged_at"],
        unique=False,
        postgresql_where=sa.text("flagged_at IS NOT NULL"),
    )
    op.add_column("company", sa.Column("employees", sa.Integer(), nullable=True))
    op.create_index("ix_verification_ci_index", "verification", ["ci_index"], unique=False)
    op.create_index(
        "ix_signup_verification_id",
        "signup",
        ["verification_id"],
        unique=False,
        postgresql_where=sa.text("submitted_at IS NULL"),
    )
    op.add_column("company", sa.Column("tax_office_tries", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_company_tax_office_waiting",
        "company",
        ["tax_office_tries", "tax_office_asked_at", "id"],
        unique=False,
        postgresql_where=sa.text("tax_office_state IS NULL"),
    )
    op.add_column(
        "company",
        sa.Column(
            "grams",
            postgresql.ARRAY(sa.Text()),
            sa.Computed("public.grams(name || ' ' || representative)", persisted=True),
            nullable=False,
        ),
    )
    op.add_column(
        "company",
        sa.Column(
            "address_key",
            sa.String(),
            sa.Computed("lower(regexp_replace(address, '[^0-9A-Za-z가-힣]', '', 'g'))", persisted=True),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_company_address_key",
        "company",
        ["address_key"],
        unique=False,
        postgresql_where=sa.text("address_key <> ''"),
    )
    op.create_index("ix_company_business_number", "company", ["business_number"], unique=False)
    op.create_index("ix_company_grams", "company", ["grams"], unique=False, postgresql_using="gin")
    op.add_column("deal", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deal_remind",
        "deal",
        ["remind_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('consulting', 'billed')"),
    )
    op.add_column("instrument", sa.Column("bank_code", sa.String(), nullable=True))
    op.add_column("instrument", sa.Column("account_number", sa.LargeBinary(), nullable=True))
    op.add_column("instrument", sa.Column("account_holder", sa.String(), nullable=True))
    op.add_column(
        "programme",
        sa.Column("excluded_industries", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "programme", sa.Column("needs_employees", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "programme",
        sa.Column(
            "needed_documents", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
    )
    op.add_column(
        "programme",
        sa.Column("selection_order", sa.String(length=40), server_default="arrival", nullable=False),
    )
    op.add_column("programme", sa.Column("promised_days", sa.Integer(), server_default="10", nullable=False))
    op.add_column("programme", sa.Column("offer_days", sa.Integer(), server_default="3", nullable=False))
    op.add_column("voucher", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_voucher_remind",
        "voucher",
        ["remind_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'usable'"),
    )
    op.create_index(
        "ix_audit_row_waiver",
        "audit_row",
        ["id"],
        unique=False,
        postgresql_where=sa.text("entity = 'voucher' AND action IN ('decline_waiver', 'waive')"),
    )
    op.create_check_constraint("selectionorder", "programme", "selection_order IN ('arrival', 'score')")
    op.create_check_constraint("score", "application", "score BETWEEN 0 AND 100")
    op.execute(OPEN_ROUNDS)
    op.execute(VOUCHER_REMINDERS)
    op.execute(DEAL_REMINDERS)


def downgrade() -> None:
    op.drop_index("ix_audit_row_waiver", table_name="audit_row")
    op.execute(FORGET_REMINDERS)
    op.drop_index("ix_voucher_remind", table_name="voucher", postgresql_where=sa.text("state = 'usable'"))
    op.drop_column("voucher", "remind_at")
    op.drop_column("programme", "offer_days")
    op.drop_column("programme", "promised_days")
    op.drop_column("programme", "selection_order")
    op.drop_column("programme", "needed_documents")
    op.drop_column("programme", "needs_employees")
    op.drop_column("programme", "excluded_industries")
    op.drop_column("instrument", "account_holder")
    op.drop_column("instrument", "account_number")
    op.drop_column("instrument", "bank_code")
    op.drop_index(
        "ix_deal_remind", table_name="deal", postgresql_where=sa.text("state IN ('consulting', 'billed')")
    )
    op.drop_column("deal", "remind_at")
    op.drop_index("ix_company_grams", table_name="company", postgresql_using="gin")
    op.drop_index("ix_company_business_number", table_name="company")
    op.drop_index(
        "ix_company_address_key", table_name="company", postgresql_where=sa.text("address_key <> ''")
    )
    op.drop_column("company", "address_key")
    op.drop_column("company", "grams")
    op.drop_index(
        "ix_company_tax_office_waiting",
        table_name="company",
        postgresql_where=sa.text("tax_office_state IS NULL"),
    )
    op.drop_column("company", "tax_office_tries")
    op.drop_index(
        "ix_signup_verification_id",
        table_name="signup",
        postgresql_where=sa.text("submitted_at IS NULL"),
    )
    op.drop_index("ix_verification_ci_index", table_name="verification")
    op.drop_column("company", "employees")
    op.drop_index("ix_application_hands", table_name="application")
    op.drop_index(
        "ix_application_flagged", table_name="application", postgresql_where=sa.text("flagged_at IS NOT NULL")
    )
    op.drop_index(
        "ix_application_waitlist",
        table_name="application",
        postgresql_where=sa.text("state = 'screened' AND waitlisted_at IS NOT NULL"),
    )
    op.drop_column("application", "waitlisted_at")
    op.drop_column("application", "score")
    op.drop_column("application", "reason_codes")
    op.drop_index(
        "uq_screening_round_open",
        table_name="screening_round",
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.drop_index(
        "ix_screening_round_again",
        table_name="screening_round",
        postgresql_where=sa.text("number > 1"),
    )
    op.drop_index(
        "ix_screening_round_decided", table_name="screening_round", postgresql_include=["waited_days"]
    )
    op.drop_index("ix_screening_round_application_id", table_name="screening_round")
    op.drop_table("screening_round")
    op.drop_index("ix_bulk_row_waiting", table_name="bulk_row")
    op.drop_table("bulk_row")
    op.drop_index(
        "uq_budget_offer_open",
        table_name="budget_offer",
        postgresql_where=sa.text("state IN ('offered', 'accepted')"),
    )
    op.drop_index(
        "ix_budget_offer_due", table_name="budget_offer", postgresql_where=sa.text("state = 'offered'")
    )
    op.drop_index("ix_budget_offer_company_id", table_name="budget_offer")
    op.drop_index("ix_budget_offer_budget", table_name="budget_offer")
    op.drop_table("budget_offer")
    op.drop_index("ix_clock_stop_programme_id", table_name="clock_stop")
    op.drop_table("clock_stop")
    op.drop_index("ix_bulk_run_created_by_id", table_name="bulk_run")
    op.drop_index("ix_bulk_run_running", table_name="bulk_run")
    op.drop_index("ix_bulk_run_agency_id", table_name="bulk_run")
    op.drop_table("bulk_run")
    op.drop_table("case_view")
