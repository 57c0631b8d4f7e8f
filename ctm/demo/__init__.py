"""The demo office: an Italian insurance agency, made up from a seed."""

EMAIL = "admin@brera.example"
PASSWORD = "brera-demo-2026"  # noqa: S105 - printed for the newcomer; the demo sends no mail out

__all__ = ["EMAIL", "PASSWORD"]
