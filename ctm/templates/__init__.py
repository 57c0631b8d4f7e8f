"""Mail templates (A16): kept by name for a module, with every version they ever had."""

from ctm.templates.finding import Use, find, get, of_module, uses
from ctm.templates.modules import catalogue_of, check_module, legend_of, module_labels
from ctm.templates.saving import attach, detach, duplicate, restore, save, set_active
from ctm.templates.versions import Difference, differences, snapshot, version, versions

__all__ = [
    "Difference",
    "Use",
    "attach",
    "catalogue_of",
    "check_module",
    "detach",
    "differences",
    "duplicate",
    "find",
    "get",
    "legend_of",
    "module_labels",
    "of_module",
    "restore",
    "save",
    "set_active",
    "snapshot",
    "uses",
    "version",
    "versions",
]
