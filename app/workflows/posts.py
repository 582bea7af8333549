"""The public boards, written in the console (R-PUB-1, R-PUB-2): 사업공고 and 자주 묻는 질문.

A post that was published may be edited: it says what holds, and the trail keeps what it said before.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import sniff, store
from app.errors import InvalidInput, NotFound
from app.models.posts import Board, Post, PostFile, PostState
from app.policy import Actor, Permission
from app.workflows import record, search
from app.workflows.attachments import Incoming
from app.workflows.lifecycle import Edge, Lifecycle, begin, fire

MAX_TITLE = 120
MAX_BODY = 20_000
MAX_FILES = 10
_WRITE = Permission.POST_WRITE

POST = Lifecycle(
    "post",
    Post,
    # What the platform ships begins as published.
    initial=(PostState.DRAFT, PostState.PUBLISHED),
    edges=(
        *(
            Edge(
                action="publish",
                label="게시",
                source=source,
                target=PostState.PUBLISHED,
                permission=_WRITE,
            )
            for source in (PostState.DRAFT, PostState.WITHDRAWN)
        ),
        Edge(
            action="withdraw",
            label="내리기",
            source=PostState.PUBLISHED,
            target=PostState.WITHDRAWN,
            permission=_WRITE,
            confirm="이 글을 내릴까요? 내리면 누구에게도 보이지 않으며, 다시 게시할 수 있습니다.",
        ),
    ),
)


def take_in(*, file_name: str, content: bytes) -> Incoming:
    """Check an attachment by content and keep it, before any transaction (R-FILE-1). Raises InvalidInput."""
    try:
        found = sniff.accept(content)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.code, refusal.text, fields={"files": refusal.text}) from refusal
    return Incoming(sniff.safe_name(file_name), found, len(content), store.put(content))


def write(
    *,
    actor: Actor,
    board: Board,
    title: str,
    body: str,
    is_pinned: bool = False,
    files: Sequence[Incoming] = (),
) -> Post:
    """Begin a post as 작성중. Raises Denied, InvalidInput with the fields."""
    policy.require(actor, _WRITE)
    title, body = _check(title, body)
    with transaction():
        now = clock.now()
        post = Post(
            board=board,
            state=PostState.DRAFT,
            title=title,
            body=body,
            is_pinned=is_pinned,
            author_id=actor.id,
            created_at=now,
            updated_at=now,
        )
        begin(POST, post, actor=actor, action="create")
        _attach(post, files)
        return post


def edit(
    *,
    actor: Actor,
    post_id: int,
    title: str,
    body: str,
    is_pinned: bool = False,
    files: Sequence[Incoming] = (),
) -> Post:
    """Change a post in any state; before and after are on the trail (R-AUD-1).

    Raises Denied, NotFound, InvalidInput with the fields.
    """
    policy.require(actor, _WRITE)
    title, body = _check(title, body)
    with transaction() as session:
        post = lock(Post, post_id)
        wanted = {"title": title, "body": body, "is_pinned": is_pinned}
        change = {n: (getattr(post, n), v) for n, v in wanted.items() if getattr(post, n) != v}
        for field, (_, value) in change.items():
            setattr(post, field, value)
        _attach(post, files)
        if files:
            change["files"] = (None, [file.file_name for file in files])
        if change:
            post.updated_at = clock.now()
            session.flush()
            record.write("post", post.id, "edit", actor=actor, change=change)
        return post


def publish(*, actor: Actor, post_id: int) -> Post:
    """게시; one that was taken down keeps the day on which it first stood."""
    with transaction() as session:
        post: Post = fire(POST, post_id, "publish", actor=actor)
        post.published_at = post.published_at or clock.now()
        session.flush()
        return post


def withdraw(*, actor: Actor, post_id: int) -> Post:
    post: Post = fire(POST, post_id, "withdraw", actor=actor)
    return post


def remove_file(*, actor: Actor, post_id: int, file_id: int) -> None:
    """Raises Denied, NotFound."""
    policy.require(actor, _WRITE)
    with transaction() as session:
        post = lock(Post, post_id)
        file = session.get(PostFile, file_id)
        if file is None or file.post_id != post_id:
            raise NotFound()
        name = file.file_name
        session.execute(delete(PostFile).where(PostFile.id == file_id))
        session.expire(post, ["files"])
        post.updated_at = clock.now()
        record.write("post", post_id, "edit", actor=actor, change={"files": (name, None)})


def ship(rows: Sequence[tuple[str, str]], *, actor: Actor) -> None:
    """Put the questions that the platform comes with on an empty FAQ, published."""
    with transaction() as session:
        if session.scalar(select(Post.id).where(Post.board == Board.FAQ).limit(1)) is not None:
            return
        now = clock.now()
        for title, body in rows:
            post = Post(
                board=Board.FAQ,
                state=PostState.PUBLISHED,
                title=title,
                body=body,
                created_at=now,
                updated_at=now,
                published_at=now,
            )
            begin(POST, post, actor=actor, action="create")


def _attach(post: Post, files: Sequence[Incoming]) -> None:
    kept = db.session.scalars(select(PostFile.id).where(PostFile.post_id == post.id)).all()
    if len(kept) + len(files) > MAX_FILES:
        text = f"첨부 파일은 {MAX_FILES}개까지 등록할 수 있습니다."
        raise InvalidInput("post.files", text, fields={"files": text})
    db.session.add_all(
        PostFile(
            post_id=post.id,
            file_name=file.file_name,
            content_type=file.content_type,
            size=file.size,
            sha256=file.sha256,
        )
        for file in files
    )
    db.session.flush()
    db.session.expire(post, ["files"])


def _check(title: str, body: str) -> tuple[str, str]:
    title, body = search.clean(title), body.replace("\r\n", "\n").replace("\x00", "").strip()
    wrong = {}
    for field, label, text, longest in (
        ("title", "제목", title, MAX_TITLE),
        ("body", "내용", body, MAX_BODY),
    ):
        if not text:
            wrong[field] = f"{label}을 입력해 주세요."
        elif len(text) > longest:
            wrong[field] = f"{label}은 {longest:,}자까지 쓸 수 있습니다."
    if wrong:
        raise InvalidInput("post.details", "입력한 내용을 확인해 주세요.", fields=wrong)
    return title, body
