"""first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phones", sa.String(), nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
        sa.UniqueConstraint("code", name=op.f("uq_agency_code")),
        sa.UniqueConstraint("name", name=op.f("uq_agency_name")),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("from_xid", sa.BigInteger(), nullable=False),
        sa.Column("to_xid", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_anchor")),
        sa.UniqueConstraint("from_xid", name=op.f("uq_audit_anchor_from_xid")),
    )
    op.create_table(
        "audit_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("change", postgresql.JSONB(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "xid",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_row")),
        sa.UniqueConstraint("entity", "entity_id", "seq", name=op.f("uq_audit_row_entity_entity_id_seq")),
    )
    op.create_index("ix_audit_row_actor_id", "audit_row", ["actor_id", "id"], unique=False)
    op.create_index("ix_audit_row_xid", "audit_row", ["xid", "id"], unique=False)
    op.create_table(
        "category",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("code", name=op.f("uq_category_code")),
        sa.UniqueConstraint("name", name=op.f("uq_category_name")),
    )
    op.create_table(
        "demonstration_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("real_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_demonstration_clock_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demonstration_clock")),
    )
    op.create_table(
        "ledger_balance",
        sa.Column(
            "account",
            sa.Enum(
                "funding",
                "programme_budget",
                "agency_budget",
                "pledge",
                "voucher_grant",
                "voucher_share",
                "company_tax",
                "hold",
                "payable",
                "transfer",
                "paid_out",
                "fee",
                name="ledgeraccount",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_ledger_balance_not_overdrawn")),
        sa.PrimaryKeyConstraint("account", "owner_id", name=op.f("pk_ledger_balance")),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gave_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_message_key")),
    )
    op.create_index(
        "ix_outbox_message_open",
        "outbox_message",
        ["next_try_at", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND gave_up_at IS NULL"),
    )
    op.create_table(
        "programme",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.Column("company_share_percent", sa.Integer(), nullable=False),
        sa.Column(
            "vat_mode",
            sa.Enum(
                "included", "borne", name="vatmode", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("consultation_days", sa.Integer(), nullable=False),
        sa.Column("consultation_business", sa.Boolean(), nullable=False),
        sa.Column("payment_days", sa.Integer(), nullable=False),
        sa.Column("payment_business", sa.Boolean(), nullable=False),
        sa.Column("first_payment_months", sa.Integer(), nullable=False),
        sa.Column("full_use_months", sa.Integer(), nullable=False),
        sa.Column("card_opens_on", sa.Date(), nullable=True),
        sa.Column("initial_password_days", sa.Integer(), nullable=False),
        sa.Column("settlement_use_days", sa.Integer(), nullable=False),
        sa.Column("settlement_fee_bp", sa.Integer(), nullable=False),
        sa.Column("category_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("cap > 0", name=op.f("ck_programme_cap_positive")),
        sa.CheckConstraint(
            "company_share_percent BETWEEN 0 AND 100", name=op.f("ck_programme_share_percent")
        ),
        sa.CheckConstraint(
            "consultation_days > 0 AND payment_days > 0", name=op.f("ck_programme_days_positive")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme")),
        sa.UniqueConstraint("year", name=op.f("uq_programme_year")),
    )
    op.create_table(
        "supplier",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("business_number", sa.String(), nullable=False),
        sa.Column("representative", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "screening",
                "selected",
                "supplement",
                "rejected",
                "suspended",
                name="supplierstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("bank_code", sa.String(), nullable=True),
        sa.Column("account_number", sa.LargeBinary(), nullable=True),
        sa.Column("account_holder", sa.String(), nullable=True),
        sa.Column("account_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("business_number ~ '^[0-9]{10}$'", name=op.f("ck_supplier_business_number_form")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier")),
        sa.UniqueConstraint("business_number", name=op.f("uq_supplier_business_number")),
    )
    op.create_table(
        "agency_budget",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_agency_budget_agency_id")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_agency_budget_programme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_budget")),
        sa.UniqueConstraint(
            "programme_id", "agency_id", name=op.f("uq_agency_budget_programme_id_agency_id")
        ),
    )
    op.create_table(
        "closing_day",
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_closing_day_programme_id")),
        sa.PrimaryKeyConstraint("programme_id", "day", name=op.f("pk_closing_day")),
    )
    op.create_table(
        "company",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("kstartup_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sole", "corporate", name="companykind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("business_number", sa.String(), nullable=False),
        sa.Column("representative", sa.String(), nullable=False),
        sa.Column("representative_ci", sa.LargeBinary(), nullable=True),
        sa.Column("representative_ci_index", sa.LargeBinary(), nullable=True),
        sa.Column(
            "verified_as",
            sa.Enum(
                "representative",
                "staff",
                name="verifiedas",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("verified_name", sa.String(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("industry", sa.String(), nullable=False),
        sa.Column("contact_name", sa.String(), nullable=False),
        sa.Column("contact_phone", sa.LargeBinary(), nullable=True),
        sa.Column("contact_email", sa.String(), nullable=False),
        sa.Column("payment_contact_name", sa.String(), nullable=False),
        sa.Column("payment_contact_phone", sa.LargeBinary(), nullable=True),
        sa.Column("tax_office_state", sa.String(), nullable=True),
        sa.Column("tax_office_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("business_number ~ '^[0-9]{10}$'", name=op.f("ck_company_business_number_form")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_company_agency_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_company_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
        sa.UniqueConstraint(
            "programme_id", "business_number", name=op.f("uq_company_programme_id_business_number")
        ),
        sa.UniqueConstraint("programme_id", "kstartup_id", name=op.f("uq_company_programme_id_kstartup_id")),
        sa.UniqueConstraint(
            "programme_id",
            "representative_ci_index",
            name=op.f("uq_company_programme_id_representative_ci_index"),
        ),
    )
    op.create_index("ix_company_agency_id", "company", ["agency_id", "id"], unique=False)
    op.create_index("ix_company_phone_index", "company", ["phone_index"], unique=False)
    op.create_index("ix_company_representative", "company", ["representative"], unique=False)
    op.create_table(
        "offering",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("category_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "in_review",
                "on_sale",
                "returned",
                "suspended",
                name="offeringstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("current_version_id", sa.BigInteger(), nullable=True),
        sa.Column("proposed_version_id", sa.BigInteger(), nullable=True),
        sa.Column("lowest_price", sa.Integer(), nullable=True),
        sa.Column("rating_sum", sa.Integer(), nullable=False),
        sa.Column("rating_count", sa.Integer(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column(
            "search_grams",
            postgresql.ARRAY(sa.Text()),
            sa.Computed("public.grams(search_text)", persisted=True),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("fk_offering_category_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_offering_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering")),
    )
    op.create_index("ix_offering_category_id", "offering", ["category_id", "state", "id"], unique=False)
    op.create_index(
        "ix_offering_search_grams", "offering", ["search_grams"], unique=False, postgresql_using="gin"
    )
    op.create_index("ix_offering_supplier_id", "offering", ["supplier_id", "id"], unique=False)
    op.create_table(
        "slip_number",
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "receipt",
                "statement",
                "cancellation",
                "settlement",
                name="slipkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_slip_number_programme_id")),
        sa.PrimaryKeyConstraint("programme_id", "kind", name=op.f("pk_slip_number")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "demand",
                "supplier",
                "reviewer",
                "manager",
                "budget_officer",
                "finance_officer",
                "programme_manager",
                "auditor",
                "system_admin",
                "system",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("opens_by_code_only", sa.Boolean(), nullable=False),
        sa.Column("initial_password_lapses_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role = 'supplier') = (supplier_id IS NOT NULL)"
            " AND (role <> 'demand' OR company_id IS NOT NULL)"
            " AND (role NOT IN ('reviewer', 'manager') OR agency_id IS NOT NULL)",
            name=op.f("ck_account_belongs"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_account_agency_id")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_account_company_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_account_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_index("ix_account_company_id", "account", ["company_id"], unique=False)
    op.create_index("ix_account_supplier_id", "account", ["supplier_id"], unique=False)
    op.create_index("uq_account_login_lower", "account", [sa.literal_column("lower(login)")], unique=True)
    op.create_table(
        "instrument",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "personal_check",
                "prepaid",
                "corporate_check",
                "zeropay",
                name="instrumentkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "chosen",
                "requested",
                "issued",
                name="instrumentstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issuer_reference", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_instrument_company_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument")),
        sa.UniqueConstraint("company_id", name=op.f("uq_instrument_company_id")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_notice_company_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_notice_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    op.create_index("ix_notice_company_id", "notice", ["company_id", "id"], unique=False)
    op.create_index("ix_notice_supplier_id", "notice", ["supplier_id", "id"], unique=False)
    op.create_table(
        "offering_version",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offering.id"], name=op.f("fk_offering_version_offering_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering_version")),
        sa.UniqueConstraint("offering_id", "number", name=op.f("uq_offering_version_offering_id_number")),
    )
    op.create_table(
        "wish",
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_wish_company_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_wish_offering_id")),
        sa.PrimaryKeyConstraint("company_id", "offering_id", name=op.f("pk_wish")),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("receipt_number", sa.String(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "not_applied",
                "screening",
                "on_hold",
                "screened",
                "approved",
                "rejected",
                name="applicationstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_to_id", sa.BigInteger(), nullable=True),
        sa.Column("screened_by_id", sa.BigInteger(), nullable=True),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("marks", postgresql.JSONB(), nullable=False),
        sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_application_agency_id")),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["account.id"], name=op.f("fk_application_approved_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["assigned_to_id"], ["account.id"], name=op.f("fk_application_assigned_to_id")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_application_company_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_application_programme_id")),
        sa.ForeignKeyConstraint(
            ["screened_by_id"], ["account.id"], name=op.f("fk_application_screened_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("company_id", name=op.f("uq_application_company_id")),
        sa.UniqueConstraint("receipt_number", name=op.f("uq_application_receipt_number")),
    )
    op.create_index(
        "ix_application_queue", "application", ["agency_id", "state", "submitted_at", "id"], unique=False
    )
    op.create_index("ix_application_state", "application", ["state", "submitted_at", "id"], unique=False)
    op.create_table(
        "intake_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "previewed",
                "imported",
                name="intakestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("already", sa.Integer(), nullable=False),
        sa.Column("refused", postgresql.JSONB(), nullable=False),
        sa.Column("good_rows", sa.LargeBinary(), nullable=True),
        sa.Column("previewed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by_id", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["imported_by_id"], ["account.id"], name=op.f("fk_intake_file_imported_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["previewed_by_id"], ["account.id"], name=op.f("fk_intake_file_previewed_by_id")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_intake_file_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_file")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("event_key", sa.String(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "allocation",
                "approval",
                "hold",
                "release",
                "payment",
                "cancellation",
                "waiver",
                "expiry",
                "revocation",
                "settlement",
                "transfer",
                "transfer_failure",
                "clawback",
                name="journalkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_journal_actor_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_journal_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint("event_key", name=op.f("uq_journal_event_key")),
    )
    op.create_index("ix_journal_programme_id", "journal", ["programme_id", "id"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("period_months", sa.Integer(), nullable=False),
        sa.CheckConstraint("period_months > 0", name=op.f("ck_plan_period_positive")),
        sa.CheckConstraint("price > 0", name=op.f("ck_plan_price_positive")),
        sa.ForeignKeyConstraint(["version_id"], ["offering_version.id"], name=op.f("fk_plan_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_index("ix_plan_version_id", "plan", ["version_id"], unique=False)
    op.create_table(
        "settlement_batch",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("cutoff", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "drafted",
                "submitted",
                "approved",
                "exported",
                "reconciled",
                "closed",
                "discarded",
                name="batchstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("drafted_by_id", sa.BigInteger(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["account.id"], name=op.f("fk_settlement_batch_approved_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["drafted_by_id"], ["account.id"], name=op.f("fk_settlement_batch_drafted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_settlement_batch_programme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_settlement_batch_number")),
    )
    op.create_table(
        "verification",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "sign_up",
                "payment_contact",
                "password",
                name="verificationpurpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("tx_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("ci", sa.LargeBinary(), nullable=True),
        sa.Column("ci_index", sa.LargeBinary(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_verification_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
        sa.UniqueConstraint("token", name=op.f("uq_verification_token")),
    )
    op.create_table(
        "bank_result_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("errors", postgresql.JSONB(), nullable=False),
        sa.Column("imported_by_id", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["settlement_batch.id"], name=op.f("fk_bank_result_file_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["imported_by_id"], ["account.id"], name=op.f("fk_bank_result_file_imported_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_result_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bank_result_file_sha256")),
    )
    op.create_table(
        "deal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("previous_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "consulting",
                "accepted",
                "billed",
                "paid",
                "turned_down",
                "lapsed",
                "withdrawn",
                "payment_cancelled",
                name="dealstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("memo", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("billed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("tax", sa.Integer(), nullable=True),
        sa.Column("period_from", sa.Date(), nullable=True),
        sa.Column("period_to", sa.Date(), nullable=True),
        sa.CheckConstraint("amount > 0 AND tax >= 0 AND quantity > 0", name=op.f("ck_deal_amounts")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_deal_company_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_deal_offering_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_deal_plan_id")),
        sa.ForeignKeyConstraint(["previous_id"], ["deal.id"], name=op.f("fk_deal_previous_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_deal_programme_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_deal_supplier_id")),
        sa.ForeignKeyConstraint(["version_id"], ["offering_version.id"], name=op.f("fk_deal_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal")),
    )
    op.create_index("ix_deal_company_id", "deal", ["company_id", "state", "id"], unique=False)
    op.create_index(
        "ix_deal_due",
        "deal",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('consulting', 'billed')"),
    )
    op.create_index("ix_deal_supplier_id", "deal", ["supplier_id", "state", "id"], unique=False)
    op.create_table(
        "posting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "account",
            sa.Enum(
                "funding",
                "programme_budget",
                "agency_budget",
                "pledge",
                "voucher_grant",
                "voucher_share",
                "company_tax",
                "hold",
                "payable",
                "transfer",
                "paid_out",
                "fee",
                name="ledgeraccount",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_posting_amount_not_zero")),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_posting_journal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index("ix_posting_account", "posting", ["account", "owner_id", "id"], unique=False)
    op.create_index("ix_posting_journal_id", "posting", ["journal_id"], unique=False)
    op.create_table(
        "settlement_line",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "paid",
                "failed",
                "carried",
                name="linestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("clawback", sa.BigInteger(), nullable=False),
        sa.Column("carried", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("carried_into_id", sa.BigInteger(), nullable=True),
        sa.Column("bank_code", sa.String(), nullable=False),
        sa.Column("account_number", sa.LargeBinary(), nullable=False),
        sa.Column("account_holder", sa.String(), nullable=False),
        sa.Column("result_code", sa.String(), nullable=True),
        sa.Column("result_text", sa.String(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "net = gross + carried - fee - clawback AND net > 0", name=op.f("ck_settlement_line_net")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["settlement_batch.id"], name=op.f("fk_settlement_line_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["carried_into_id"], ["settlement_line.id"], name=op.f("fk_settlement_line_carried_into_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_settlement_line_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_line")),
        sa.UniqueConstraint("batch_id", "supplier_id", name=op.f("uq_settlement_line_batch_id_supplier_id")),
    )
    op.create_index(
        "ix_settlement_line_carried_into_id", "settlement_line", ["carried_into_id"], unique=False
    )
    op.create_index("ix_settlement_line_supplier_id", "settlement_line", ["supplier_id", "id"], unique=False)
    op.create_table(
        "signup",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("answers", postgresql.JSONB(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("contact_phone", sa.LargeBinary(), nullable=True),
        sa.Column("verification_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_verification_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_signup_company_id")),
        sa.ForeignKeyConstraint(
            ["payment_verification_id"], ["verification.id"], name=op.f("fk_signup_payment_verification_id")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_signup_programme_id")),
        sa.ForeignKeyConstraint(
            ["verification_id"], ["verification.id"], name=op.f("fk_signup_verification_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signup")),
        sa.UniqueConstraint("token", name=op.f("uq_signup_token")),
    )
    op.create_index(
        "ix_signup_open",
        "signup",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("submitted_at IS NULL"),
    )
    op.create_table(
        "voucher",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_budget_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "usable",
                "spent",
                "waived",
                "revoked",
                "expired",
                name="voucherstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("granted_grant", sa.BigInteger(), nullable=False),
        sa.Column("granted_share", sa.BigInteger(), nullable=False),
        sa.Column("selected_on", sa.Date(), nullable=False),
        sa.Column("first_payment_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("full_use_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiver_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiver_requested_by_id", sa.BigInteger(), nullable=True),
        sa.Column("waiver_reason", sa.String(), nullable=True),
        sa.CheckConstraint("granted_grant >= 0 AND granted_share >= 0", name=op.f("ck_voucher_granted")),
        sa.ForeignKeyConstraint(
            ["agency_budget_id"], ["agency_budget.id"], name=op.f("fk_voucher_agency_budget_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_voucher_agency_id")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_voucher_application_id")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_voucher_company_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_voucher_programme_id")),
        sa.ForeignKeyConstraint(
            ["waiver_requested_by_id"], ["account.id"], name=op.f("fk_voucher_waiver_requested_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher")),
        sa.UniqueConstraint("application_id", name=op.f("uq_voucher_application_id")),
        sa.UniqueConstraint("company_id", name=op.f("uq_voucher_company_id")),
    )
    op.create_index(
        "ix_voucher_due",
        "voucher",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'usable'"),
    )
    op.create_table(
        "card_authentication",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("auth_key", sa.String(), nullable=False),
        sa.Column("last4", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("fk_card_authentication_company_id")
        ),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_card_authentication_deal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_authentication")),
        sa.UniqueConstraint("order_id", name=op.f("uq_card_authentication_order_id")),
        sa.UniqueConstraint("token", name=op.f("uq_card_authentication_token")),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("signup_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "business_registration",
                "tax_clearance",
                "corporate_register",
                "insurance_list",
                "priority_certificate",
                "bank_book",
                name="documentkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_document_content_type"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_document_company_id")),
        sa.ForeignKeyConstraint(["signup_id"], ["signup.id"], name=op.f("fk_document_signup_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_document_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index("ix_document_company_id", "document", ["company_id"], unique=False)
    op.create_index("ix_document_signup_id", "document", ["signup_id"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("usability", sa.Integer(), nullable=False),
        sa.Column("support", sa.Integer(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("recommend", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price BETWEEN 1 AND 5", name=op.f("ck_evaluation_price_range")),
        sa.CheckConstraint("quality BETWEEN 1 AND 5", name=op.f("ck_evaluation_quality_range")),
        sa.CheckConstraint("recommend BETWEEN 1 AND 5", name=op.f("ck_evaluation_recommend_range")),
        sa.CheckConstraint("support BETWEEN 1 AND 5", name=op.f("ck_evaluation_support_range")),
        sa.CheckConstraint("usability BETWEEN 1 AND 5", name=op.f("ck_evaluation_usability_range")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_evaluation_company_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_evaluation_deal_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_evaluation_offering_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_evaluation_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("deal_id", name=op.f("uq_evaluation_deal_id")),
    )
    op.create_index("ix_evaluation_company_id", "evaluation", ["company_id", "id"], unique=False)
    op.create_index("ix_evaluation_offering_id", "evaluation", ["offering_id", "id"], unique=False)
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("voucher_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "instrument_kind",
            sa.Enum(
                "personal_check",
                "prepaid",
                "corporate_check",
                "zeropay",
                name="instrumentkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "paid",
                "failed",
                "cancelling",
                "cancelled",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("grant_part", sa.BigInteger(), nullable=False),
        sa.Column("share_part", sa.BigInteger(), nullable=False),
        sa.Column("tax_part", sa.BigInteger(), nullable=False),
        sa.Column("pressed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payment_key", sa.String(), nullable=True),
        sa.Column("approval_number", sa.String(), nullable=True),
        sa.Column("card_last4", sa.String(), nullable=True),
        sa.Column("failure_code", sa.String(), nullable=True),
        sa.Column("failure_text", sa.String(), nullable=True),
        sa.Column("ask_again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("cancel_key", sa.String(), nullable=True),
        sa.Column("cancel_pressed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "grant_part >= 0 AND share_part >= 0 AND tax_part >= 0", name=op.f("ck_payment_parts")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_payment_company_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_payment_deal_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_payment_programme_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_payment_supplier_id")),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name=op.f("fk_payment_voucher_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("cancel_key", name=op.f("uq_payment_cancel_key")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payment_idempotency_key")),
    )
    op.create_index("ix_payment_company_id", "payment", ["company_id", "state", "id"], unique=False)
    op.create_index("ix_payment_supplier_id", "payment", ["supplier_id", "state", "id"], unique=False)
    op.create_index(
        "ix_payment_unknown",
        "payment",
        ["ask_again_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending', 'cancelling')"),
    )
    op.create_index("ix_payment_voucher_id", "payment", ["voucher_id"], unique=False)
    op.create_index(
        "uq_payment_live",
        "payment",
        ["deal_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'paid', 'cancelling')"),
    )
    op.create_index(
        "uq_payment_order_id",
        "payment",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'failed'"),
    )
    op.create_table(
        "clawback_item",
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["settlement_line.id"], name=op.f("fk_clawback_item_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_clawback_item_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_clawback_item")),
    )
    op.create_index("ix_clawback_item_line_id", "clawback_item", ["line_id"], unique=False)
    op.create_table(
        "settlement_item",
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["settlement_line.id"], name=op.f("fk_settlement_item_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_settlement_item_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_settlement_item")),
    )
    op.create_index("ix_settlement_item_line_id", "settlement_item", ["line_id"], unique=False)
    op.create_table(
        "slip",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "receipt",
                "statement",
                "cancellation",
                "settlement",
                name="slipkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("line_id", sa.BigInteger(), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_slip_company_id")),
        sa.ForeignKeyConstraint(["line_id"], ["settlement_line.id"], name=op.f("fk_slip_line_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_slip_payment_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_slip_programme_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_slip_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slip")),
        sa.UniqueConstraint("code", name=op.f("uq_slip_code")),
        sa.UniqueConstraint("kind", "line_id", name=op.f("uq_slip_kind_line_id")),
        sa.UniqueConstraint("kind", "payment_id", name=op.f("uq_slip_kind_payment_id")),
        sa.UniqueConstraint("programme_id", "kind", "number", name=op.f("uq_slip_programme_id_kind_number")),
    )
    op.create_index("ix_slip_payment_id", "slip", ["payment_id"], unique=False)
    op.create_index(
        "ix_slip_unmade", "slip", ["id"], unique=False, postgresql_where=sa.text("sha256 IS NULL")
    )
    op.create_foreign_key(
        "fk_offering_current_version_id", "offering", "offering_version", ["current_version_id"], ["id"]
    )
    op.create_foreign_key(
        "fk_offering_proposed_version_id", "offering", "offering_version", ["proposed_version_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_constraint("fk_offering_proposed_version_id", "offering", type_="foreignkey")
    op.drop_constraint("fk_offering_current_version_id", "offering", type_="foreignkey")
    op.drop_index("ix_slip_unmade", table_name="slip", postgresql_where=sa.text("sha256 IS NULL"))
    op.drop_index("ix_slip_payment_id", table_name="slip")
    op.drop_table("slip")
    op.drop_index("ix_settlement_item_line_id", table_name="settlement_item")
    op.drop_table("settlement_item")
    op.drop_index("ix_clawback_item_line_id", table_name="clawback_item")
    op.drop_table("clawback_item")
    op.drop_index("uq_payment_order_id", table_name="payment", postgresql_where=sa.text("state <> 'failed'"))
    op.drop_index(
        "uq_payment_live",
        table_name="payment",
        postgresql_where=sa.text("state IN ('pending', 'paid', 'cancelling')"),
    )
    op.drop_index("ix_payment_voucher_id", table_name="payment")
    op.drop_index(
        "ix_payment_unknown",
        table_name="payment",
        postgresql_where=sa.text("state IN ('pending', 'cancelling')"),
    )
    op.drop_index("ix_payment_supplier_id", table_name="payment")
    op.drop_index("ix_payment_company_id", table_name="payment")
    op.drop_table("payment")
    op.drop_index("ix_evaluation_offering_id", table_name="evaluation")
    op.drop_index("ix_evaluation_company_id", table_name="evaluation")
    op.drop_table("evaluation")
    op.drop_index("ix_document_signup_id", table_name="document")
    op.drop_index("ix_document_company_id", table_name="document")
    op.drop_table("document")
    op.drop_table("card_authentication")
    op.drop_index("ix_voucher_due", table_name="voucher", postgresql_where=sa.text("state = 'usable'"))
    op.drop_table("voucher")
    op.drop_index("ix_signup_open", table_name="signup", postgresql_where=sa.text("submitted_at IS NULL"))
    op.drop_table("signup")
    op.drop_index("ix_settlement_line_supplier_id", table_name="settlement_line")
    op.drop_index("ix_settlement_line_carried_into_id", table_name="settlement_line")
    op.drop_table("settlement_line")
    op.drop_index("ix_posting_journal_id", table_name="posting")
    op.drop_index("ix_posting_account", table_name="posting")
    op.drop_table("posting")
    op.drop_index("ix_deal_supplier_id", table_name="deal")
    op.drop_index(
        "ix_deal_due", table_name="deal", postgresql_where=sa.text("state IN ('consulting', 'billed')")
    )
    op.drop_index("ix_deal_company_id", table_name="deal")
    op.drop_table("deal")
    op.drop_table("bank_result_file")
    op.drop_table("verification")
    op.drop_table("settlement_batch")
    op.drop_index("ix_plan_version_id", table_name="plan")
    op.drop_table("plan")
    op.drop_index("ix_journal_programme_id", table_name="journal")
    op.drop_table("journal")
    op.drop_table("intake_file")
    op.drop_index("ix_application_state", table_name="application")
    op.drop_index("ix_application_queue", table_name="application")
    op.drop_table("application")
    op.drop_table("wish")
    op.drop_table("offering_version")
    op.drop_index("ix_notice_supplier_id", table_name="notice")
    op.drop_index("ix_notice_company_id", table_name="notice")
    op.drop_table("notice")
    op.drop_table("instrument")
    op.drop_index("uq_account_login_lower", table_name="account")
    op.drop_index("ix_account_supplier_id", table_name="account")
    op.drop_index("ix_account_company_id", table_name="account")
    op.drop_table("account")
    op.drop_table("slip_number")
    op.drop_index("ix_offering_supplier_id", table_name="offering")
    op.drop_index("ix_offering_search_grams", table_name="offering", postgresql_using="gin")
    op.drop_index("ix_offering_category_id", table_name="offering")
    op.drop_table("offering")
    op.drop_index("ix_company_agency_id", table_name="company")
    op.drop_table("company")
    op.drop_table("closing_day")
    op.drop_table("agency_budget")
    op.drop_table("supplier")
    op.drop_table("programme")
    op.drop_index(
        "ix_outbox_message_open",
        table_name="outbox_message",
        postgresql_where=sa.text("done_at IS NULL AND gave_up_at IS NULL"),
    )
    op.drop_table("outbox_message")
    op.drop_table("ledger_balance")
    op.drop_table("demonstration_clock")
    op.drop_table("category")
    op.drop_index("ix_audit_row_xid", table_name="audit_row")
    op.drop_index("ix_audit_row_actor_id", table_name="audit_row")
    op.drop_table("audit_row")
    op.drop_table("audit_anchor")
    op.drop_table("agency")
