"""Posts of the public boards, written in the console (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base
from app.models.people import Account
from app.models.types import Instant, Key, KoreanInstant, Labelled, LongText, enum_column


class Board(Labelled):
    NOTICE = "notice", "사업공고"
    FAQ = "faq", "자주 묻는 질문"


class PostState(Labelled):
    DRAFT = "draft", "작성중", "neutral"
    PUBLISHED = "published", "게시", "success"
    WITHDRAWN = "withdrawn", "내림", "warning"


class Post(Base):
    __tablename__ = "post"

    id: Mapped[Key]
    board: Mapped[Board] = mapped_column(enum_column(Board))
    state: Mapped[PostState] = mapped_column(enum_column(PostState))
    title: Mapped[str]
    body: Mapped[LongText]
    """Plain text; blank lines part paragraphs."""
    is_pinned: Mapped[bool] = mapped_column(default=False)
    """Stands above the others of its board."""
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]
    published_at: Mapped[datetime | None] = mapped_column(KoreanInstant)
    author: Mapped[Account | None] = relationship()
    files: Mapped[list[PostFile]] = relationship(order_by="PostFile.id", back_populates="post")

    __table_args__ = (
        Index(
            "ix_post_published",
            "board",
            "is_pinned",
            "published_at",
            "id",
            postgresql_where=text("state = 'published'"),
        ),
    )


class PostFile(Base):
    """An attachment that anybody may open while its post is published (R-FILE-1)."""

    __tablename__ = "post_file"

    id: Mapped[Key]
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"))
    file_name: Mapped[str]
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    post: Mapped[Post] = relationship(back_populates="files")

    __table_args__ = (
        Index("ix_post_file_post_id", "post_id"),
        CheckConstraint(
            "content_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="content_type"
        ),
    )
