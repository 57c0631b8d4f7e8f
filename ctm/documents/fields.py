"""Merge fields in documents: the same language, formats and errors as in mails.

In HTML a block repeats rows as in a mail. In a table row of Word and in a row of a sheet the row
itself is what is repeated, as soon as a field in it belongs to the rows: there fields of the
rows are read beside those that the recipient has once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ctm import files
from ctm.mailing.merge import (
    Catalogue,
    Field,
    Literal,
    Module,
    Template,
    catalogue_of,
    compile_template,
)

_FOLDERS = re.compile(r"[/\\]+")
_SPACES = re.compile(r"\s+")
BLOCK = re.compile(r";\s*block\s*=\s*(?:'[^']*'|\"[^\"]*\"|’[^’]*’|[^;\]]*)", re.I)

Values = Mapping[str, object]


class Language:
    """The merge language of one document template."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self.language: str = snapshot["language"]
        self.catalogue = catalogue_of(snapshot["module"], snapshot["sql"])
        self._of_rows = _flat(self.catalogue)

    def compile(self, text: str, *, html: bool = False) -> Template:
        """A text that stands once in the document; raises ``MergeError``."""
        return compile_template(text, self.catalogue, html=html, language=self.language)

    def compile_for_rows(self, text: str) -> Template:
        """A text of a row that may be repeated; raises ``MergeError``."""
        without = BLOCK.sub("", text)
        return compile_template(without, self._of_rows, html=False, language=self.language)

    def list_of(self, template: Template) -> str:
        """The list whose rows a text shows, or empty if it stands once."""
        for key in template.fields:
            module, _dot, name = key.partition(".")
            found = self.catalogue.look_up(module, name)
            if found is not None and found.of_list:
                return found.of_list
        return ""

    def field(self, key: str) -> Any:
        """The declaration of a field by its key, or None (an SQL field)."""
        module, _dot, name = key.partition(".")
        return self._of_rows.find(module, name)


def _flat(catalogue: Catalogue) -> Catalogue:
    """A catalogue in which the fields of rows stand beside those that the recipient has once."""
    fields = {name: dict(module.fields) for name, module in catalogue.modules.items()}
    labels: dict[str, object] = {name: each.label for name, each in catalogue.modules.items()}
    for owners in catalogue.lists.values():
        for owner in owners:
            fields.setdefault(owner.name, {}).update(owner.fields)
            labels.setdefault(owner.name, owner.label)
    modules = {name: Module(name, labels[name], found) for name, found in fields.items()}
    return replace(catalogue, modules=modules, lists={})


def rows_of(values: Values, list_name: str, rows: Sequence[Values] = ()) -> list[Values]:
    """The sets of values a repeated row is filled in with: those of the list, or ``rows``."""
    found = values.get(list_name) if list_name else None
    own: Iterable[Values] = rows or (found if isinstance(found, list) else ())
    return [{**values, **row} for row in own]


def used(templates: Iterable[Template]) -> tuple[str, ...]:
    """The keys of all fields of some texts, each once."""
    return tuple(dict.fromkeys(key for each in templates for key in each.fields))


def has_fields(template: Template) -> bool:
    return any(not isinstance(piece, Literal) for piece in template.pieces)


def only_field(template: Template) -> Field | None:
    """The field a text consists of, if it is nothing but one."""
    if len(template.pieces) == 1 and isinstance(template.pieces[0], Field):
        return template.pieces[0]
    return None


def filename(template: Template, values: Values, extension: str) -> str:
    """A document's file name for one recipient, whatever the values hold."""
    name = _SPACES.sub(" ", _FOLDERS.sub("-", template.render(values))).strip()
    if name.lower().endswith("." + extension):
        name = name[: -len(extension) - 1]
    return files.safe_name(f"{name[:120].strip(' .') or 'document'}.{extension}")
