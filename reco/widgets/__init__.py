"""Slates as shoppers see them: modules on the site, blocks of an e-mail, payloads for an app."""

from reco.widgets.email import Email, email
from reco.widgets.in_app import in_app, in_app_schema
from reco.widgets.on_site import module, page, script, style
from reco.widgets.preview import slate_html
from reco.widgets.widget import Item, Section, Widget, widget

__all__ = [
    "Email",
    "Item",
    "Section",
    "Widget",
    "email",
    "in_app",
    "in_app_schema",
    "module",
    "page",
    "script",
    "slate_html",
    "style",
    "widget",
]
