"""Payments of November: some ripen, some wait, some look wrong in each way that is looked for (R-SET-4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import cycle

from app import clock
from app.db import db
from app.demo import companies, deals
from app.demo.companies import Buyer, Startup
from app.demo.deals import Scene
from app.demo.stage import Stage, business_day_after, instant
from app.models.catalogue import Offering, Supplier
from app.models.numbers import digits
from app.models.vouchers import InstrumentKind
from app.workflows import company_edits, instrument_issue, signup

SELECTED = date(2020, 10, 26)
EARLY, LATE = date(2020, 11, 3), date(2020, 11, 10)
"""The first ripen by their age until the demonstration begins; the last are used for some days only."""
AGAIN = (14, 15)
"""Companies with a card that buy once more, by their place among the buyers."""
MINUTES = 12
"""Between the issue and the payment of a whole voucher."""
NAMES = ("twin", "hasty", "there", "back", "early1", "early2", "late")
"""What the seven companies are there for, in the order of the file."""


def play(stage: Stage, buyers: list[Buyer], on_sale: list[Offering]) -> list[Buyer]:
    """Seven companies of a file of their own, which pay by ZeroPay, and two that buy again by card. Returns
    the seven."""
    sellers = [db.session.get_one(Supplier, key) for key in sorted(stage.suppliers)]
    twin, there, back = sellers[4], sellers[5], sellers[8]
    goods = {seller.id: cycle([row for row in on_sale if row.supplier_id == seller.id]) for seller in sellers}
    others = cycle([row for row in on_sale if row.supplier_id in {one.id for one in sellers[1:4]}])
    people = _joined(stage, twin, there, back)

    def scene(name: str, offerings: Iterator[Offering], day: date = EARLY) -> Scene:
        return Scene(stage, people[name], offerings, day)

    for name in NAMES:
        if name != "hasty":
            deals.issue(stage, people[name], business_day_after(SELECTED, 2), instant(LATE))
    _move_in(people["twin"], twin)
    for name, seller in (("twin", twin), ("there", back), ("back", there)):
        deals.bought(scene(name, goods[seller.id]), plan=0)
    for name in ("early1", "early2"):
        deals.bought(scene(name, others), plan=0)
    deals.bought(scene("late", others, LATE), plan=0)
    _spend_at_once(scene("hasty", cycle(on_sale)))
    for place in AGAIN:
        deals.bought(Scene(stage, buyers[place], others, EARLY), plan=0)
    return list(people.values())


def _joined(stage: Stage, twin: Supplier, there: Supplier, back: Supplier) -> dict[str, Buyer]:
    """One has the mobile phone of a supplier; behind two stand suppliers that buy from each other."""
    words, agency = stage.words, signup.agencies()[0].name
    rows = []
    for place, name in enumerate(NAMES):
        behind = {"there": there, "back": back}.get(name)
        rows.append(
            Startup(
                login=f"ks{SELECTED:%m%d}{place + 1:03}",
                name=behind.name if behind else words.company(corporate=True),
                corporate=True,
                business_number=behind.business_number if behind else words.business_number(corporate=True),
                representative=behind.representative if behind else words.person(),
                phone=digits(twin.contact_phone or "") if name == "twin" else words.mobile(),
                agency=agency,
                kind=InstrumentKind.ZEROPAY,
            )
        )
    return dict(zip(NAMES, companies.take_file(stage, SELECTED, rows), strict=True))


def _move_in(buyer: Buyer, seller: Supplier) -> None:
    """To the street and number of the supplier from which it is about to buy."""
    with clock.at(instant(EARLY, 9)):
        company_edits.edit(actor=buyer.actor, changes={"address": seller.address})


def _spend_at_once(scene: Scene) -> None:
    """All of the voucher goes minutes after the certificates can be used; the bill lay ready."""
    deal = deals.billed(scene, plan=2, worth=deals.WHOLE_VOUCHER)
    issued = instant(business_day_after(scene.day, 1) + timedelta(days=1), 10)
    with clock.at(issued):
        instrument_issue.request(actor=scene.buyer.actor, account=None)
        instrument_issue.refresh_own(actor=scene.buyer.actor)
    deals.pay_at(scene, deal, issued + timedelta(minutes=MINUTES))
