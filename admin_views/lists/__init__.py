"""What the pages of clients, policies and instalments have in common."""
