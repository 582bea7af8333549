"""The sandbox's own book: SQLite, kept over a restart, compared by tests with the platform's ledger.

It never holds a card number, an expiry date or a password: only the last four digits and the behaviour.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, dedupe_key TEXT UNIQUE, recipient TEXT NOT NULL,
    sender TEXT NOT NULL, text TEXT NOT NULL, sent_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient, id);
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, mail_id TEXT NOT NULL UNIQUE, recipient TEXT NOT NULL, sender TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, sent_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS mail_recipient ON mail (recipient, id);
CREATE TABLE IF NOT EXISTS mail_attachment (
    mail_id TEXT NOT NULL, position INTEGER NOT NULL, file_name TEXT NOT NULL, content_type TEXT NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (mail_id, position));
CREATE TABLE IF NOT EXISTS identity_request (
    tx_id TEXT PRIMARY KEY, name TEXT NOT NULL, birth7 TEXT NOT NULL, phone TEXT NOT NULL,
    purpose TEXT NOT NULL,
    code TEXT NOT NULL, expires_at TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS issue (
    issue_id TEXT PRIMARY KEY, kind TEXT NOT NULL, holder_name TEXT NOT NULL, business_number TEXT NOT NULL,
    reference TEXT NOT NULL, last4 TEXT NOT NULL, requested_at TEXT NOT NULL,
    branch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS issue_account (
    issue_id TEXT PRIMARY KEY, bank_code TEXT NOT NULL, last4 TEXT NOT NULL, holder_name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payment (
    system TEXT NOT NULL, order_id TEXT NOT NULL, payment_key TEXT NOT NULL UNIQUE, order_name TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), status TEXT NOT NULL, scenario TEXT NOT NULL DEFAULT '',
    stumbled INTEGER NOT NULL DEFAULT 0,
    requested_at TEXT NOT NULL, expires_at TEXT NOT NULL,
    approved_at TEXT, approve_no TEXT, failure TEXT, last4 TEXT NOT NULL DEFAULT '',
    wallet_id TEXT, own_share INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (system, order_id));
CREATE TABLE IF NOT EXISTS bundle (
    bundle_key TEXT PRIMARY KEY, code TEXT NOT NULL DEFAULT '', tries INTEGER NOT NULL DEFAULT 0,
    return_url TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS bundle_order (
    system TEXT NOT NULL, order_id TEXT NOT NULL, bundle_key TEXT NOT NULL, PRIMARY KEY (system, order_id));
CREATE INDEX IF NOT EXISTS bundle_order_bundle ON bundle_order (bundle_key);
CREATE TABLE IF NOT EXISTS cancel (
    transaction_key TEXT PRIMARY KEY, payment_key TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL, canceled_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, entry TEXT NOT NULL, order_id TEXT NOT NULL,
    payment_key TEXT NOT NULL, transaction_key TEXT NOT NULL, amount INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wallet (
    wallet_id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, holder_name TEXT NOT NULL,
    account TEXT NOT NULL, balance INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0));
CREATE TABLE IF NOT EXISTS idempotency (
    system TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER, body TEXT,
    PRIMARY KEY (system, key));
CREATE TABLE IF NOT EXISTS transfer (
    batch_number TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, result TEXT NOT NULL,
    received_at TEXT NOT NULL);
"""


class Book:
    """One connection behind a lock: writes are short, and a person at a demonstration is the only load."""

    def __init__(self, path: str | None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(SCHEMA)
        # A request that ran when the process died never gives its answer: its key is free again.
        self._connection.execute("DELETE FROM idempotency WHERE status IS NULL")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; whatever raises inside undoes all of it."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
