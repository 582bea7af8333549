"""The played outer world as its people see it: the phone that gets messages, the bank's own page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

WEB = httpx.Client(trust_env=False, timeout=10)
# The outbox is drained every two seconds by the worker.
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1


class Phone:
    """The messages that the played services "sent"; each code is read once."""

    def __init__(self, sandbox_url: str) -> None:
        self.sandbox_url = sandbox_url
        self._read: set[str] = set()

    def messages(self, number: str) -> list[dict[str, Any]]:
        """Newest first."""
        answer = WEB.get(f"{self.sandbox_url}/messages.json", params={"to": number})
        rows: list[dict[str, Any]] = answer.raise_for_status().json()
        return rows

    def forget(self, number: str) -> None:
        """What came until now is not what the next `code` waits for."""
        self._read |= {row["messageId"] for row in self.messages(number)}

    def code(self, number: str) -> str:
        """The newest code that was not read before; waits for the worker where it sends the message."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            for row in self.messages(number):
                if row["code"] and row["messageId"] not in self._read:
                    self.forget(number)
                    return str(row["code"])
            time.sleep(PAUSE_SECONDS)
        raise AssertionError(f"no code came to {number} within {PATIENCE_SECONDS:.0f} s")


class Bank:
    """Takes a transfer file and gives its result file back."""

    def __init__(self, page: Page, sandbox_url: str) -> None:
        self.page = page
        self.address = f"{sandbox_url}/bank/"

    def carry_out(self, transfers: Path, *, batch: str, into: Path) -> Path:
        self.page.goto(self.address)
        self.page.get_by_label("대량이체 파일(CSV, 엑셀)").set_input_files(transfers)
        self.page.get_by_role("button", name="이체 실행").click()
        expect(self.page.get_by_role("status")).to_contain_text("이체를 처리했습니다")
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name=f"{batch} 결과 파일").click()
        result = into / download.value.suggested_filename
        download.value.save_as(result)
        return result
