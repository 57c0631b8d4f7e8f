"""Policies and their instalments: what can be done with them, their lists, imports and exports."""
