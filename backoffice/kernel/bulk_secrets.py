"""The same values as ``secrets``, for a million at a time: keys are set up once and the values come as hexadecimal text for COPY."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from django.conf import settings

from backoffice.kernel.secrets import _NONCE, _cipher

_SHA256_BLOCK = 64
_POOL = 4_096  # nonces drawn from the system at a time


def prepare_lookup_hash(kind: str) -> Callable[[str], str]:
    """A function that gives ``secrets.lookup_hash(kind, text)`` in hexadecimal.

    HMAC is two hashes whose first block depends on the key alone: both blocks are hashed here, per value only the copies go on.
    """
    key = settings.LOOKUP_HASH_KEY.encode()
    if len(key) > _SHA256_BLOCK:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_SHA256_BLOCK, b"\0")
    start_inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"{kind}:".encode()).copy
    start_outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def lookup_hash(text: str) -> str:
        inner = start_inner()
        inner.update(text.encode())
        outer = start_outer()
        outer.update(inner.digest())
        return outer.hexdigest()

    return lookup_hash


def prepare_encrypt() -> Callable[[str], str]:
    """A function that gives a value of ``secrets.encrypt(text)`` in hexadecimal."""
    number, cipher = _cipher(settings.FIELD_ENCRYPTION_KEYS[0])
    seal = cipher.encrypt
    prefix = f"{number:02x}"
    pool = b""
    at = 0

    def encrypt(text: str) -> str:
        nonlocal pool, at
        if at == len(pool):
            pool = os.urandom(_NONCE * _POOL)
            at = 0
        nonce = pool[at : at + _NONCE]
        at += _NONCE
        return prefix + (nonce + seal(nonce, text.encode(), None)).hex()

    return encrypt
