"""A click in a demo mail arrives at a page of this installation."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin_views.demo_site import PAGES
from ctm import settings
from ctm.demo import mails, office
from ctm.extensions import db
from ctm.models import Campaign
from tests import factories


@pytest.mark.parametrize("html", [mails.HOME_HTML, mails.RENEWAL_HTML], ids=["home", "renewal"])
def test_every_link_of_the_mails_has_its_page(html: str) -> None:
    links = re.findall(rf'href="{mails.SITE}/([^"]+)"', html)
    assert len(links) == 3
    assert set(links) <= PAGES.keys()


def test_links_lead_to_this_installation_and_open_without_login(
    app: Flask, client: FlaskClient
) -> None:
    office.create()
    for campaign in db.session.scalars(select(Campaign)):
        links = re.findall(r'href="(http[^"]+)"', campaign.body_html)
        assert links
        for link in links:
            assert link.startswith("http://127.0.0.1:5000/demo-site/")
            assert client.get(link.removeprefix("http://127.0.0.1:5000")).status_code == 200


@pytest.mark.parametrize(
    ("demo", "page"), [(False, "contatti"), (True, "nothing"), (True, "../config"), (True, "")]
)
def test_there_is_no_such_page_otherwise(
    app: Flask, client: FlaskClient, demo: bool, page: str
) -> None:
    factories.user()
    settings.put("demo", demo)
    db.session.commit()
    assert client.get(f"/demo-site/{page}").status_code == 404
