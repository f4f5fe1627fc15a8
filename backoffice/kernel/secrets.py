"""Personal and secret values: encrypted at rest, found by keyed hash, shown masked.

A stored value is ``key number (1 byte) | nonce (12) | AES-256-GCM ciphertext and tag``. The first key of
``FIELD_ENCRYPTION_KEYS`` encrypts, every key decrypts, so that keys can be rotated.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

_NONCE = 12


@cache
def _cipher(key: str) -> tuple[int, AESGCM]:
    raw = base64.urlsafe_b64decode(key)
    return hashlib.sha256(raw).digest()[0], AESGCM(raw)


def encrypt(text: str) -> bytes:
    """Ciphertext of ``text``; two calls give two different values."""
    number, cipher = _cipher(settings.FIELD_ENCRYPTION_KEYS[0])
    nonce = os.urandom(_NONCE)
    return bytes([number]) + nonce + cipher.encrypt(nonce, text.encode(), None)


def decrypt(value: bytes | memoryview) -> str:
    """The text behind a stored value. Raises ``LookupError`` when no configured key fits."""
    stored = bytes(value)
    for key in settings.FIELD_ENCRYPTION_KEYS:
        number, cipher = _cipher(key)
        if number == stored[0]:
            return cipher.decrypt(stored[1 : 1 + _NONCE], stored[1 + _NONCE :], None).decode()
    raise LookupError("no configured encryption key fits this value")


def lookup_hash(kind: str, text: str) -> bytes:
    """Keyed hash (32 bytes) by which an encrypted value is found; ``kind`` keeps equal texts of two kinds apart."""
    return hmac.digest(settings.LOOKUP_HASH_KEY.encode(), f"{kind}:{text}".encode(), "sha256")


def mask_phone(phone: str) -> str:
    """``13812345678`` -> ``138****5678``."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "*" * len(phone)


class EncryptedTextField(models.BinaryField[Any, Any]):
    """A text that is stored encrypted. Not searchable, never in a form or list by itself."""

    def get_prep_value(self, value: str | None) -> bytes | None:
        return None if value in (None, "") else encrypt(str(value))

    def from_db_value(self, value: Any, *_: Any) -> str:
        return "" if value is None else decrypt(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))

    def to_python(self, value: Any) -> Any:
        return value
