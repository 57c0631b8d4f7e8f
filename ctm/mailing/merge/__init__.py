"""Merge: the users' fields in a text, compiled once and filled in for each recipient."""

from ctm.mailing.merge.catalogue import Catalogue, MergeField, Module
from ctm.mailing.merge.declaration import Group, MergeModule, Recipient, Source, Total
from ctm.mailing.merge.errors import MergeError, PictureError
from ctm.mailing.merge.fields import CLIENTS
from ctm.mailing.merge.legend import LegendGroup, legend
from ctm.mailing.merge.modules import (
    CATALOGUE,
    MODULES,
    catalogue_of,
    module_named,
)
from ctm.mailing.merge.template import Block, Field, Literal, Piece, Template, compile_template

__all__ = [
    "CATALOGUE",
    "CLIENTS",
    "MODULES",
    "Block",
    "Catalogue",
    "Field",
    "Group",
    "LegendGroup",
    "Literal",
    "MergeError",
    "MergeField",
    "MergeModule",
    "Module",
    "PictureError",
    "Piece",
    "Recipient",
    "Source",
    "Template",
    "Total",
    "catalogue_of",
    "compile_template",
    "legend",
    "module_named",
]
