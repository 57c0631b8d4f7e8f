"""Mail from the office's lists (A3–A14): drafts, recipients, forecast, queueing.

A draft is the send form: rows of a merge module chosen in a list, and what was typed. Sent, it
becomes a mailing whose messages the one outbox delivers.
"""
