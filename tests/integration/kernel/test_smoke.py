from app.policy import Role
from tests import factories


def test_factories_make_rows(tx):
    assert factories.make_account(Role.DEMAND).company_id
    assert factories.make_offering().current_version_id
