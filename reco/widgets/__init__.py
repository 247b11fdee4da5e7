"""Slates as shoppers see them: modules on the site, blocks of an e-mail, payloads for an app."""

from reco.widgets.email import Email, email
from reco.widgets.in_app import in_app, in_app_schema
from reco.widgets.on_site import module, page, script, style
from reco.widgets.widget import Item, Section, Widget, addressed, widget

__all__ = [
    "Email",
    "Item",
    "Section",
    "Widget",
    "addressed",
    "email",
    "in_app",
    "in_app_schema",
    "module",
    "page",
    "script",
    "style",
    "widget",
]
