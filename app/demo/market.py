"""The suppliers and their sixty services, registered, screened and approved by the verbs."""

from __future__ import annotations

from app.demo import suppliers
from app.demo.services import put_on_offer
from app.demo.stage import Stage
from app.demo.words import SERVICES
from app.models.catalogue import Offering
from app.workflows import programmes


def open_market(stage: Stage) -> list[Offering]:
    """Suppliers first, then services; returns those on sale."""
    people = suppliers.join_all(stage)
    sellers = people[: suppliers.WAITING]
    categories = {category.code: category.id for category in programmes.categories()}
    rows = [(code, row) for code, services in SERVICES.items() for row in services]
    on_sale = []
    for place, (code, row) in enumerate(rows):
        seller = sellers[place % len(sellers)]
        offering = put_on_offer(stage, place, seller, (code, categories[code]), row)
        if offering is not None:
            on_sale.append(offering)
    stage.counts |= {"공급기업": len(people), "서비스": len(rows)}
    return on_sale
