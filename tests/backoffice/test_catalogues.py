"""No word of the product is missing in Chinese, and what is compiled is what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

from backoffice import catalogues
from backoffice.catalogues import Word, faults, is_compiled, missing_words, packages, po_file, used_words, words_of_python, words_of_template

PACKAGES = [pytest.param(package, id=package.name) for package in packages()]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_word_is_translated(package: Path) -> None:
    assert [f"{used.place}: {used.word.text}" for used in missing_words(package)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_catalogue_has_no_faults(package: Path) -> None:
    assert faults(package) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_compiled_catalogue_is_the_written_one(package: Path) -> None:
    assert is_compiled(package)


def test_a_word_has_one_translation_in_all_packages() -> None:
    """Django merges the catalogues: with two translations the order of apps would decide."""
    seen: dict[tuple[str, str], tuple[str, object]] = {}
    twice = []
    for package in packages():
        for message in catalogues.read_catalogue(package):
            key = (message.context or "", str(message.id))
            if message.id and key in seen and seen[key][1] != message.string:
                twice.append(f"{message.id!r}: {seen[key]} and {(package.name, message.string)}")
            seen.setdefault(key, (package.name, message.string))
    assert twice == []


def test_words_of_code_are_found() -> None:
    source = '_("one"); pgettext_lazy("month", "May"); ngettext("%d row", "%d rows", 2); _(name); other("no"); translation.gettext("two")'

    assert [word for _, word in words_of_python(source)] == [Word("one"), Word("May", "month"), Word("%d row", "", "%d rows"), Word("two")]


def test_words_of_templates_are_found() -> None:
    source = (
        '{% load i18n %}<a title="{% translate "It\'s (new)" %}">{{ _("short") }}</a>{% translate "May" context "month" %}'
        "{% blocktranslate count n=rows %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}{# translate not #}<p>not _ this</p>"
    )

    found = {word for _, word in words_of_template(source, "page.html")}

    assert found == {Word("It's (new)"), Word("short"), Word("May", "month"), Word("%(n)s row", "", "%(n)s rows")}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "views.py").write_text('_("Open %(n)s"); _("Closed")\n')
    monkeypatch.setattr(catalogues, "packages", lambda: [folder])
    return folder


def write(package: Path, **words: tuple[str, str]) -> None:
    catalogue = Catalog(locale="zh_Hans")
    for text, translation in words.values():
        catalogue.add(text, translation, flags=["python-format"] if "%(" in text else [])
    po_file(package).parent.mkdir(parents=True, exist_ok=True)
    with po_file(package).open("wb") as file:
        write_po(file, catalogue)


def test_a_missing_word_is_found_added_and_asked_for(package: Path) -> None:
    assert [used.word.text for used in missing_words(package)] == ["Open %(n)s", "Closed"]

    assert catalogues.add_missing(package) == 2
    assert catalogues.add_missing(package) == 2  # still missing, not written twice
    assert po_file(package).read_text().count('msgid "Closed"') == 1
    assert any("Closed" in fault and "not translated" in fault for fault in faults(package))


def test_a_word_in_two_contexts_and_a_plural_are_added_once_each(package: Path) -> None:
    (package / "views.py").write_text('_("Held"); pgettext("hold", "Held"); ngettext("%d row", "%d rows", 2)\n')
    write(package, one=("Held", "冻结"))

    for _ in range(2):
        assert catalogues.add_missing(package) == 2
        text = po_file(package).read_text()
        assert (text.count('msgid "Held"'), text.count('msgctxt "hold"'), text.count('msgid "%d row"')) == (2, 1, 1)


def test_wrong_placeholders_and_half_width_punctuation_are_found(package: Path) -> None:
    write(package, one=("Open %(n)s", "打开 %(m)s"), two=("Closed", "关闭,谢谢"))

    found = " ".join(faults(package))

    assert "Open %(n)s" in found
    assert "half-width" in found


def test_an_old_compiled_file_is_found(package: Path) -> None:
    write(package, one=("Open %(n)s", "打开 %(n)s"), two=("Closed", "关闭"))
    assert not is_compiled(package)
    catalogues.compile_catalogue(package)
    assert is_compiled(package)
    old = Catalog(locale="zh_Hans")
    old.add("Closed", "关门")
    with po_file(package).with_suffix(".mo").open("wb") as file:
        write_mo(file, old)
    assert not is_compiled(package)
    assert used_words(package)
