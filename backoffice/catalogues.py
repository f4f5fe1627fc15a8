"""The Chinese catalogues against the words in the code: what is missing, untranslated, or compiled from an older text.

English is the language of the source. Each package keeps the translations of its own words, `backoffice` also the kernel's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation.template import templatize

LANGUAGE = "zh_Hans"
_CALLS = {
    name + lazy: kind
    for name, kind in {"_": "s", "gettext": "s", "gettext_noop": "s", "ngettext": "sp", "pgettext": "cs", "npgettext": "csp"}.items()
    for lazy in ("", "_lazy")
}
_IN_TEMPLATE = re.compile(r"\b(?:_|n?p?gettext)\(")
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:!?]|[\u4e00-\u9fff]\.(?:\s|$)|[,;!?][\u4e00-\u9fff]")


@dataclass(frozen=True, order=True)
class Word:
    """One text to translate; ``context`` and ``plural`` are empty where there is none."""

    text: str
    context: str = ""
    plural: str = ""


@dataclass(frozen=True)
class Used:
    """A word and the first place where it stands."""

    word: Word
    place: str


def packages() -> list[Path]:
    """The folders that have a catalogue."""
    return [Path(place).parent for place in settings.LOCALE_PATHS]


def po_file(package: Path) -> Path:
    return package / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"


def read_catalogue(package: Path) -> Catalog:
    """The package's catalogue; an empty one when there is no file yet."""
    place = po_file(package)
    if not place.is_file():
        return Catalog(locale=LANGUAGE)
    with place.open("rb") as file:
        return read_po(file, locale=LANGUAGE, abort_invalid=True)


def _word_of(call: ast.Call) -> Word | None:
    name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""
    kind = _CALLS.get(name)
    if kind is None or len(call.args) < len(kind):
        return None
    texts = []
    for argument in call.args[: len(kind)]:
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            return None
        texts.append(argument.value)
    parts = dict(zip(kind, texts, strict=True))
    return Word(parts["s"], parts.get("c", ""), parts.get("p", ""))


def words_of_python(source: str) -> Iterator[tuple[int, Word]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            word = _word_of(node)
            if word is not None and word.text:
                yield node.lineno, word


def words_of_template(source: str, name: str) -> Iterator[tuple[int, Word]]:
    """Django turns a template into text with calls in it; each call is read from its name to the bracket that closes it."""
    text = templatize(source, origin=name)
    for found in _IN_TEMPLATE.finditer(text):
        for end in (bracket.end() for bracket in re.compile(r"\)").finditer(text, found.end())):
            try:
                call = ast.parse(text[found.start() : end], mode="eval").body
            except SyntaxError:
                continue
            word = _word_of(call) if isinstance(call, ast.Call) else None
            if word is not None and word.text:
                yield text.count("\n", 0, found.start()) + 1, word
            break


def used_words(package: Path) -> list[Used]:
    """Every word of the package's code and templates, each with its first place."""
    found: dict[Word, str] = {}
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.html"), *package.rglob("*.txt")]):
        if "migrations" in path.parts or "static" in path.parts:
            continue
        source = path.read_text(encoding="utf-8")
        name = path.relative_to(package.parent).as_posix()
        words = words_of_python(source) if path.suffix == ".py" else words_of_template(source, name)
        for line, word in words:
            found.setdefault(word, f"{name}:{line}")
    return [Used(word, place) for word, place in found.items()]


def known_words() -> set[Word]:
    """Everything that has a translation in one of our catalogues."""
    known = set()
    for package in packages():
        for message in read_catalogue(package):
            texts = message.id if isinstance(message.id, tuple | list) else (message.id,)
            translated = all(message.string) if isinstance(message.string, tuple | list) else bool(message.string)
            if texts[0] and translated and not message.fuzzy:
                known.add(Word(texts[0], message.context or "", texts[1] if len(texts) > 1 else ""))
    return known


def missing_words(package: Path) -> list[Used]:
    """Words of the package that no catalogue of ours translates."""
    known = known_words()
    return [used for used in used_words(package) if used.word not in known]


def faults(package: Path) -> list[str]:
    """What is wrong in the package's catalogue, one sentence each: untranslated, unsure, other placeholders, half-width punctuation."""
    found = []
    catalogue = read_catalogue(package)
    for message in catalogue:
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.fuzzy:
            found.append(f"{message.id!r} is marked fuzzy")
        if not all(texts):
            found.append(f"{message.id!r} is not translated")
        found += [f"{message.id!r}: {error}" for error in message.check(catalogue)]
        found += [f"{message.id!r}: half-width punctuation in {text!r}" for text in texts if text and _HALF_WIDTH.search(text)]
    return found


def is_compiled(package: Path) -> bool:
    """Whether the .mo file says what the .po file says."""
    mo = po_file(package).with_suffix(".mo")
    if not mo.is_file():
        return not po_file(package).is_file()
    with mo.open("rb") as file:
        compiled = {(_plain(message.context), _plain(message.id)): _plain(message.string) for message in read_mo(file) if message.id}
    written = (message for message in read_catalogue(package) if message.id and message.string and not message.fuzzy)
    return compiled == {(_plain(message.context), _plain(message.id)): _plain(message.string) for message in written}


def _plain(value: object) -> tuple[str, ...]:
    """A text, or the forms of a plural; the library reads the two files into different types."""
    if isinstance(value, tuple | list):
        return tuple(value)
    return (value.decode() if isinstance(value, bytes) else str(value),)


def compile_catalogue(package: Path) -> None:
    """Compile into a file beside it that then takes its place: a running server never reads half a catalogue."""
    if po_file(package).is_file():
        place = po_file(package).with_suffix(".mo")
        fresh = place.with_suffix(".mo.new")
        with fresh.open("wb") as file:
            catalogue = read_catalogue(package)
            catalogue.creation_date = _NO_DATE  # the same words give the same file
            write_mo(file, catalogue)
        fresh.replace(place)


def add_missing(package: Path) -> int:
    """Write the missing words at the end of the package's .po file, still to be translated; how many there were."""
    missing = missing_words(package)
    place = po_file(package)
    if not missing:
        return 0
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(
            'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: zh_Hans\\n"\n"Plural-Forms: nplurals=1; plural=0;\\n"\n',
            encoding="utf-8",
        )
    present = {(message.context or "", _plain(message.id)[0]) for message in read_catalogue(package)}
    with place.open("a", encoding="utf-8") as file:
        for used in missing:
            if (used.word.context, used.word.text) not in present:
                file.write("\n" + _entry(used))
    return len(missing)


def _entry(used: Used) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    lines = [f"#: {used.place.rsplit(':', 1)[0]}"]
    if used.word.context:
        lines.append(f"msgctxt {quoted(used.word.context)}")
    lines.append(f"msgid {quoted(used.word.text)}")
    if used.word.plural:
        lines += [f"msgid_plural {quoted(used.word.plural)}", 'msgstr[0] ""']
    else:
        lines.append('msgstr ""')
    return "\n".join(lines) + "\n"
