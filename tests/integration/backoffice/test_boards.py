"""Upkeep of categories and boards in the console (R-CAT-1, R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select

from app.db import db
from app.models.catalogue import Category
from app.models.posts import Board, Post, PostState
from app.policy import Role
from app.workflows import posts
from tests import factories as make
from tests.integration.workflows.shop import PDF


def text(answer: Any) -> str:
    return str(answer.get_data(as_text=True))


# --- categories -----------------------------------------------------------------------------------------


def test_categories_are_kept_on_one_page(world: Any, browser: Any, said: Any) -> None:
    first, second = make.make_category(name="화상회의"), make.make_category(name="보안")
    db.session.commit()
    client, here = browser(Role.PROGRAMME_MANAGER), "/console/categories/"
    assert "같은 이름의 분야가 있습니다." in text(client.post(f"{here}add", data={"name": "보안"}))
    assert "‘비대면 법률’ 분야를 더했습니다." in said(client, f"{here}add", data={"name": "비대면 법률"})
    said(client, f"{here}{second.id}/up")
    assert second.position < first.position
    assert 'value="보안"' in text(client.get(f"{here}{second.id}"))
    assert "이름을 바꾸었습니다." in said(client, f"{here}{second.id}", data={"name": "네트워크 보안"})
    assert client.get(f"{here}?format=xlsx").data[:2] == b"PK"
    assert client.get(f"{here}999999").status_code == 404


def test_closing_a_category_is_asked_first(world: Any, browser: Any, said: Any) -> None:
    category, other = make.make_category(), make.make_category()
    db.session.commit()
    client = browser(Role.SYSTEM_ADMIN)
    address = f"/console/categories/{category.id}/close"
    assert "이 분야를 닫을까요?" in text(client.post(address)) and category.is_open
    said(client, address, data={"confirmed": "1"})
    assert not category.is_open
    refused = said(client, f"/console/categories/{other.id}/close", data={"confirmed": "1"})
    assert "마지막 분야는 닫을 수 없습니다." in refused
    said(client, f"/console/categories/{category.id}/open")
    assert db.session.get_one(Category, category.id).is_open


def test_an_added_category_can_be_chosen_in_the_settings(world: Any, browser: Any, said: Any) -> None:
    """R-JOIN-7a"""
    client = browser(Role.PROGRAMME_MANAGER)
    said(client, "/console/categories/add", data={"name": "비대면 법률"})
    code = db.session.scalars(select(Category.code).where(Category.name == "비대면 법률")).one()
    address = f"/console/programme/{world.programme.id}"
    assert "비대면 법률" in text(client.get("/console/programme/"))
    said(client, f"{address}/categories", data={"category_codes": [code]})
    assert world.programme.category_codes == [code]


@pytest.mark.parametrize("role", [Role.BUDGET_OFFICER, Role.REVIEWER])
def test_categories_are_not_everybodys(world: Any, browser: Any, role: Role) -> None:
    client = browser(role)
    assert client.get("/console/categories/").status_code == 403
    assert client.post("/console/categories/add", data={"name": "새 분야"}).status_code == 403


def test_the_auditor_reads_categories_and_changes_none(world: Any, browser: Any) -> None:
    """R-ROLE-3"""
    category = make.make_category(name="화상회의")
    db.session.commit()
    client = browser(Role.AUDITOR)
    page = text(client.get("/console/categories/"))
    assert (
        category.name in page
        and "분야 더하기" not in page
        and f"/console/categories/{category.id}" not in page
    )
    assert client.get("/console/categories/?format=csv").status_code == 200
    here = f"/console/categories/{category.id}"
    assert client.get(here).status_code == 403
    for address in (here, f"{here}/up", f"{here}/close", "/console/categories/add"):
        assert client.post(address, data={"name": "새 분야"}).status_code == 403


# --- boards ---------------------------------------------------------------------------------------------


def only_post() -> Post:
    return db.session.scalars(select(Post)).one()


def test_a_notice_from_the_draft_to_the_public_page_and_down(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    data = {
        "board": "notice",
        "title": "모집 공고",
        "body": "첫 문단\n\n<b>둘째</b> 문단",
        "is_pinned": "y",
        "files": [(BytesIO(PDF), "공고문.pdf")],
    }
    page = said(client, "/console/posts/new", data=data)
    post = only_post()
    assert "<p>첫 문단</p>" in page and "&lt;b&gt;둘째" in page and "공고문.pdf" in page
    assert (post.state, post.is_pinned) == (PostState.DRAFT, True)
    here = f"/console/posts/{post.id}"
    assert client.get(f"/notices/{post.id}").status_code == 404
    assert client.get(f"{here}/files/{post.files[0].id}").data == PDF
    said(client, f"{here}/publish")
    assert client.get(f"/notices/{post.id}").status_code == 200
    assert "이 글을 내릴까요?" in text(client.post(f"{here}/withdraw")) and post.state is PostState.PUBLISHED
    said(client, f"{here}/withdraw", data={"confirmed": "1"})
    assert post.state is PostState.WITHDRAWN and client.get(f"/notices/{post.id}").status_code == 404


def test_a_published_post_is_edited_with_a_warning(world: Any, browser: Any, said: Any) -> None:
    actor = world.staff[Role.PROGRAMME_MANAGER].actor()
    post = posts.write(actor=actor, board=Board.FAQ, title="처음", body="내용")
    posts.publish(actor=actor, post_id=post.id)
    client = browser(Role.PROGRAMME_MANAGER)
    here = f"/console/posts/{post.id}/edit"
    form = text(client.get(here))
    assert "게시 중인 글입니다." in form and 'value="처음"' in form
    wrong = client.post(here, data={"title": "", "body": "고친 내용"})
    assert wrong.status_code == 422 and "고친 내용" in text(wrong)
    assert "수정한 내용을 저장했습니다." in said(client, here, data={"title": "나중", "body": "고친 내용"})
    assert post.title == "나중"


def test_a_wrong_attachment_says_so_and_keeps_what_was_typed(world: Any, browser: Any) -> None:
    data = {"board": "faq", "title": "제목", "body": "내용", "files": [(BytesIO(b"<html>"), "공고.pdf")]}
    answer = browser(Role.PROGRAMME_MANAGER).post("/console/posts/new", data=data)
    assert answer.status_code == 422 and "PDF, JPEG, PNG 파일만" in text(answer)
    assert 'value="제목"' in text(answer) and db.session.scalar(select(Post.id)) is None


def test_an_attachment_is_taken_away_after_a_question(world: Any, browser: Any, said: Any) -> None:
    actor = world.staff[Role.PROGRAMME_MANAGER].actor()
    file = posts.take_in(file_name="옛 안내.pdf", content=PDF)
    post = posts.write(actor=actor, board=Board.NOTICE, title="제목", body="내용", files=[file])
    client = browser(Role.PROGRAMME_MANAGER)
    address = f"/console/posts/{post.id}/files/{post.files[0].id}/remove"
    assert "이 첨부 파일을 지울까요?" in text(client.post(address))
    assert "옛 안내.pdf" not in said(client, address, data={"confirmed": "1"})


def test_the_list_filters_and_exports_and_others_only_read(world: Any, browser: Any) -> None:
    actor = world.staff[Role.PROGRAMME_MANAGER].actor()
    draft = posts.write(actor=actor, board=Board.NOTICE, title="쓰는 공고", body="내용")
    posts.write(actor=actor, board=Board.FAQ, title="쓰는 질문", body="내용")
    db.session.commit()
    client, here = browser(Role.AUDITOR), "/console/posts/"
    page = text(client.get(here))
    assert "쓰는 공고" in page and "쓰는 질문" not in page and "새 글 쓰기" not in page
    assert "쓰는 질문" in text(client.get(f"{here}?board=faq"))
    assert "쓰는 공고" not in text(client.get(f"{here}?state=published"))
    assert "조건에 맞는 글이 없습니다." in text(client.get(f"{here}?q=없는말"))
    assert client.get(f"{here}?format=xlsx").data[:2] == b"PK"
    for address in (f"{here}{draft.id}/publish", f"{here}{draft.id}/edit", f"{here}new"):
        assert client.post(address, data={"title": "제목", "body": "내용"}).status_code == 403
    assert draft.state is PostState.DRAFT
