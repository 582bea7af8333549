"""사업공고 and 자주 묻는 질문 as anybody reads them (R-PUB-1, R-PUB-2, R-FILE-1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.models.posts import Board, Post
from app.policy import CLOCK, Actor, Role
from app.workflows import posts, programmes
from app.workflows.shipped_posts import QUESTIONS
from tests import factories
from tests.integration.portal.applicant import text
from tests.integration.workflows.shop import PDF


@pytest.fixture
def writer(site: Flask) -> Actor:
    programmes.create_programme(actor=CLOCK, year=2020)
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def published(writer: Actor, title: str, **fields: Any) -> Post:
    post = posts.write(actor=writer, **{"board": Board.NOTICE, "title": title, "body": "내용"} | fields)
    posts.publish(actor=writer, post_id=post.id)
    db.session.commit()
    return post


def test_the_list_finds_and_pages_and_shows_pinned_first(site: Flask, writer: Actor) -> None:
    for place in range(11):
        published(writer, f"공고 {place:02}", is_pinned=place == 0)
    visitor = site.test_client()
    page = text(visitor.get("/notices"))
    assert page.index("공고 00") < page.index("공고 10") and "공고 01" not in page
    assert "총 <strong>11</strong>건" in page
    assert "공고 01" in text(visitor.get("/notices?page=2"))
    found = text(visitor.get("/notices?q=공고+07"))
    assert "공고 07" in found and "공고 08" not in found
    assert "에 맞는 공고가 없습니다." in text(visitor.get("/notices?q=없는말"))
    assert text(visitor.get("/notices?page=글자&q=%00")).count("<h1>") == 1


def test_a_notice_has_its_files_and_its_neighbours(site: Flask, writer: Actor) -> None:
    old = published(writer, "앞선 공고")
    file = posts.take_in(file_name="공고문.pdf", content=PDF)
    post = published(writer, "가운데 공고", body="링크 https://example.com/a?b=1 입니다.", files=[file])
    new = published(writer, "다음 공고")
    visitor = site.test_client()
    page = text(visitor.get(f"/notices/{post.id}"))
    assert '<a href="https://example.com/a?b=1" rel="noopener nofollow">' in page
    assert f"/notices/{old.id}" in page and f"/notices/{new.id}" in page
    handed = visitor.get(f"/notices/{post.id}/files/{post.files[0].id}")
    assert handed.data == PDF and handed.headers["Content-Disposition"].startswith("attachment")
    posts.withdraw(actor=writer, post_id=post.id)
    assert visitor.get(f"/notices/{post.id}").status_code == 404
    assert visitor.get(f"/notices/{post.id}/files/{post.files[0].id}").status_code == 404


def test_support_answers_what_was_shipped_and_what_was_written(site: Flask, writer: Actor) -> None:
    published(writer, "새 질문", board=Board.FAQ, body="<script>alert(1)</script>")
    page = text(site.test_client().get("/support"))
    for title, _ in QUESTIONS:
        assert title in page
    assert "새 질문" in page and "<script>alert(1)" not in page
    assert "새 질문" not in text(site.test_client().get("/notices"))
