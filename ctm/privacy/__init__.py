"""A client's rights: all that is kept of it handed out, and erased with what the law lets keep.

See ``docs/decisions`` for what stays after an erasure, and why.
"""

from ctm.privacy.erasure import ERASE, check, erase, start_erasure
from ctm.privacy.handing_out import HAND_OUT, start_handing_out, write

__all__ = [
    "ERASE",
    "HAND_OUT",
    "check",
    "erase",
    "start_erasure",
    "start_handing_out",
    "write",
]
