"""일괄 처리 in the console: preview, start, progress, result (R-SCR-3c, R-SCR-4, R-ROLE-4)."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.db import db
from app.models.applications import ApplicationState as State
from app.models.bulk import BulkRun, BulkState
from app.models.vouchers import Voucher
from app.policy import Role
from app.workflows import bulk
from tests import factories as make


def _preview(client: Any, **data: Any) -> str:
    """The address of the run that the preview leads to."""
    answer = client.post("/console/bulk/preview", data=data)
    assert answer.status_code == 302, answer.get_data(as_text=True)[:500]
    found: str = answer.headers["Location"]
    assert re.fullmatch(r"/console/bulk/\d+", found), found
    return found


def _last() -> BulkRun:
    found: BulkRun = db.session.scalars(select(BulkRun).order_by(BulkRun.id.desc())).first()
    return found


def test_a_bulk_shows_first_what_it_would_do_and_then_what_it_did(world: Any, browser: Any) -> None:
    """R-SCR-3c, R-SCR-4, R-ROLE-4"""
    poor = make.make_agency()
    make.make_agency_budget(programme=world.programme, agency=poor)
    officer = world.staff[Role.BUDGET_OFFICER]
    good = world.case(State.SCREENED)
    without = world.case(State.SCREENED, agency_id=poor.id)
    own = world.case(State.SCREENED, screened_by_id=officer.id)
    moved = world.case(State.SCREENING)
    ids = [case.id for case in (good, without, own, moved)]
    client = browser(Role.BUDGET_OFFICER)
    address = _preview(client, kind="confirm", id=ids)
    page = client.get(address).get_data(as_text=True)
    for words in (
        "1건 예산확정 실행",
        "예산이 부족한 1건은",
        "남은 예산이 부족",
        "본인이 심사한 건",
        "심사중&#39; 상태",
        "3,600,000원",
    ):
        assert words in page, words
    cannot = client.get(f"{address}?part=cannot").get_data(as_text=True)
    assert good.company.name not in cannot and own.company.name in cannot
    assert "되돌릴 수 없습니다" in client.post(f"{address}/start").get_data(as_text=True)
    assert (good.state, _last().state) == (State.SCREENED, BulkState.PREVIEWED)
    for _ in range(2):
        client.post(f"{address}/start", data={"confirmed": "1"})
        assert _last().state is BulkState.RUNNING
    assert "0 / 4" not in client.get(address).get_data(as_text=True)
    bulk.work(run_id=_last().id)
    page = client.get(address).get_data(as_text=True)
    assert "처리됨 1건, 처리하지 못함 3건, 남음 0건" in page
    assert [case.state for case in (good, without, own)] == [State.APPROVED, State.SCREENED, State.SCREENED]
    assert db.session.query(Voucher).filter_by(company_id=good.company_id).count() == 1
    sheet = load_workbook(io.BytesIO(client.get(f"{address}?format=xlsx").data)).active
    lines = {row[1]: row[5] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert lines[good.receipt_number] == "처리됨" and lines[own.receipt_number] == "처리하지 못함"
    assert client.get("/console/bulk/?format=csv").get_data().startswith(b"\xef\xbb\xbf")


def test_all_that_the_filters_leave(world: Any, browser: Any) -> None:
    cases = [world.case(State.SCREENED) for _ in range(3)]
    elsewhere = make.make_agency()
    world.case(State.SCREENED, agency_id=elsewhere.id)
    client = browser(Role.BUDGET_OFFICER)
    listed = client.get(f"/console/budget/?agency={world.agency.id}").get_data(as_text=True)
    found = re.search(r'formaction="([^"]*everything=1[^"]*)"', listed)
    assert found is not None
    answer = client.post(found.group(1).replace("&amp;", "&"), data={"kind": "confirm"})
    assert answer.status_code == 302 and _last().rows == len(cases)


def test_screening_and_assigning_from_the_queue(world: Any, browser: Any) -> None:
    """The queue's own filter `kind` stands beside the button's."""
    waiting = [world.case() for _ in range(2)]
    world.case(State.SCREENED)
    client = browser(Role.MANAGER)
    _preview(client, kind=["corporate", "screen"], everything="1", state="screening")
    assert _last().rows == 2
    reviewer = world.staff[Role.REVIEWER]
    address = _preview(client, kind="assign", id=waiting[0].id, account_id=reviewer.id)
    assert reviewer.name in client.get(address).get_data(as_text=True)
    client.post(f"{address}/start", data={"confirmed": "1"})
    bulk.work(run_id=_last().id)
    assert waiting[0].assigned_to_id == reviewer.id


def test_sending_back_asks_for_the_reason(world: Any, browser: Any) -> None:
    application = world.case(State.SCREENED)
    client = browser(Role.BUDGET_OFFICER)
    data = {"kind": "send_back", "id": application.id}
    asked = client.post("/console/bulk/preview", data=data).get_data(as_text=True)
    assert 'name="reason"' in asked and f'name="id" value="{application.id}"' in asked
    address = _preview(client, **data, confirmed="1", reason="서류 재확인")
    page = client.get(address).get_data(as_text=True)
    assert "서류 재확인" in page and "운영기관이 다시 심사" in page
    client.post(f"{address}/start", data={"confirmed": "1"})
    bulk.work(run_id=_last().id)
    assert (application.state, application.reason) == (State.SCREENING, "서류 재확인")


def test_nothing_ticked_says_so(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.BUDGET_OFFICER)
    assert "선택해 주세요" in said(client, "/console/bulk/preview")
    assert "선택해 주세요" in said(client, "/console/bulk/preview", data={"kind": "confirm"})


def test_progress_comes_as_a_fragment_until_it_stands_still(world: Any, browser: Any) -> None:
    client = browser(Role.BUDGET_OFFICER)
    address = _preview(client, kind="confirm", id=world.case(State.SCREENED).id)
    client.post(f"{address}/start", data={"confirmed": "1"})
    page = client.get(address).get_data(as_text=True)
    assert f'hx-get="{address}/progress"' in page and "<progress" in page and 'aria-live="polite"' in page
    running = client.get(f"{address}/progress")
    assert "HX-Refresh" not in running.headers and "hx-get" in running.get_data(as_text=True)
    client.post(f"{address}/stop", data={"confirmed": "1"})
    stopped = client.get(f"{address}/progress")
    assert stopped.headers["HX-Refresh"] == "true" and "hx-get" not in stopped.get_data(as_text=True)
    assert "이어서 실행" in client.get(address).get_data(as_text=True)
    client.post(f"{address}/resume")
    assert _last().state is BulkState.RUNNING


def test_a_preview_is_taken_back(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.BUDGET_OFFICER)
    address = _preview(client, kind="confirm", id=world.case(State.SCREENED).id)
    assert "취소할까요" in client.post(f"{address}/discard").get_data(as_text=True)
    assert "취소했습니다" in said(client, f"{address}/discard", data={"confirmed": "1"})
    assert client.get(address).status_code == 404


def test_the_runs_of_another_side_are_unknown(world: Any, browser: Any) -> None:
    """R-ROLE-2"""
    address = _preview(browser(Role.BUDGET_OFFICER), kind="confirm", id=world.case(State.SCREENED).id)
    assert browser(Role.MANAGER).get(address).status_code == 404
    assert "내역이 없습니다" in browser(Role.MANAGER).get("/console/bulk/").get_data(as_text=True)
    auditor = browser(Role.AUDITOR)
    assert address in auditor.get("/console/bulk/").get_data(as_text=True)
    page = auditor.get(address).get_data(as_text=True)
    assert "만든 사람만" in page and f'action="{address}/start"' not in page


def test_who_may_not_do_the_act_may_not_preview_it(world: Any, browser: Any, said: Any) -> None:
    """R-ROLE-3"""
    application = world.case(State.SCREENED)
    text = said(
        browser(Role.MANAGER), "/console/bulk/preview", data={"kind": "confirm", "id": application.id}
    )
    assert "권한이 없습니다" in text and db.session.scalar(select(BulkRun.id)) is None
    assert browser(Role.REVIEWER).post("/console/bulk/preview").status_code == 403


def test_more_than_can_be_done_at_once_is_said(
    world: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SCR-3c: the first of the list, and that there are more."""
    monkeypatch.setattr(bulk, "MOST_ROWS", 2)
    for _ in range(3):
        world.case(State.SCREENED)
    client = browser(Role.BUDGET_OFFICER)
    address = _preview(client, kind="confirm", everything="1")
    assert _last().rows == 2
    assert "2건을 넘어 목록의 앞에서 2건만 골랐습니다" in client.get(address).get_data(as_text=True)
