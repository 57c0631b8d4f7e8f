"""The subject of a mail as its recipient read it."""

from functools import lru_cache

from ctm.errors import CtmError
from ctm.mailing import values
from ctm.mailing.merge import Template, catalogue_of, compile_template
from ctm.models import Message


@lru_cache(maxsize=256)
def _compiled(
    subject: str, language: str, module: str, sql_names: frozenset[str] | None
) -> Template | None:
    sql = None if sql_names is None else dict.fromkeys(sql_names, False)
    try:
        catalogue = catalogue_of(module, sql)
        return compile_template(subject, catalogue, html=False, language=language)
    except CtmError:
        return None


def subject_of(message: Message) -> str:
    """Filled in with the values kept with the message; as written before it is sent."""
    mailing = message.mailing
    names = None if mailing.sql_fields is None else frozenset(mailing.sql_fields)
    language = mailing.options.get("language", "it")
    template = _compiled(mailing.subject, language, mailing.module, names)
    if template is None or message.merge_values is None:
        return mailing.subject
    return template.render(values.thaw(message.merge_values))
