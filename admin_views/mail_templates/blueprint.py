"""The blueprint that the pages of mail templates share."""

from flask import Blueprint

bp = Blueprint("mail_templates", __name__, url_prefix="/mail-templates")
