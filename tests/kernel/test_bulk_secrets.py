"""The fast forms give what ``secrets`` gives."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.bulk_secrets import _POOL, prepare_encrypt, prepare_lookup_hash
from backoffice.kernel.secrets import decrypt, lookup_hash


@pytest.mark.parametrize("key", ["k" * 32, "k" * 64, "长" * 40])
def test_the_hash_is_the_same(settings: Any, key: str) -> None:
    settings.LOOKUP_HASH_KEY = key
    fast = prepare_lookup_hash("phone")
    for text in ("13800138000", "", "会员", "x" * 200):
        assert fast(text) == lookup_hash("phone", text).hex()


def test_every_value_is_decrypted_and_no_nonce_comes_twice() -> None:
    encrypt = prepare_encrypt()
    values = [bytes.fromhex(encrypt("13800138000")) for _ in range(2 * _POOL + 3)]

    assert {decrypt(value) for value in values[:: _POOL // 2]} == {"13800138000"}
    assert len({value[1:13] for value in values}) == len(values)
