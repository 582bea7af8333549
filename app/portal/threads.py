"""A deal's thread as both sides' pages show it: the form, its sending, its files (R-DEAL-2a, R-FILE-1)."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.file import MultipleFileField
from wtforms import HiddenField, TextAreaField

from app.access import current_actor
from app.errors import Conflict, InvalidInput
from app.portal import lists
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import BaseForm, longest, refusal_to_form
from app.web.pages import key_of, page_args
from app.workflows import deals_reads, threads, threads_reads
from app.workflows.threads_reads import ThreadView


class MessageForm(BaseForm):
    """메시지 보내기"""

    text = TextAreaField("메시지", [longest(threads.MAX_TEXT)])
    files = MultipleFileField("첨부파일")
    form_id = HiddenField()
    """The same when it is pressed twice; a new one with each page."""


def thread_of(deal_id: int) -> dict[str, Any]:
    """What the page shows of the thread, with an empty form."""
    return _shown(deal_id, MessageForm(formdata=None, form_id=str(uuid.uuid4())))


def _shown(deal_id: int, form: MessageForm) -> dict[str, Any]:
    before = key_of(page_args().before) if request.method == "GET" else None
    thread: ThreadView = threads_reads.thread(actor=current_actor(), deal_id=deal_id, before=before)
    return {
        "thread": thread,
        "message_form": form,
        "most_files": threads.MOST_FILES,
        "most_megabytes": threads.MOST_MEGABYTES,
        "longest_message": threads.MAX_TEXT,
    }


def send(deal_id: int, *, here: str) -> ResponseReturnValue | dict[str, Any]:
    """Send what was posted and lead back; or, where something is wrong, what the page shows with it."""
    form = MessageForm()
    if not form.validate_on_submit():
        return _shown(deal_id, form)
    files = [(each.filename or "", each.read()) for each in form.files.data or [] if each and each.filename]
    try:
        threads.post(
            actor=current_actor(),
            deal_id=deal_id,
            text=form.text.data or "",
            token=form.form_id.data or "",
            files=files,
        )
    except InvalidInput as refusal:
        refusal_to_form(form, refusal)
        if files and not form.files.errors:
            form.files.errors = ("파일은 브라우저가 보관하지 않습니다. 다시 선택해 주세요.",)
        return _shown(deal_id, form)
    except Conflict as refusal:
        return refused(refusal, to=here)
    flash("메시지를 보냈습니다. 상대 기업에 알림으로 알려 드립니다.", "success")
    # No fragment: a script that goes where only the fragment differs would stay on the page as it is.
    return redirect(here)


def hand_out(deal_id: int, file_id: int) -> ResponseReturnValue:
    """Shown in the browser: by its content it is a PDF or an image."""
    found = threads_reads.file_for(actor=current_actor(), deal_id=deal_id, file_id=file_id)
    answer = Response(found.content, content_type=found.content_type)
    answer.headers["Content-Disposition"] = disposition("inline", found.file_name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def inbox(*, side: str) -> ResponseReturnValue:
    """Where the other side wrote last, whatever the deal's state. `side`: `company` or `supplier`."""
    size = page_args().size
    rows = deals_reads.with_new_messages(actor=current_actor(), before=lists.cursor(), size=size)
    return render_template(
        "portal/deals/messages.html",
        rows=rows,
        size=size,
        side=side,
        following=lists.following(rows, size, key=lambda row: row.deal.id),
    )
