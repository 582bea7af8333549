"""게시판: 사업공고 and 자주 묻는 질문, from the draft to the public page (R-PUB-1, R-PUB-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, StringField, TextAreaField

from app.access import current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.errors import InvalidInput
from app.models.posts import Board, Post, PostState
from app.policy import Permission
from app.web import confirm
from app.web.files import disposition
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.pages import page_url
from app.web.prose import prose
from app.workflows import posts, posts_reads
from app.workflows.attachments import Incoming
from app.workflows.posts import POST

MOVES: dict[str, Callable[..., Any]] = {"publish": posts.publish, "withdraw": posts.withdraw}
COLUMNS: list[Column[Any]] = [
    Column("게시판", lambda p: p.board.label),
    Column("제목", lambda p: p.title),
    Column("상태", lambda p: p.state.label),
    Column("상단 고정", lambda p: "고정" if p.is_pinned else ""),
    Column("게시일", lambda p: p.published_at, kind="instant"),
    Column("작성자", lambda p: p.author.name if p.author else "기본 제공"),
    Column("최근 수정", lambda p: p.updated_at, kind="instant"),
]


class PostForm(BaseForm):
    title = StringField("제목", [Required(), longest(posts.MAX_TITLE)])
    body = TextAreaField("내용", [Required(), longest(posts.MAX_BODY)])
    is_pinned = BooleanField("목록 맨 위에 고정")
    files = MultipleFileField("첨부 파일", [])

    def taken_in(self) -> list[Incoming]:
        """The attachments, kept. Raises InvalidInput."""
        uploads = [upload for upload in self.files.data or [] if upload and upload.filename]
        return [posts.take_in(file_name=each.filename or "", content=each.read()) for each in uploads]


class Posts(Page):
    permission = Permission.DEAL_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        board = chosen(Board, "board") or Board.NOTICE
        asked: dict[str, Any] = {"board": board, "state": chosen(PostState), "text": typed("q")}
        if export_format():
            return spreadsheet(everything(posts_reads.listing, **asked), COLUMNS, name=board.label)
        counts = posts_reads.counts(actor=current_actor())
        tabs = [
            {
                "label": each.label,
                "url": page_url(board=each.value, state=None, q=None),
                "active": each is board,
                "count": counts[each],
            }
            for each in Board
        ]
        return self.render(
            "backoffice/posts/list.html",
            listing=listed(posts_reads.listing, **asked),
            asked=asked,
            board=board,
            tabs=tabs,
            states=[(each.value, each.label) for each in PostState],
            may_write=_may_write(),
        )

    @expose("/new", methods=["GET", "POST"])
    @needs(Permission.POST_WRITE)
    def new(self) -> ResponseReturnValue:
        board = next((each for each in Board if each.value == request.values.get("board")), Board.NOTICE)
        form = PostForm()
        if form.validate_on_submit():
            try:
                post = posts.write(actor=current_actor(), board=board, **_typed(form))
            except InvalidInput as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("저장했습니다. 미리보기를 확인하고 게시해 주세요.", "success")
                return redirect(url_for(".show", id=post.id))
        return self._form_page(form, board, None)

    @expose("/<int:id>/edit", methods=["GET", "POST"])
    @needs(Permission.POST_WRITE)
    def edit(self, id: int) -> ResponseReturnValue:
        post = posts_reads.get(actor=current_actor(), post_id=id)
        form = PostForm(obj=None, data={n: getattr(post, n) for n in ("title", "body", "is_pinned")})
        if form.validate_on_submit():
            try:
                posts.edit(actor=current_actor(), post_id=id, **_typed(form))
            except InvalidInput as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("수정한 내용을 저장했습니다.", "success")
                return redirect(url_for(".show", id=id))
        return self._form_page(form, post.board, post)

    def _form_page(self, form: PostForm, board: Board, post: Post | None) -> ResponseReturnValue:
        files = post.files if post else []
        existing = [{"name": file.file_name, "size": file.size} for file in files]
        page = self.render("backoffice/posts/form.html", form=form, board=board, post=post, existing=existing)
        return page, 422 if form.errors or form.form_errors else 200

    @expose("/<int:id>")
    def show(self, id: int) -> ResponseReturnValue:
        """The post as the public sees it, before it is published too."""
        actor = current_actor()
        post = posts_reads.get(actor=actor, post_id=id)
        return self.render(
            "backoffice/posts/show.html",
            post=post,
            prose=prose,
            edges=[edge for edge in POST.open_to(actor, post) if edge.action in MOVES],
            may_write=_may_write(),
        )

    @expose("/<int:id>/<any(publish, withdraw):action>", methods=["POST"])
    @needs(Permission.POST_WRITE)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        post = posts_reads.get(actor=current_actor(), post_id=id)
        to = url_for(".show", id=id)
        return decide(POST, action, MOVES[action], to=to, name=post.title, post_id=id)

    @expose("/<int:id>/files/<int:file_id>")
    def file(self, id: int, file_id: int) -> Response:
        handed = posts_reads.file_for(actor=current_actor(), post_id=id, file_id=file_id)
        response = Response(handed.content, content_type=handed.content_type)
        response.headers["Content-Disposition"] = disposition("attachment", handed.file_name)
        response.headers["Cache-Control"] = "no-store"
        return response

    @expose("/<int:id>/files/<int:file_id>/remove", methods=["POST"])
    @needs(Permission.POST_WRITE)
    def remove_file(self, id: int, file_id: int) -> ResponseReturnValue:
        to = url_for(".show", id=id)
        question = confirm.ask(question="이 첨부 파일을 지울까요?", label="삭제", cancel_url=to)
        if question is not None:
            return question
        return run(posts.remove_file, to=to, done="첨부 파일을 지웠습니다.", post_id=id, file_id=file_id)


def _may_write() -> bool:
    return current_actor().may(Permission.POST_WRITE)


def _typed(form: PostForm) -> dict[str, Any]:
    """What the workflow takes. Raises InvalidInput where a file is refused."""
    return {
        "title": form.title.data or "",
        "body": form.body.data or "",
        "is_pinned": bool(form.is_pinned.data),
        "files": form.taken_in(),
    }
