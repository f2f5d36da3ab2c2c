"""Translations without the gettext programs: extract, update, compile and check the catalogues under locale/.

    python scripts/messages.py update    write every message of the source into each catalogue
    python scripts/messages.py compile   write the .mo files that Django reads (git-ignored)
    python scripts/messages.py check     fail on anything untranslated, fuzzy, missing, obsolete or with other placeholders
    python scripts/messages.py extract   print the messages of the source

English is the language of the source, so its catalogue fills itself.
"""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("config", "anchoring", "identity", "credentials", "authorization", "templates")
LOCALES = ("zh_Hant", "zh_Hans", "pt", "en")
SOURCE_LOCALE = "en"
# Django asks for "pt" and these packages call theirs otherwise; without this their texts would appear in Chinese.
LIBRARY_CATALOGUES = {"pt": [("allauth", "locale/pt_PT/LC_MESSAGES/django.po")]}
# Texts of the accounts library that we word ourselves; a catalogue of ours goes before that of a package.
OWN_WORDING = ("Email", "Your email address")
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")


def extract_messages(root: Path) -> Catalog:
    """Return every message of the Python code and templates below *root*."""
    catalog = Catalog(charset="utf-8", fuzzy=False)
    for path in _source_files(root):
        place = path.relative_to(root).as_posix()
        for line, message, comments, context in extract("python", _as_python(path), keywords=KEYWORDS):
            catalog.add(message, None, [(place, line)], auto_comments=comments, context=context)
    for text in OWN_WORDING:
        catalog.add(text, None, [("scripts/messages.py", 0)])
    return catalog


def _source_files(root: Path) -> Iterator[Path]:
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            is_source = path.suffix == ".py" or (folder == "templates" and path.suffix in {".html", ".txt"})
            if is_source and "migrations" not in path.parts:
                yield path


def _as_python(path: Path) -> io.BytesIO:
    """Return what the Python extractor can read; a template's own indentation is not Python's."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        text = "\n".join(line.lstrip() for line in templatize(text, origin=str(path)).splitlines())
    return io.BytesIO(text.encode())


def catalogue_path(root: Path, locale: str) -> Path:
    return root / "locale" / locale / "LC_MESSAGES" / "django.po"


def read_catalogue(root: Path, locale: str) -> Catalog:
    path = catalogue_path(root, locale)
    if not path.is_file():
        return Catalog(locale=locale, charset="utf-8", fuzzy=False)
    with path.open("rb") as handle:
        return read_po(handle, locale=locale)


def update_catalogues(root: Path) -> None:
    """Bring each catalogue to the messages of the source; translations of messages that are gone are dropped."""
    source = extract_messages(root)
    for locale in LOCALES:
        catalog = read_catalogue(root, locale)
        catalog.update(source, no_fuzzy_matching=True)
        if locale == SOURCE_LOCALE:
            _fill_with_source(catalog)
        _write_catalogue(catalogue_path(root, locale), catalog)


def _fill_with_source(catalog: Catalog) -> None:
    for message in catalog:
        if message.id:
            message.string = message.id


def _write_catalogue(path: Path, catalog: Catalog) -> None:
    """Write without dates, line numbers or tool names, so that a diff shows translations only."""
    body = io.BytesIO()
    write_po(body, catalog, width=110, omit_header=True, sort_output=True, ignore_obsolete=True, include_lineno=False)
    head = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale_identifier}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + body.getvalue().rstrip() + b"\n")


def compile_catalogues(root: Path) -> None:
    for locale in LOCALES:
        catalog = _translated(read_catalogue(root, locale))
        _add_library_messages(catalog, locale)
        path = catalogue_path(root, locale).with_suffix(".mo")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as handle:
            write_mo(handle, catalog)


def _translated(catalog: Catalog) -> Catalog:
    """Return the catalogue without what has no translation yet: an empty plural form would show as nothing."""
    for message in list(catalog):
        if message.id and (message.fuzzy or not all(_forms(message.string) or [""])):
            catalog.delete(message.id, message.context)
    return catalog


def _add_library_messages(catalog: Catalog, locale: str) -> None:
    """Add what installed packages translate, below our own wording."""
    for package, name in LIBRARY_CATALOGUES.get(locale, ()):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"package {package} is not installed")
        with (Path(spec.origin).parent / name).open("rb") as handle:
            for message in read_po(handle):
                if message.id and message.string and catalog.get(message.id, message.context) is None:
                    catalog[message.id] = message


def find_faults(root: Path) -> list[str]:
    """Return one line per fault of any catalogue against the source."""
    source = extract_messages(root)
    return [fault for locale in LOCALES for fault in _faults_of(locale, read_catalogue(root, locale), source)]


def _faults_of(locale: str, catalog: Catalog, source: Catalog) -> Iterator[str]:
    for message in source:
        if message.id:
            fault = _fault_in(catalog.get(message.id, message.context), message)
            if fault:
                yield f"{locale}: {fault}: {_first(message.id)!r} ({message.locations[0][0]})"
    for message in catalog:
        if message.id and source.get(message.id, message.context) is None:
            yield f"{locale}: no longer in the source: {_first(message.id)!r}"


def _fault_in(translated: Message | None, message: Message) -> str | None:
    if translated is None:
        return "missing"
    if translated.fuzzy:
        return "fuzzy"
    forms = _forms(translated.string)
    if not forms or not all(forms):
        return "untranslated"
    return None if all(_agree(message.id, form) for form in forms) else "other placeholders"


def _agree(message_id: Any, form: str) -> bool:
    """Every placeholder of the form is known; only a plural's own number may be left out."""
    wanted = set(PLACEHOLDER.findall(_forms(message_id)[-1]))
    found = set(PLACEHOLDER.findall(form))
    if isinstance(message_id, str):
        return found == wanted
    return set(PLACEHOLDER.findall(message_id[0])) <= found <= wanted


def _forms(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _first(message_id: Any) -> str:
    return _forms(message_id)[0]


def main(arguments: list[str]) -> int:
    if not settings.configured:
        settings.configure(USE_I18N=True)
    match arguments:
        case ["extract"]:
            print("\n".join(_first(message.id) for message in extract_messages(ROOT) if message.id))
        case ["update"]:
            update_catalogues(ROOT)
        case ["compile"]:
            compile_catalogues(ROOT)
        case ["check"]:
            faults = find_faults(ROOT)
            print("\n".join(faults) or "every message is translated")
            return 1 if faults else 0
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
