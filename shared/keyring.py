"""
Encryption of what is stored, under a key that can be replaced.

Its secret has two lines while it is being replaced, see `shared.secrets`: the first encrypts, each
of them decrypts. What is encrypted is also protected from change (Fernet: AES-128-CBC and HMAC).
"""

import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.secrets import values_of

ID_LENGTH = 12


class Undecryptable(Exception):
    """Nothing that these keys encrypted, or it was changed."""


class Keyring:
    """
    The keys of one secret.

    `newest` is the id of the key that encrypts, `before` are those of the others: no secrets.
    """

    def __init__(self, secret: str) -> None:
        keys = values_of(secret)
        self.newest, *self.before = [_id_of(key) for key in keys]
        self._keys = MultiFernet([_fernet(key) for key in keys])

    def encrypt(self, content: bytes) -> bytes:
        return self._keys.encrypt(content)

    def decrypt(self, encrypted: bytes) -> bytes:
        """Return what was encrypted; raise `Undecryptable` if these keys did not."""
        try:
            return self._keys.decrypt(encrypted)
        except InvalidToken as error:
            raise Undecryptable from error


def new_key() -> str:
    """Return a new random key, as a line of the secret."""
    return Fernet.generate_key().decode()


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise ValueError("an encryption key is 32 bytes in URL-safe base64") from error


def _id_of(key: str) -> str:
    return hashlib.sha256(f"key id\n{key}".encode()).hexdigest()[:ID_LENGTH]
