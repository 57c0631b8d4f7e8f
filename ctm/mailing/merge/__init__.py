"""Merge: the users' fields in a text, compiled once and filled in for each recipient."""

from ctm.mailing.merge.catalogue import Catalogue, MergeField, Module
from ctm.mailing.merge.errors import MergeError, PictureError
from ctm.mailing.merge.modules import CATALOGUE, CLIENTS
from ctm.mailing.merge.template import Field, Literal, Piece, Template, compile_template

__all__ = [
    "CATALOGUE",
    "CLIENTS",
    "Catalogue",
    "Field",
    "Literal",
    "MergeError",
    "MergeField",
    "Module",
    "PictureError",
    "Piece",
    "Template",
    "compile_template",
]
