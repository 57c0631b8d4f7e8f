"""``HYPOTHESIS_PROFILE=night`` looks for new examples, and forty times as many."""

import os

from hypothesis import settings

from tests.mailing.engine.conftest import sink

__all__ = ["sink"]

settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("night", deadline=None, max_examples=4000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
