from tests.mailing.engine.conftest import sink

__all__ = ["sink"]
