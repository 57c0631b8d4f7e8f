"""SMTP accounts (A1, A2): their servers, what they may send, whether they work."""
