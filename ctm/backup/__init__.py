"""Backups: one archive with the database and the files, made while CTM works, and the way back.

``archive`` is the file format, ``databases`` copies and restores either database, ``making`` and
``restoring`` put them together, ``routine`` is the daily one and the button, ``returning`` is
what a restored outbox may do.
"""
