"""The content of an application: read from anything, hashed the same way always, compared field by field."""

from __future__ import annotations

from applications.content import Asked, Change, Content, content_of, diff, is_untouched

GOOD = Content(demo_url="https://a.b/c", capabilities=(Asked("a", "scene a", "value a"), Asked("b", "scene b", "value b")))


def test_whatever_comes_becomes_content():
    for bad in ({}, {"capabilities": "x"}, {"capabilities": [1, None, {"capability": 5}, {}]}, {"demo_covers": 3, "demo_file": True, "form": ["x"]}):
        assert content_of(bad) == Content()
    assert content_of({"contact_name": "  a\x00b\r\n ", "unknown": 1}).contact_name == "ab"
    assert len(content_of({"contact_name": "x" * 9999}).contact_name) == 500
    twice = content_of({"capabilities": [{"capability": "a", "scene": "1"}, {"capability": "a", "scene": "2"}]})
    assert twice.capabilities == (Asked("a", "2", ""),)


def test_there_and_back():
    assert content_of(GOOD.as_json()) == GOOD


def test_the_hash_is_of_the_content_and_not_of_its_order():
    turned = Content(demo_url=GOOD.demo_url, capabilities=GOOD.capabilities[::-1])
    assert turned.content_hash() == GOOD.content_hash()
    assert content_of({**GOOD.as_json(), "merchant": "m"}).content_hash() != GOOD.content_hash()


def test_the_diff_names_field_before_and_after():
    after = Content(demo_url="https://a.b/d", capabilities=(Asked("a", "scene a", "another"), Asked("c", "s", "v")))
    assert diff(GOOD, after) == [
        Change("demo_url", "https://a.b/c", "https://a.b/d"),
        Change("capabilities.a.value", "value a", "another"),
        Change("capabilities.b", "b", None),
        Change("capabilities.c", None, "c"),
    ]
    assert diff(GOOD, GOOD) == []


def test_untouched_means_untouched():
    after = content_of({**GOOD.as_json(), "contact_name": "x"})
    assert is_untouched(GOOD, after, ("demo_url", "capabilities"))
    assert is_untouched(GOOD, after, (), "a")
    assert not is_untouched(GOOD, after, ("*",))
    assert not is_untouched(GOOD, content_of({**GOOD.as_json(), "demo_url": "https://x.y/z"}), (), "a")
