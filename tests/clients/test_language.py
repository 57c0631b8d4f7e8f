"""Words of the domain are translated when they are shown, not when the module is read."""

import pytest
from flask_babel import force_locale

from ctm.clients import mapping
from ctm.clients.fields import BY_NAME
from ctm.lists import conditions
from ctm.lists.fields import header_key

pytestmark = [pytest.mark.usefixtures("app"), pytest.mark.one_database]


@pytest.mark.parametrize("locale", ["it", "en"])
def test_every_field_and_operation_has_a_word(locale: str) -> None:
    with force_locale(locale):
        words = [str(field.label) for field in BY_NAME.values()]
        words += [str(word) for word in conditions.OPERATIONS.values()]
        words += [str(label) for label, _headers in mapping.MAPPING.fields.values()]
    assert all(words)


def test_no_header_is_claimed_by_two_fields() -> None:
    claimed: dict[str, str] = {}
    for field in mapping.STORED:
        for header in field.headers:
            key = header_key(header)
            assert claimed.setdefault(key, field.name) == field.name, header
