"""CTM: contacts, templates, mailings."""

__version__ = "0.1.0"
