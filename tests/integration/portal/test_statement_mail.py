"""The supplier sees of each statement whether its mail went out (R-SET-2, R-MSG-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db
from app.models.mails import StatementMail
from app.models.record import Notice
from app.policy import Role
from app.workflows import mails
from tests import factories
from tests.settled import Officers, make_paid


def test_each_statement_says_what_became_of_its_mail(site: Any, log_in_as: Any) -> None:
    programme, supplier, other = (
        factories.make_programme(),
        factories.make_supplier(),
        factories.make_supplier(),
    )
    supplier.email = "bounce@example.com"
    for seller in (supplier, other):
        make_paid(programme, seller, paid_at=clock.now() - timedelta(days=11))
    db.session.commit()
    Officers().settled(programme)
    account = factories.make_account(Role.SUPPLIER, supplier_id=supplier.id)
    db.session.commit()
    page = log_in_as(account).get("/supply/settlement?tab=lines").get_data(as_text=True)
    assert "메일 보내는 중" in page
    mail = db.session.scalars(select(StatementMail).where(StatementMail.supplier_id == supplier.id)).one()
    mails.send({"mail_id": mail.id}, f"statement_mail:{mail.id}")
    browser = log_in_as(account)
    page = browser.get("/supply/settlement?tab=lines").get_data(as_text=True)
    assert "메일 발송 실패: 메일을 받을 수 없는 주소입니다." in page
    assert "정산내역서를 메일로 보내지 못했습니다" in browser.get("/notifications").get_data(as_text=True)
    told = select(Notice.supplier_id).where(Notice.text.startswith("정산내역서를 메일로"))
    assert list(db.session.scalars(told)) == [supplier.id]
