"""The catalogues follow the source: nothing is missed, nothing is left over, every placeholder survives."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest

from scripts import messages

PYTHON = """
from django.utils.translation import gettext as _, ngettext, pgettext
a = _("Issue %(number)s")
b = ngettext("%(count)d item", "%(count)d items", 2)
c = pgettext("verb", "Share")
"""
TEMPLATE = """
  {% load i18n %}
    {% translate "Save 5%" %}
  {% blocktranslate with name=x %}Hello {{ name }}{% endblocktranslate %}
{% include "x.html" with title=_("In a parameter") %}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(messages, "OWN_WORDING", ())
    (tmp_path / "config" / "migrations").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    (tmp_path / "config" / "views.py").write_text(PYTHON)
    (tmp_path / "config" / "migrations" / "0001_x.py").write_text("_('Never shown')")
    (tmp_path / "templates" / "page.html").write_text(TEMPLATE)
    messages.update_catalogues(tmp_path)
    return tmp_path


def translate(root: Path, locale: str, texts: dict[str, str]) -> None:
    path = messages.catalogue_path(root, locale)
    text = path.read_text()
    for msgid, msgstr in texts.items():
        empty = f'msgid "{msgid}"\nmsgstr ""'
        assert empty in text
        text = text.replace(empty, f'msgid "{msgid}"\nmsgstr "{msgstr}"')
    text = text.replace('msgstr[0] ""', 'msgstr[0] "%(count)d 項"').replace('msgstr[1] ""', 'msgstr[1] "%(count)d 項"')
    path.write_text(text)


def finish(root: Path) -> None:
    texts = {
        "Issue %(number)s": "簽發 %(number)s",
        "Share": "分享",
        "Save 5%%": "節省 5%%",
        "Hello %(name)s": "%(name)s，你好",
        "In a parameter": "參數",
    }
    for locale in ("zh_Hant", "zh_Hans", "pt"):
        translate(root, locale, texts)


def test_every_kind_of_message_is_found(root: Path) -> None:
    found = {message.id for message in messages.extract_messages(root) if message.id}
    assert found == {
        "Issue %(number)s",
        ("%(count)d item", "%(count)d items"),
        "Share",
        "Save 5%%",
        "Hello %(name)s",
        "In a parameter",
    }


def test_untranslated_messages_are_faults_of_every_language_but_english(root: Path) -> None:
    faults = messages.find_faults(root)
    assert {fault.split(":")[0] for fault in faults} == {"zh_Hant", "zh_Hans", "pt"}
    assert len(faults) == 18


def test_finished_catalogues_have_no_faults(root: Path) -> None:
    finish(root)
    assert messages.find_faults(root) == []


def test_update_keeps_translations_and_drops_what_is_gone(root: Path) -> None:
    finish(root)
    (root / "config" / "views.py").write_text(PYTHON.replace('c = pgettext("verb", "Share")', ""))
    assert [fault.partition(": ")[2] for fault in messages.find_faults(root)] == [
        "no longer in the source: 'Share'"
    ] * 4
    messages.update_catalogues(root)
    assert messages.find_faults(root) == []
    assert "節省 5%%" in messages.catalogue_path(root, "pt").read_text()


def test_a_new_message_is_missing_until_updated(root: Path) -> None:
    finish(root)
    (root / "config" / "more.py").write_text('gettext("New")')
    assert len(messages.find_faults(root)) == 4
    assert all(": missing: 'New'" in fault for fault in messages.find_faults(root))


@pytest.mark.parametrize("wrong", ["簽發", "簽發 %(nummer)s", "簽發 %(number)d"])
def test_a_changed_placeholder_is_a_fault(root: Path, wrong: str) -> None:
    finish(root)
    path = messages.catalogue_path(root, "zh_Hant")
    path.write_text(path.read_text().replace("簽發 %(number)s", wrong))
    assert messages.find_faults(root) == ["zh_Hant: other placeholders: 'Issue %(number)s' (config/views.py)"]


def test_a_fuzzy_translation_is_a_fault_and_is_not_compiled(root: Path) -> None:
    finish(root)
    path = messages.catalogue_path(root, "pt")
    path.write_text(path.read_text().replace('msgid "In a parameter"', '#, fuzzy\nmsgid "In a parameter"'))
    assert messages.find_faults(root) == ["pt: fuzzy: 'In a parameter' (templates/page.html)"]
    assert load(root, "pt").gettext("In a parameter") == "In a parameter"


def load(root: Path, locale: str) -> gettext.GNUTranslations:
    messages.compile_catalogues(root)
    with messages.catalogue_path(root, locale).with_suffix(".mo").open("rb") as handle:
        return gettext.GNUTranslations(handle)


def test_compiled_catalogues_translate_and_leave_out_what_is_unfinished(root: Path) -> None:
    assert load(root, "zh_Hant").ngettext("%(count)d item", "%(count)d items", 2) == "%(count)d items"
    finish(root)
    assert load(root, "zh_Hant").ngettext("%(count)d item", "%(count)d items", 2) == "%(count)d 項"
    assert load(root, "zh_Hans").pgettext("verb", "Share") == "分享"


def test_portuguese_includes_what_the_accounts_library_calls_otherwise(root: Path) -> None:
    assert load(root, "pt").gettext("Sign In") == "Iniciar sessão"


def test_a_text_of_the_accounts_library_can_be_worded_by_us(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "OWN_WORDING", ("Sign In",))
    messages.update_catalogues(root)
    translate(root, "pt", {"Sign In": "Entrar"})
    assert load(root, "pt").gettext("Sign In") == "Entrar"


def test_catalogues_carry_no_dates_or_line_numbers(root: Path) -> None:
    first = messages.catalogue_path(root, "pt").read_bytes()
    (root / "config" / "views.py").write_text("\n\n\n" + PYTHON)
    messages.update_catalogues(root)
    assert messages.catalogue_path(root, "pt").read_bytes() == first


def test_the_command_reports_by_its_exit_code(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "ROOT", root)
    assert messages.main(["check"]) == 1
    finish(root)
    assert messages.main(["check"]) == 0
    assert messages.main(["compile"]) == 0
    assert messages.main(["nonsense"]) == 2
