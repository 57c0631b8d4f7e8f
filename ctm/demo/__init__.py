"""The demo office: an Italian insurance agency, made up from a seed."""

EMAIL = "admin@brera.example"
PASSWORD = "prova-2026"  # noqa: S105 - printed for the newcomer; the demo cannot send mail out

__all__ = ["EMAIL", "PASSWORD"]
