"""The registry of clients: what a client's values must be, changes, searches, imports, exports."""
