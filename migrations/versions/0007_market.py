"""Threads of deals, questions about services, their files and reviews, joining of suppliers, posts, usage.

The average rating is generated, so that lists sort by an index (R-CAT-2).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offering_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "picture",
                "evidence",
                "brochure",
                name="offeringfilekind",
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
            name=op.f("ck_offering_file_content_type"),
        ),
        sa.CheckConstraint(
            "kind <> 'evidence' OR version_id IS NOT NULL", name=op.f("ck_offering_file_evidence_of")
        ),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_offering_file_offering_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["offering_version.id"], name=op.f("fk_offering_file_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering_file")),
    )
    op.create_index("ix_offering_file_offering_id", "offering_file", ["offering_id", "kind"], unique=False)
    op.create_table(
        "offering_review",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("checks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_offering_review_by_id")),
        sa.ForeignKeyConstraint(
            ["offering_id"], ["offering.id"], name=op.f("fk_offering_review_offering_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["offering_version.id"], name=op.f("fk_offering_review_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering_review")),
    )
    op.create_index("ix_offering_review_offering_id", "offering_review", ["offering_id", "id"], unique=False)
    op.create_table(
        "post",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "board",
            sa.Enum("notice", "faq", name="board", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "published",
                "withdrawn",
                name="poststate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_pinned", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_post_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index(
        "ix_post_published",
        "post",
        ["board", "is_pinned", "published_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.create_table(
        "question",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("offering_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["answered_by_id"], ["account.id"], name=op.f("fk_question_answered_by_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name=op.f("fk_question_asked_by_id")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_question_company_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_question_offering_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_question_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
    )
    op.create_index("ix_question_company_id", "question", ["company_id", "id"], unique=False)
    op.create_index("ix_question_offering_id", "question", ["offering_id", "id"], unique=False)
    op.create_index(
        "ix_question_open",
        "question",
        ["supplier_id", "id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NULL AND hidden_at IS NULL"),
    )
    op.create_index("ix_question_supplier_id", "question", ["supplier_id", "id"], unique=False)
    op.create_table(
        "post_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_post_file_content_type"),
        ),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_post_file_post_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_file")),
    )
    op.create_index("ix_post_file_post_id", "post_file", ["post_id"], unique=False)
    op.create_table(
        "supplier_signup",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("account_number", sa.LargeBinary(), nullable=True),
        sa.Column("account_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verification_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_supplier_signup_programme_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_supplier_signup_supplier_id")
        ),
        sa.ForeignKeyConstraint(
            ["verification_id"], ["verification.id"], name=op.f("fk_supplier_signup_verification_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_signup")),
        sa.UniqueConstraint("token", name=op.f("uq_supplier_signup_token")),
    )
    op.create_index(
        "ix_supplier_signup_verification_id",
        "supplier_signup",
        ["verification_id"],
        unique=False,
        postgresql_where=sa.text("submitted_at IS NULL"),
    )
    op.create_table(
        "deal_message",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "side",
            sa.Enum(
                "company", "supplier", name="dealside", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_deal_message_author_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_deal_message_deal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_message")),
    )
    op.create_index("ix_deal_message_deal_id", "deal_message", ["deal_id", "id"], unique=False)
    op.create_table(
        "usage_report",
        sa.Column("deal_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("logins", sa.Integer(), nullable=False),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column(
            "source",
            sa.Enum("form", "file", name="usagesource", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("reported_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("extract(day from month) = 1", name=op.f("ck_usage_report_first_of_month")),
        sa.CheckConstraint("logins >= 0", name=op.f("ck_usage_report_logins")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_usage_report_company_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deal.id"], name=op.f("fk_usage_report_deal_id")),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["account.id"], name=op.f("fk_usage_report_reported_by_id")
        ),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_usage_report_supplier_id")),
        sa.PrimaryKeyConstraint("deal_id", "month", name=op.f("pk_usage_report")),
    )
    op.create_index("ix_usage_report_company_id", "usage_report", ["company_id", "month"], unique=False)
    op.create_index("ix_usage_report_supplier_id", "usage_report", ["supplier_id", "month"], unique=False)
    op.create_table(
        "deal_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_deal_file_content_type"),
        ),
        sa.ForeignKeyConstraint(["message_id"], ["deal_message.id"], name=op.f("fk_deal_file_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_file")),
    )
    op.create_index("ix_deal_file_message_id", "deal_file", ["message_id"], unique=False)
    op.add_column("category", sa.Column("is_open", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("deal", sa.Column("asked_together", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_deal_asked_together",
        "deal",
        ["asked_together"],
        unique=False,
        postgresql_where=sa.text("asked_together IS NOT NULL"),
    )
    op.create_index("ix_deal_offering_id", "deal", ["offering_id"], unique=False)
    op.add_column("document", sa.Column("supplier_signup_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_document_supplier_id", "document", ["supplier_id"], unique=False)
    op.create_index("ix_document_supplier_signup_id", "document", ["supplier_signup_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_document_supplier_signup_id"), "document", "supplier_signup", ["supplier_signup_id"], ["id"]
    )
    op.add_column(
        "offering",
        sa.Column(
            "rating",
            sa.Numeric(precision=4, scale=3),
            sa.Computed(
                "CASE WHEN rating_count > 0 THEN rating_sum::numeric / (rating_count * 5) END", persisted=True
            ),
            nullable=True,
        ),
    )
    op.create_index(
        "ix_offering_latest",
        "offering",
        [sa.literal_column("published_at DESC NULLS LAST"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("state = 'on_sale'"),
    )
    op.create_index(
        "ix_offering_price",
        "offering",
        ["lowest_price", sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("state = 'on_sale'"),
    )
    op.create_index(
        "ix_offering_rating",
        "offering",
        [
            sa.literal_column("rating DESC NULLS LAST"),
            sa.literal_column("rating_count DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
        postgresql_where=sa.text("state = 'on_sale'"),
    )
    op.add_column(
        "supplier",
        sa.Column(
            "kind",
            sa.Enum(
                "sole", "corporate", name="companykind", native_enum=False, create_constraint=True, length=40
            ),
            server_default="corporate",
            nullable=False,
        ),
    )
    op.add_column("supplier", sa.Column("representative_ci", sa.LargeBinary(), nullable=True))
    op.add_column("supplier", sa.Column("representative_ci_index", sa.LargeBinary(), nullable=True))
    op.add_column("supplier", sa.Column("contact_name", sa.String(), server_default="", nullable=False))
    op.add_column("supplier", sa.Column("contact_phone", sa.LargeBinary(), nullable=True))
    op.add_column("supplier", sa.Column("tax_office_state", sa.String(), nullable=True))
    op.add_column("supplier", sa.Column("tax_office_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "supplier",
        sa.Column("checks", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "supplier", sa.Column("marks", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.create_index(
        "ix_supplier_representative_ci_index", "supplier", ["representative_ci_index"], unique=False
    )
    op.create_index("ix_supplier_state", "supplier", ["state", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_supplier_state", table_name="supplier")
    op.drop_index("ix_supplier_representative_ci_index", table_name="supplier")
    op.drop_column("supplier", "marks")
    op.drop_column("supplier", "checks")
    op.drop_column("supplier", "tax_office_asked_at")
    op.drop_column("supplier", "tax_office_state")
    op.drop_column("supplier", "contact_phone")
    op.drop_column("supplier", "contact_name")
    op.drop_column("supplier", "representative_ci_index")
    op.drop_column("supplier", "representative_ci")
    op.drop_column("supplier", "kind")
    op.drop_index("ix_offering_rating", table_name="offering", postgresql_where=sa.text("state = 'on_sale'"))
    op.drop_index("ix_offering_price", table_name="offering", postgresql_where=sa.text("state = 'on_sale'"))
    op.drop_index("ix_offering_latest", table_name="offering", postgresql_where=sa.text("state = 'on_sale'"))
    op.drop_column("offering", "rating")
    op.drop_constraint(op.f("fk_document_supplier_signup_id"), "document", type_="foreignkey")
    op.drop_index("ix_document_supplier_signup_id", table_name="document")
    op.drop_index("ix_document_supplier_id", table_name="document")
    op.drop_column("document", "supplier_signup_id")
    op.drop_index("ix_deal_offering_id", table_name="deal")
    op.drop_index(
        "ix_deal_asked_together", table_name="deal", postgresql_where=sa.text("asked_together IS NOT NULL")
    )
    op.drop_column("deal", "asked_together")
    op.drop_column("category", "is_open")
    op.drop_index("ix_deal_file_message_id", table_name="deal_file")
    op.drop_table("deal_file")
    op.drop_index("ix_usage_report_supplier_id", table_name="usage_report")
    op.drop_index("ix_usage_report_company_id", table_name="usage_report")
    op.drop_table("usage_report")
    op.drop_index("ix_deal_message_deal_id", table_name="deal_message")
    op.drop_table("deal_message")
    op.drop_index(
        "ix_supplier_signup_verification_id",
        table_name="supplier_signup",
        postgresql_where=sa.text("submitted_at IS NULL"),
    )
    op.drop_table("supplier_signup")
    op.drop_index("ix_post_file_post_id", table_name="post_file")
    op.drop_table("post_file")
    op.drop_index("ix_question_supplier_id", table_name="question")
    op.drop_index(
        "ix_question_open",
        table_name="question",
        postgresql_where=sa.text("answered_at IS NULL AND hidden_at IS NULL"),
    )
    op.drop_index("ix_question_offering_id", table_name="question")
    op.drop_index("ix_question_company_id", table_name="question")
    op.drop_table("question")
    op.drop_index("ix_post_published", table_name="post", postgresql_where=sa.text("state = 'published'"))
    op.drop_table("post")
    op.drop_index("ix_offering_review_offering_id", table_name="offering_review")
    op.drop_table("offering_review")
    op.drop_index("ix_offering_file_offering_id", table_name="offering_file")
    op.drop_table("offering_file")
