"""대기·예산 안내: who waits for a budget, what they were offered, what they answered (R-SCR-4)."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import allowed, current_actor, needs
from app.backoffice import ways_back
from app.backoffice.parts import (
    Page,
    agency_options,
    decide,
    everything,
    export_format,
    listed,
    number_of,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.offers import OfferState
from app.models.programme import Programme
from app.policy import Permission
from app.web.pages import page_url
from app.workflows import budget_overview, offers, offers_accepted, offers_reads, programmes
from app.workflows.offers import OFFER

WAITING: list[Column[Any]] = [
    Column("순서", lambda r: r.place, kind="number"),
    Column("접수번호", lambda r: r.application.receipt_number),
    Column("기업명", lambda r: r.application.company.name),
    Column("접수일시", lambda r: r.application.submitted_at, kind="instant"),
    Column("평가점수", lambda r: r.application.score, kind="number"),
    Column("대기 시작", lambda r: r.application.waitlisted_at, kind="instant"),
    Column("기한 경과(회)", lambda r: r.lapses, kind="number"),
    Column("안내", lambda r: r.offer.state.label if r.offer else ""),
]
OFFERS: list[Column[Any]] = [
    Column("접수번호", lambda o: o.application.receipt_number),
    Column("기업명", lambda o: o.application.company.name),
    Column("운영기관", lambda o: o.application.agency.name),
    Column("정부지원금", lambda o: o.amount, kind="won"),
    Column("상태", lambda o: o.state.label),
    Column("안내일시", lambda o: o.offered_at, kind="instant"),
    Column("답변 기한", lambda o: o.due_at, kind="instant"),
    Column("답변일시", lambda o: o.answered_at, kind="instant"),
    Column("사유", lambda o: o.reason or ""),
]
ACCEPTED: list[Column[Any]] = [
    Column("접수번호", lambda r: r.offer.application.receipt_number),
    Column("기업명", lambda r: r.offer.application.company.name),
    Column("운영기관", lambda r: r.offer.application.agency.name),
    Column("정부지원금", lambda r: r.offer.amount, kind="won"),
    Column("안내일시", lambda r: r.offer.offered_at, kind="instant"),
    Column("수락일시", lambda r: r.offer.answered_at, kind="instant"),
    Column("수락 후 경과(영업일)", lambda r: r.days, kind="number"),
]


class Tab(NamedTuple):
    label: str
    states: tuple[OfferState, ...] = ()
    """None: those who wait, not the offers."""


TABS = {
    "waiting": Tab("대기 순서"),
    "offered": Tab("답변 대기", (OfferState.OFFERED,)),
    "accepted": Tab("수락한 기업", (OfferState.ACCEPTED,)),
    "ended": Tab("지난 안내", offers_reads.ENDED),
}


class Offers(Page):
    """Lists of cases: for whoever may see cases. Everybody else has the sums of 예산 현황."""

    permission = Permission.BUDGET_VIEW

    def is_accessible(self) -> bool:
        return super().is_accessible() and allowed(Permission.SCREENING_VIEW)

    @expose("/")
    def index(self) -> ResponseReturnValue:
        tab = typed("tab") if typed("tab") in TABS else "waiting"
        programme, agency_id = programmes.current(), number_of("agency")
        if tab == "waiting":
            return self._waiting(programme, agency_id)
        if tab == "accepted":
            return self._accepted(programme, agency_id)
        asked: dict[str, Any] = {
            "programme_id": programme.id,
            "states": TABS[tab].states,
            "agency_id": agency_id,
        }
        if export_format():
            rows = everything(offers_reads.listing, **asked)
            return spreadsheet(rows, OFFERS, name=f"예산 안내 {TABS[tab].label}")
        listing = listed(offers_reads.listing, default_size=50, **asked)
        return self._show(programme, tab, agency_id, listing=listing)

    def _accepted(self, programme: Programme, agency_id: int | None) -> ResponseReturnValue:
        """No deadline ends these: the oldest first, with how long they stand."""
        old = typed("old") == "1"
        asked: dict[str, Any] = {"programme": programme, "agency_id": agency_id, "old": old}
        if export_format():
            rows = everything(offers_accepted.listing, cursor="after", **asked)
            return spreadsheet(rows, ACCEPTED, name="예산 안내 수락한 기업")
        listing = listed(offers_accepted.listing, cursor="after", default_size=50, **asked)
        standing = offers_accepted.by_agency(actor=current_actor(), programme=programme)
        return self._show(
            programme,
            "accepted",
            agency_id,
            listing=listing,
            old=old,
            standing=[each for each in standing if agency_id in (None, each.agency_id)],
            mine=current_actor().id,
        )

    def _waiting(self, programme: Programme, agency_id: int | None) -> ResponseReturnValue:
        """A line is one agency's: without a choice, of the first where somebody waits."""
        found = offers_reads.waiting_by_agency(actor=current_actor(), programme_id=programme.id)
        options = agency_options()
        if agency_id is None:
            agency_id = next((key for key, _ in options if found.get(key)), options[0][0] if options else 0)
        asked: dict[str, Any] = {"programme": programme, "agency_id": agency_id}
        if export_format():
            rows = everything(offers_reads.waiting, cursor="after", **asked)
            return spreadsheet(rows, WAITING, name="예산 대기 순서")
        listing = listed(offers_reads.waiting, cursor="after", default_size=50, **asked)
        return self._show(
            programme, "waiting", agency_id, listing=listing, line=self._line(programme, agency_id)
        )

    def _line(self, programme: Programme, agency_id: int) -> Any:
        lines = budget_overview.overview(
            actor=current_actor(), programme_id=programme.id, agency_id=agency_id
        )
        return lines[0] if lines else None

    def _show(
        self, programme: Programme, tab: str, agency_id: int | None, **found: Any
    ) -> ResponseReturnValue:
        actor = current_actor()
        waiting = offers_reads.waiting_by_agency(actor=actor, programme_id=programme.id)
        counts = offers_reads.counts(actor=actor, programme_id=programme.id)
        numbers = {"waiting": sum(waiting.values())}
        numbers |= {name: sum(counts[s] for s in each.states) for name, each in TABS.items() if each.states}
        tabs = [
            {
                "label": each.label,
                "url": page_url(tab=name),
                "active": name == tab,
                "count": numbers[name],
            }
            for name, each in TABS.items()
        ]
        return self.render(
            f"backoffice/budget/offers_{tab if tab in ('waiting', 'accepted') else 'list'}.html",
            programme=programme,
            tab=tab,
            tabs=tabs,
            agency_id=agency_id,
            agencies=agency_options(),
            waiting=waiting,
            now=clock.now(),
            written=clock.write_deadline,
            here=ways_back.here(),
            **found,
        )

    @expose("/<int:id>/withdraw", methods=["POST"])
    @needs(Permission.BUDGET_CONFIRM)
    def withdraw(self, id: int) -> ResponseReturnValue:
        return decide(
            OFFER,
            "withdraw",
            offers.withdraw,
            to=ways_back.from_form(url_for(".index", tab="offered")),
            name="예산 안내",
            offer_id=id,
        )
