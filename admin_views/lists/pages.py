"""A list's page: tabs, filters, saved searches, pages of rows, export."""

import tempfile
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_login import current_user

from admin_views.security import requires
from ctm import exporting as tables
from ctm.errors import InvalidInput
from ctm.i18n import _
from ctm.lists import conditions, pages, saved, selection
from ctm.lists.exporting import AT_ONCE, Export, check_kind
from ctm.lists.fields import Field, FieldType
from ctm.lists.filters import MATCHES, Search
from ctm.models import SavedFilter
from ctm.permissions import Permission

SIZES = (50, 100, 500, 1000, pages.PAGE_MAX)


@dataclass(frozen=True)
class Paging:
    """Where a page of the list begins (see :mod:`ctm.paging`), how long it is, in which order."""

    at: str
    size: int
    sort: str
    desc: bool
    usual: str

    def extra(self, **changes: Any) -> dict[str, Any]:
        """What the address says of it, left out where it is the usual."""
        now = replace(self, **changes)
        return {
            "at": now.at or None,
            "size": now.size if now.size != SIZES[0] else None,
            "sort": now.sort if (now.sort, now.desc) != (self.usual, False) else None,
            "desc": 1 if now.desc else None,
        }


@dataclass(frozen=True)
class ListPages:
    """The pages of one list on its blueprint; ``export`` is what its export holds."""

    bp: Blueprint
    search: type[Search]
    export: Export
    sort: str

    def url(self, found: Search, **extra: Any) -> str:
        """The address of the list with this search; ``extra`` are at, size, sort, desc, saved."""
        pairs = found.to_pairs() + [(k, str(v)) for k, v in extra.items() if v not in (None, "", 0)]
        return f"{self.at('index_view')}?{urlencode(pairs)}"

    def at(self, endpoint: str, **values: Any) -> str:
        return url_for(f"{self.bp.name}.{endpoint}", **values)

    def add_routes(self) -> None:
        """What every list has beside its own pages."""
        view = requires(Permission.VIEW_CLIENTS)
        for rule, endpoint, function, method in (
            ("/narrow", "narrow", view(self._narrow), "GET"),
            ("/searches", "save_search", view(self._save_search), "POST"),
            ("/searches/<int:saved_id>/delete", "delete_search", view(self._delete), "POST"),
            ("/export", "export", requires(Permission.EXPORT)(self._export), "POST"),
        ):
            self.bp.add_url_rule(rule, endpoint, function, methods=[method])

    def read_paging(self) -> Paging:
        args = request.args
        size, sort = args.get("size", str(SIZES[0])), args.get("sort") or self.sort
        if size not in map(str, SIZES):
            raise InvalidInput(_("A page of the list shows 50, 100, 500 or 1000 rows, or all."))
        if sort not in self.search.listing.sorts or args.get("desc", "0") not in {"0", "1"}:
            raise InvalidInput(_("The list cannot be sorted like this."))
        return Paging(args.get("at", ""), int(size), sort, args.get("desc") == "1", self.sort)

    def show(self, template: str, more: Any) -> Any:
        """The list; ``more(rows)`` is what the template needs beside."""
        kept = self._saved()
        if kept is not None and set(request.args) == {"saved"}:
            return redirect(self.url(saved.load(kept), saved=kept.id))
        found, paging = self.search.read_args(request.args), self.read_paging()
        count, page = pages.page(found, paging.sort, paging.desc, paging.at, paging.size)

        def url(**changes: Any) -> str:
            return self.url(found, **paging.extra(**changes), saved=kept.id if kept else None)

        return render_template(
            template,
            list=self,
            found=found,
            paging=paging,
            previous_url=url(at=page.previous) if page.previous else None,
            next_url=url(at=page.next) if page.next else None,
            sort_url=lambda key, desc: url(at="", sort=key, desc=desc),
            tab_items=self._tabs(found, paging),
            rows=page.rows,
            count=count,
            total=pages.count(self.search.listing),
            sizes=SIZES,
            saved=kept,
            saved_filters=saved.visible(self.search.listing, current_user),
            conditions=conditions,
            matches=MATCHES,
            **more(page.rows),
        )

    def plain_url(self, found: Search) -> str:
        return self.url(type(found)(found.tab))

    def matched_url(self, found: Search, match: str) -> str:
        """The same filters, all of which must hold, or any."""
        return self.url(replace(found, match=match))

    def fields_by_type(self) -> list[tuple[FieldType, list[Field]]]:
        """The fields to filter by, for the dialog's choices of how."""
        found: dict[FieldType, list[Field]] = {}
        for field in self.search.listing.fields:
            found.setdefault(field.type, []).append(field)
        return [(kind, some) for kind, some in found.items() if kind is not FieldType.CONSENT] + [
            (kind, some) for kind, some in found.items() if kind is FieldType.CONSENT
        ]

    def field_groups(self) -> list[tuple[str, list[Field]]]:
        """The fields to filter by: the rows' own first, then those of each linked record."""
        found: dict[str, list[Field]] = {"": []}
        for field in self.search.listing.fields:
            if field.type is FieldType.CONSENT and not field.words:
                continue
            noun = str(field.link.noun) if field.link else ""
            found.setdefault(noun, []).append(field)
        return list(found.items())

    def _saved(self) -> SavedFilter | None:
        text = request.args.get("saved", "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise InvalidInput(_("The search in this address cannot be read."))
        return saved.get(self.search.listing, int(text), current_user)

    def _tabs(self, found: Search, paging: Paging) -> list[tuple[str, str, bool]]:
        return [
            (str(label), self.url(replace(found, tab=tab), **paging.extra(at="")), tab == found.tab)
            for tab, label in self.search.listing.tabs.items()
        ]

    def _narrow(self) -> Any:
        """Add the condition chosen in the filter panel to the search."""
        args = request.args
        found = self.search.read_query(args.get("query", ""))
        field = self.search.listing.by_name.get(args.get("field", ""))
        if field is None:
            raise InvalidInput(_("Choose a field for the filter."))
        group = args.get("group", "")
        if group and not (group.isascii() and group.isdigit() and len(group) < 3):
            raise InvalidInput(_("The search has no such group of filters."))
        try:
            asked = self._asked(field)
            found = found.narrowed(asked, int(group) if group else None)
        except InvalidInput as error:
            flash(f"{field.text}: {error}", "error")
        return redirect(self.url(found))

    @staticmethod
    def _asked(field: Field) -> conditions.Condition:
        """The condition as the panel's controls give it: one set of them for each type."""
        args = request.args
        operation = args.get(f"operation-{field.type}", "")
        choice = field.name if field.words else str(field.type)
        value = args.get(f"value-{choice}", "").strip()
        if operation == "between":
            value = f"{value}{conditions.RANGE}{args.get(f'to-{field.type}', '').strip()}"
        if operation in conditions.DAYS:
            value = args.get(f"days-{field.type}", "").strip()
        if operation in conditions.WITHOUT_VALUE:
            value = ""
        return conditions.Condition(field.name, operation, value)

    def _save_search(self) -> Any:
        form = request.form
        found = self.search.read_query(form.get("query", ""))
        try:
            kept = saved.save(current_user, form.get("name", ""), found, form.get("shared") == "1")
        except InvalidInput as error:
            flash(str(error), "error")
            return redirect(self.url(found))
        flash(_("The search “%(name)s” is kept.", name=kept.name), "success")
        return redirect(self.url(found, saved=kept.id))

    def _delete(self, saved_id: int) -> Any:
        kept = saved.get(self.search.listing, saved_id, current_user)
        name = kept.name
        saved.delete(kept, current_user)
        flash(_("The search “%(name)s” is deleted.", name=name), "success")
        return redirect(self.at("index_view"))

    def selected(self) -> selection.Selection:
        """The selection that the list posts.

        :raises InvalidInput: nothing is chosen, or it cannot be read.
        """
        form = request.form
        return selection.read(
            self.search, form.getlist("ids"), form.get("all_matching", ""), form.get("query", "")
        )

    def _export(self) -> Any:
        """The selection, or without one all that match, as CSV or XLSX."""
        form = request.form
        kind = form.get("format", "csv")
        check_kind(kind)
        found = self.search.read_query(form.get("query", ""))
        ids = None
        if form.getlist("ids") and form.get("all_matching") != "1":
            ids = list(self.selected().ids or ())
        elif pages.count(self.search.listing, found).number > AT_ONCE:
            task = self.export.start(kind, found, current_user)
            return redirect(url_for("tasks.show", task_id=task.id))
        out = tempfile.TemporaryFile()  # noqa: SIM115 - sent and closed with the answer
        self.export.write(kind, out, found, ids)
        out.seek(0)
        return send_file(
            out,
            mimetype=tables.CONTENT_TYPES[kind],
            as_attachment=True,
            download_name=self.export.file_name(kind),
        )
