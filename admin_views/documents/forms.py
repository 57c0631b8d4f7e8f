"""The form of a document template; which parts are shown depends on its kind."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, FileField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from admin_views.documents.blueprint import module_labels
from ctm.documents.options import FONTS, FORMATS, ORIENTATIONS, PAGE_SIZES, ExcelOptions, PdfOptions
from ctm.i18n import _l
from ctm.models import DocumentKind, DocumentTemplate

PAGE = (
    "page_size",
    "orientation",
    "margin_top",
    "margin_right",
    "margin_bottom",
    "margin_left",
    "header",
    "header_height",
    "footer",
    "footer_height",
    "font",
    "font_size",
)
SHEET = ("sheet", "header_colour", "header_text", "bold", "freeze", "autofilter")
COLUMN = ("title", "content", "format", "width", "total")


class TemplateForm(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf = False  # the page's own protection covers every POST

    name = StringField(_l("Name"), description=_l("For you: recipients never see it."))
    module = SelectField(_l("List it is for"))
    filename = StringField(
        _l("File name"),
        description=_l("What the recipient sees; it may hold merge fields. Empty: the name."),
    )
    html = TextAreaField(_l("Text"))
    header = TextAreaField(_l("Header of every page"))
    footer = TextAreaField(
        _l("Footer of every page"),
        description=_l("[pagina.numero] and [pagina.totale] become the page's number and count."),
    )
    page_size = SelectField(
        _l("Page"), choices=[SelectChoice(name, name.capitalize()) for name in PAGE_SIZES]
    )
    orientation = SelectField(
        _l("Orientation"), choices=[SelectChoice(*pair) for pair in ORIENTATIONS.items()]
    )
    font = SelectField(_l("Font"), choices=[SelectChoice(*pair) for pair in FONTS.items()])
    font_size = StringField(_l("Size (points)"))
    margin_top = StringField(_l("Top margin (mm)"))
    margin_right = StringField(_l("Right margin (mm)"))
    margin_bottom = StringField(_l("Bottom margin (mm)"))
    margin_left = StringField(_l("Left margin (mm)"))
    header_height = StringField(_l("Height of the header (mm)"))
    footer_height = StringField(_l("Height of the footer (mm)"))
    file = FileField(_l("File"))
    made_of = RadioField(
        _l("Made of"),
        choices=[
            SelectChoice("columns", _l("columns chosen here")),
            SelectChoice("file", _l("an Excel file of yours, filled in")),
        ],
        default="columns",
    )
    sheet = StringField(_l("Name of the sheet"))
    header_colour = StringField(_l("Colour of the header"))
    header_text = StringField(_l("Colour of its text"))
    bold = BooleanField(_l("Bold header"))
    freeze = BooleanField(_l("The header stays in view"))
    autofilter = BooleanField(_l("Filter buttons in the header"))


def build(template: DocumentTemplate | None, kind: str, module: str) -> TemplateForm:
    """The form with what was typed, else with what is kept, else with what is usual."""
    usual: dict[str, Any] = {**PdfOptions().kept(), **ExcelOptions().kept()}
    usual |= {"module": module, "made_of": "columns"}
    if kind == DocumentKind.PDF and template is None:
        usual["footer"] = "<p>[pagina.numero] / [pagina.totale]</p>"
    if template is not None:
        usual |= template.options
        usual |= {name: getattr(template, name) for name in ("name", "module", "filename", "html")}
    given = request.form if request.method == "POST" else None
    form = TemplateForm(given if given is None else _with_files(given), data=usual)
    form.module.choices = [SelectChoice(*pair) for pair in module_labels().items()]
    return form


def _with_files(given: Any) -> MultiDict[str, Any]:
    both: MultiDict[str, Any] = MultiDict(given)
    both.update(request.files)
    return both


def values(form: TemplateForm, kind: str) -> dict[str, Any]:
    """What was typed, as :func:`ctm.documents.library.save` takes it."""
    options: dict[str, Any] = {}
    if kind == DocumentKind.PDF:
        options = {name: form[name].data for name in PAGE}
    elif kind == DocumentKind.EXCEL:
        options = {name: form[name].data for name in (*SHEET, "made_of")}
        options["columns"] = typed_columns()
    return {
        "kind": kind,
        "name": form["name"].data,
        "module": form.module.data,
        "filename": form.filename.data,
        "html": form.html.data,
        "options": options,
    }


def typed_columns() -> list[dict[str, Any]]:
    """The columns in the order they stand in the form; lines without a field are left out."""
    lists = [request.form.getlist(f"column_{name}") for name in COLUMN]
    columns: list[dict[str, Any]] = [
        dict(zip(COLUMN, each, strict=False)) for each in zip(*lists, strict=False)
    ]
    for column in columns:
        column["total"] = column["total"] == "1"
    return [each for each in columns if each["content"].strip() or each["title"].strip()]


def shown_columns(template: DocumentTemplate | None) -> list[dict[str, Any]]:
    """The columns to show in the form."""
    if request.method == "POST":
        return typed_columns()
    return list(template.options.get("columns", [])) if template else []


__all__ = ["FORMATS", "TemplateForm", "build", "shown_columns", "typed_columns", "values"]
