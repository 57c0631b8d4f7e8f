"""The engine: one loop over non-blocking connections, a lane per account.

``replies`` and ``session`` are the SMTP conversation without sockets, ``connection`` has the
socket, ``lane`` an account's messages and pace, ``worker`` the loop and the bookkeeping.
"""
