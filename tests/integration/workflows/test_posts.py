"""The public boards: written, published, edited, taken down, and what anybody reads (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.posts import Board, Post, PostFile, PostState
from app.models.record import AuditRow
from app.policy import CLOCK, Actor, Role
from app.workflows import posts, posts_reads, programmes
from app.workflows.shipped_posts import QUESTIONS
from tests import factories
from tests.integration.workflows.shop import PDF, PNG

MONDAY = datetime(2020, 11, 16, 9, tzinfo=clock.KST)


@pytest.fixture
def writer(tx: Flask) -> Actor:
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


def notice(
    writer: Actor, title: str = "공고", *, day: int = 0, pinned: bool = False, body: str = "내용"
) -> Post:
    with clock.at(MONDAY + timedelta(days=day)):
        post = posts.write(actor=writer, board=Board.NOTICE, title=title, body=body, is_pinned=pinned)
        return posts.publish(actor=writer, post_id=post.id)


def titles(**asked: object) -> list[str]:
    return [post.title for post in posts_reads.published(board=Board.NOTICE, **asked).items]  # type: ignore[arg-type]


def trail(post: Post) -> list[AuditRow]:
    statement = select(AuditRow).where(AuditRow.entity == "post", AuditRow.entity_id == post.id)
    return list(db.session.scalars(statement.order_by(AuditRow.seq)))


def test_a_draft_is_nobodys_until_it_is_published(writer: Actor) -> None:
    post = posts.write(actor=writer, board=Board.NOTICE, title="모집 공고", body="모집합니다.")
    assert (post.state, post.published_at, post.author_id) == (PostState.DRAFT, None, writer.id)
    with pytest.raises(NotFound):
        posts_reads.read(post_id=post.id)
    with clock.at(MONDAY):
        posts.publish(actor=writer, post_id=post.id)
    assert posts_reads.read(post_id=post.id).post.published_at == MONDAY
    with pytest.raises(NotFound):
        posts_reads.read(post_id=post.id, board=Board.FAQ)


def test_what_is_taken_down_comes_back_with_its_first_day(writer: Actor) -> None:
    post = notice(writer)
    posts.withdraw(actor=writer, post_id=post.id)
    assert titles() == []
    with pytest.raises(NotFound):
        posts_reads.read(post_id=post.id)
    posts.publish(actor=writer, post_id=post.id)
    assert post.published_at == MONDAY
    assert [row.action for row in trail(post)] == ["create", "publish", "withdraw", "publish"]


def test_an_edit_of_what_stands_keeps_what_it_said_before(writer: Actor) -> None:
    """R-AUD-1"""
    post = notice(writer, "처음 제목", body="처음 내용")
    posts.edit(actor=writer, post_id=post.id, title="고친 제목", body="처음 내용", is_pinned=True)
    last = trail(post)[-1]
    assert (last.action, last.change) == (
        "edit",
        {"title": ["처음 제목", "고친 제목"], "is_pinned": [False, True]},
    )
    number = len(trail(post))
    posts.edit(actor=writer, post_id=post.id, title="고친 제목", body="처음 내용", is_pinned=True)
    assert len(trail(post)) == number


def test_pinned_ones_stand_first_then_the_newest(writer: Actor) -> None:
    for place, title in enumerate(("하나", "둘", "셋")):
        notice(writer, title, day=place, pinned=title == "하나")
    assert titles() == ["하나", "셋", "둘"]
    assert titles(page=2, size=2) == ["둘"]
    assert titles(page=99, size=2) == ["둘"]
    assert [post.title for post in posts_reads.latest(board=Board.NOTICE, size=2)] == ["하나", "셋"]


def test_every_word_is_looked_for_in_title_and_body(writer: Actor) -> None:
    notice(writer, "추석 연휴 안내", body="답변 기한이 늘어납니다.")
    notice(writer, "정산 안내", body="100% 지급")
    assert titles(text="안내 기한") == ["추석 연휴 안내"]
    assert titles(text="100%") == ["정산 안내"] and titles(text="0_% ") == []


def test_before_and_after_follow_the_day(writer: Actor) -> None:
    old, middle, new = (notice(writer, f"{n}", day=n, pinned=n == 0) for n in range(3))
    found = posts_reads.read(post_id=middle.id)
    assert (found.older, found.newer) == (old, new)
    assert posts_reads.read(post_id=old.id).older is None and posts_reads.read(post_id=new.id).newer is None


def test_files_are_anybodys_while_their_post_stands(writer: Actor) -> None:
    """R-FILE-1"""
    files = [posts.take_in(file_name="안내.exe", content=PDF), posts.take_in(file_name="그림", content=PNG)]
    post = posts.write(actor=writer, board=Board.NOTICE, title="공고", body="내용", files=files)
    first, second = post.files
    assert [file.content_type for file in post.files] == ["application/pdf", "image/png"]
    with pytest.raises(NotFound):
        posts_reads.public_file(post_id=post.id, file_id=first.id)
    assert posts_reads.file_for(actor=writer, post_id=post.id, file_id=first.id).content == PDF
    posts.publish(actor=writer, post_id=post.id)
    assert posts_reads.public_file(post_id=post.id, file_id=second.id).content == PNG
    other = notice(writer)
    with pytest.raises(NotFound):
        posts_reads.public_file(post_id=other.id, file_id=first.id)
    posts.remove_file(actor=writer, post_id=post.id, file_id=first.id)
    assert db.session.scalars(select(PostFile.file_name)).all() == ["그림"]
    assert trail(post)[-1].change == {"files": ["안내.exe", None]}
    db.session.commit()
    with pytest.raises(InvalidInput, match=r"document\.type"):
        posts.take_in(file_name="문서.pdf", content=b"<html>")
    with pytest.raises(InvalidInput, match=r"post\.files"):
        posts.edit(actor=writer, post_id=post.id, title="공고", body="내용", files=files * 5)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"title": " "}, "title"),
        ({"title": "가" * 121}, "title"),
        ({"body": "\n"}, "body"),
        ({"body": "가" * 20_001}, "body"),
    ],
)
def test_what_is_typed_wrong_is_named(writer: Actor, typed: dict[str, str], wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        posts.write(actor=writer, board=Board.NOTICE, **{"title": "제목", "body": "내용"} | typed)
    assert list(refused.value.fields) == [wrong]


def test_each_move_is_refused_from_every_other_state(writer: Actor) -> None:
    post = notice(writer)
    db.session.commit()
    with pytest.raises(Conflict, match=r"post\.publish\.state"):
        posts.publish(actor=writer, post_id=post.id)
    posts.withdraw(actor=writer, post_id=post.id)
    with pytest.raises(Conflict, match=r"post\.withdraw\.state"):
        posts.withdraw(actor=writer, post_id=post.id)


@pytest.mark.parametrize("role", [each for each in Role if each.name not in ("PROGRAMME_MANAGER", "SYSTEM")])
def test_only_the_programme_manager_writes(writer: Actor, role: Role) -> None:
    post, actor = notice(writer), factories.make_actor(role)
    db.session.commit()
    for act in (
        lambda: posts.write(actor=actor, board=Board.FAQ, title="제목", body="내용"),
        lambda: posts.edit(actor=actor, post_id=post.id, title="제목", body="내용"),
        lambda: posts.withdraw(actor=actor, post_id=post.id),
        lambda: posts.remove_file(actor=actor, post_id=post.id, file_id=1),
    ):
        with pytest.raises((Denied, NotFound)):
            act()


def test_the_lead_agency_lists_every_state(writer: Actor) -> None:
    stands = notice(writer, "게시한 글")
    draft = posts.write(actor=writer, board=Board.FAQ, title="쓰는 글", body="내용")
    auditor = factories.make_actor(Role.AUDITOR)
    assert [post.id for post in posts_reads.listing(actor=auditor)] == [draft.id, stands.id]
    assert [post.id for post in posts_reads.listing(actor=auditor, state=PostState.DRAFT)] == [draft.id]
    assert posts_reads.counts(actor=auditor) == {Board.NOTICE: 1, Board.FAQ: 1}
    with pytest.raises(Denied):
        posts_reads.listing(actor=factories.make_actor(Role.REVIEWER))


def test_the_platform_comes_with_answers_once(writer: Actor) -> None:
    programmes.create_programme(actor=CLOCK, year=2020)
    assert [post.title for post in posts_reads.questions()] == [title for title, _ in QUESTIONS]
    posts.withdraw(actor=writer, post_id=posts_reads.questions()[0].id)
    programmes.create_programme(actor=CLOCK, year=2021)
    assert len(posts_reads.questions()) == len(QUESTIONS) - 1


def test_a_page_of_the_board_costs_the_same_however_many_there_are(writer: Actor) -> None:
    def statements() -> int:
        seen: list[object] = []

        def count(*arguments: object) -> None:
            seen.append(arguments[2])

        event.listen(db.engine, "before_cursor_execute", count)
        assert sum(len(post.files) for post in posts_reads.published(board=Board.NOTICE).items)
        event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    def write() -> None:
        file = posts.take_in(file_name="안내.pdf", content=PDF)
        post = posts.write(actor=writer, board=Board.NOTICE, title="공고", body="내용", files=[file])
        posts.publish(actor=writer, post_id=post.id)

    write()
    db.session.commit()
    statements()
    few = statements()
    for _ in range(5):
        write()
    db.session.commit()
    statements()
    assert statements() == few <= 4
