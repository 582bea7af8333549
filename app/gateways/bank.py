"""The bank's holder check (예금주 조회). Transfers go by file, by hand (R-SET-2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from app.gateways.http import Transport

COMPANY_MARKS = re.compile(r"주식회사|유한회사|유한책임회사|\(주\)|\(유\)|㈜|\s")


@dataclass(frozen=True)
class HolderCheck:
    name: str = field(repr=False)
    matches: bool


@dataclass(frozen=True)
class Bank:
    transport: Transport

    def holder(
        self, *, bank_code: str, account_number: str, identity_number: str, expected_name: str
    ) -> HolderCheck:
        """`identity_number`: a business number (10 digits) or a birth date (6). Refused: no such account."""
        digits = identity_number.replace("-", "")
        body = {
            "bankCode": bank_code,
            "accountNumber": account_number.replace("-", ""),
            "identityNumType": "B" if len(digits) == 10 else "P",
            "identityNum": digits,
        }
        headers = {"X-Expected-Name": quote(expected_name)}
        answer = self.transport.post("/v1/holders", body=body, headers=headers, repeatable=True)
        name = answer.text("accountName")
        return HolderCheck(name=name, matches=_plain(name) == _plain(expected_name))


def _plain(name: str) -> str:
    """Banks write 주식회사, (주) and ㈜ as they like, and cut spaces."""
    return COMPANY_MARKS.sub("", name)
