"""Secret keys, kept outside the database in ``instance/secrets`` (mode 0600).

``session``: cookies. ``credentials``: passwords of mail accounts and TOTP secrets, encrypted
with Fernet. ``tracking``: tokens in mails.
"""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from ctm.errors import Unavailable
from ctm.i18n import _l


def load_key(instance: Path, name: str) -> bytes:
    """The key called ``name``, made on first use: 32 bytes, URL-safe base64."""
    folder = instance / "secrets"
    path = folder / name
    try:
        return path.read_bytes().strip()
    except FileNotFoundError:
        pass
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = folder / f".{name}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_bytes().strip()


class Vault:
    """Encrypts what must be read back: account passwords, TOTP secrets."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    def seal(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def open(self, sealed: str) -> str:
        """
        :raises Unavailable: sealed with another key (the key file was replaced).
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unavailable(
                _l(
                    "The stored password cannot be read: the key in instance/secrets was "
                    "replaced. Type the password again."
                )
            ) from None
