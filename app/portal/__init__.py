"""The companies' screens and the public pages: thin views over the workflows."""

from __future__ import annotations

from flask import Flask

from app.portal import (
    abuse,
    api,
    auth,
    callbacks,
    compare,
    deals,
    evaluations,
    holder,
    menus,
    notifications,
    offers,
    payments,
    profile,
    public,
    questions,
    services,
    signup,
    slips,
    supplier_signup,
    supply,
)

BLUEPRINTS = (
    public.blueprint,
    abuse.blueprint,
    auth.blueprint,
    signup.blueprint,
    supplier_signup.blueprint,
    profile.blueprint,  # the company's, with its other pages
    offers.blueprint,
    holder.blueprint,  # the voucher's, with its other pages
    notifications.blueprint,
    services.blueprint,
    compare.blueprint,
    questions.blueprint,
    deals.blueprint,
    payments.blueprint,
    slips.blueprint,
    evaluations.blueprint,
    supply.blueprint,
    callbacks.blueprint,
    api.blueprint,
)


def init_app(app: Flask) -> None:
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    menus.init_app(app)
