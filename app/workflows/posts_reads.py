"""The boards as anybody reads them, and as the console lists them (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from app import policy
from app.db import db
from app.documents import store
from app.errors import NotFound
from app.models.posts import Board, Post, PostFile, PostState
from app.policy import Actor, Permission
from app.workflows.attachments import HandedOut

MOST_FAQ = 200
LONGEST_QUERY = 100


@dataclass(frozen=True, kw_only=True)
class PostPage:
    items: list[Post]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A post and what stands before and after it, by the day of publishing."""

    post: Post
    older: Post | None
    newer: Post | None


def _published(board: Board) -> list[ColumnElement[bool]]:
    return [Post.board == board, Post.state == PostState.PUBLISHED]


def _matching(text: str) -> list[ColumnElement[bool]]:
    """Every word stands in the title or the body."""
    words = text.replace("\x00", " ")[:LONGEST_QUERY].split()
    return [
        or_(Post.title.icontains(w, autoescape=True), Post.body.icontains(w, autoescape=True)) for w in words
    ]


def latest(*, board: Board, size: int = 5) -> list[Post]:
    """The newest of a board, pinned ones first, for the main page."""
    statement = select(Post).where(*_published(board)).order_by(*_order())
    return list(db.session.scalars(statement.limit(size)))


def _order() -> list[Any]:
    return [Post.is_pinned.desc(), Post.published_at.desc(), Post.id.desc()]


def published(*, board: Board, text: str = "", page: int = 1, size: int = 10) -> PostPage:
    """A page of a board for anybody; pinned posts stand first."""
    conditions = [*_published(board), *_matching(text)]
    total = db.session.scalar(select(func.count()).select_from(Post).where(*conditions)) or 0
    pages = max(1, -(-total // size))
    page = max(1, min(page, pages))
    statement = select(Post).where(*conditions).options(selectinload(Post.files)).order_by(*_order())
    items = db.session.scalars(statement.limit(size).offset((page - 1) * size))
    return PostPage(items=list(items), total=total, page=page, pages=pages)


def questions() -> list[Post]:
    """자주 묻는 질문, pinned ones first, then as they were written."""
    statement = select(Post).where(*_published(Board.FAQ)).options(selectinload(Post.files))
    return list(db.session.scalars(statement.order_by(Post.is_pinned.desc(), Post.id).limit(MOST_FAQ)))


def read(*, post_id: int, board: Board = Board.NOTICE) -> Reading:
    """A published post, for anybody. Raises NotFound."""
    statement = select(Post).where(Post.id == post_id, *_published(board)).options(selectinload(Post.files))
    post = db.session.scalar(statement)
    if post is None:
        raise NotFound("post.not_found", "내려졌거나 없는 글입니다. 목록에서 다시 찾아 주세요.")
    place = tuple_(Post.published_at, Post.id)
    here = tuple_(post.published_at, post.id)
    day, key = Post.published_at, Post.id
    others = select(Post).where(*_published(board)).limit(1)
    return Reading(
        post=post,
        older=db.session.scalar(others.where(place < here).order_by(day.desc(), key.desc())),
        newer=db.session.scalar(others.where(place > here).order_by(day, key)),
    )


def public_file(*, post_id: int, file_id: int) -> HandedOut:
    """An attachment of a published post, to anybody (R-FILE-1). Raises NotFound."""
    return _handed(
        db.session.scalar(
            select(PostFile)
            .join(PostFile.post)
            .where(PostFile.id == file_id, Post.id == post_id, Post.state == PostState.PUBLISHED)
        )
    )


# --- the console --------------------------------------------------------------------------------------


def listing(
    *,
    actor: Actor,
    board: Board | None = None,
    state: PostState | None = None,
    text: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[Post]:
    """Posts in every state, newest first, by keyset. Raises Denied."""
    policy.require(actor, Permission.DEAL_VIEW)
    conditions = _matching(text)
    conditions += [Post.board == board] if board is not None else []
    conditions += [Post.state == state] if state is not None else []
    conditions += [Post.id < before] if before is not None else []
    statement = select(Post).where(*conditions).options(selectinload(Post.files), joinedload(Post.author))
    return list(db.session.scalars(statement.order_by(Post.id.desc()).limit(size)))


def counts(*, actor: Actor) -> dict[Board, int]:
    policy.require(actor, Permission.DEAL_VIEW)
    found = {
        board: n for board, n in db.session.execute(select(Post.board, func.count()).group_by(Post.board))
    }
    return {board: found.get(board, 0) for board in Board}


def get(*, actor: Actor, post_id: int) -> Post:
    """Raises Denied, NotFound."""
    policy.require(actor, Permission.DEAL_VIEW)
    statement = select(Post).where(Post.id == post_id).options(selectinload(Post.files))
    post = db.session.scalar(statement)
    if post is None:
        raise NotFound()
    return post


def file_for(*, actor: Actor, post_id: int, file_id: int) -> HandedOut:
    """An attachment in the console, before its post is published too. Raises Denied, NotFound."""
    policy.require(actor, Permission.DEAL_VIEW)
    file = db.session.get(PostFile, file_id)
    return _handed(file if file is not None and file.post_id == post_id else None)


def _handed(file: PostFile | None) -> HandedOut:
    if file is None:
        raise NotFound()
    return HandedOut(file.file_name, file.content_type, store.read(file.sha256))
