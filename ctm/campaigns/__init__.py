"""Campaigns: their settings, who is in them, what a client will get."""
