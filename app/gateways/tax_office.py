"""The National Tax Service's status of business registration numbers (R-JOIN-4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.gateways.errors import Unknown
from app.gateways.http import Answer, Transport

MOST_NUMBERS = 100  # the public API's limit per call


@dataclass(frozen=True)
class BusinessStatus:
    """`code`: 01 going, 02 at rest (휴업), 03 closed (폐업), empty when the number is not registered."""

    code: str
    text: str
    tax_type: str


@dataclass(frozen=True)
class TaxOffice:
    transport: Transport

    def status(self, *, business_numbers: Sequence[str]) -> dict[str, BusinessStatus]:
        """Ask for any number of business numbers, with or without hyphens; the keys are those asked for."""
        found: dict[str, BusinessStatus] = {}
        for batch in _batches([number.replace("-", "") for number in business_numbers]):
            found.update(self._ask(batch))
        try:
            return {number: found[number.replace("-", "")] for number in business_numbers}
        except KeyError:
            raise Unknown("the tax office left out a number") from None

    def _ask(self, numbers: Sequence[str]) -> dict[str, BusinessStatus]:
        answer = self.transport.post(
            "/api/nts-businessman/v1/status",
            params={"serviceKey": self.transport.endpoint.key},
            body={"b_no": list(numbers)},
            repeatable=True,
        )
        return {row.text("b_no"): _status(row) for row in answer.parts("data")}


def _status(row: Answer) -> BusinessStatus:
    return BusinessStatus(code=row.text("b_stt_cd"), text=row.text("b_stt"), tax_type=row.text("tax_type"))


def _batches(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    unique = list(dict.fromkeys(numbers))
    for start in range(0, len(unique), MOST_NUMBERS):
        yield unique[start : start + MOST_NUMBERS]
