"""CTM: contacts, templates, mailings."""

__version__ = "0.2.0.dev0"
