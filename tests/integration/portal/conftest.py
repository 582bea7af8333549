"""Fixtures of the portal's tests."""

from __future__ import annotations

import pytest
from flask import Flask

from app.models.programme import Agency
from app.policy import CLOCK
from app.workflows import programmes
from tests.integration.portal.newcomer import Newcomer, make_newcomer


@pytest.fixture
def agency(site: Flask) -> Agency:
    programmes.create_programme(actor=CLOCK, year=2020)
    return programmes.operating_agencies()[0]


@pytest.fixture
def newcomer(site: Flask, agency: Agency, sandbox_url: str) -> Newcomer:
    return make_newcomer(site, agency, sandbox_url)
