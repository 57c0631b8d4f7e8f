"""SQL fields (A20): merge fields that administrators define by a query.

A query is written as MySQL has it, read by sqlglot, and written anew for the database in use: only
published tables, columns and listed functions can come out of that, and whatever the user typed
between quotes is a parameter. It then runs on a connection that can only read, within limits of
time and size (see ``docs/decisions``).
"""

from ctm.sqlfields.compiled import CompiledQuery, compile_query
from ctm.sqlfields.values import try_out, values

__all__ = ["CompiledQuery", "compile_query", "try_out", "values"]
