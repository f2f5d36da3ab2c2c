"""What is published of a type never changes, and certificates pin it."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from xml.dom.minidom import Document, parseString

import pytest
from django.test import Client

from credentials import catalog, svg_template
from credentials.catalog import seed_types
from credentials.holdings import read_sd_jwt
from credentials.models import TypeDocument
from protocol import sd_jwt_vc
from tests import cast

pytestmark = pytest.mark.django_db

METADATA = "/types/birth-certificate/1"


def drawn(text: str) -> Document:
    return parseString(text)  # noqa: S318 our own text


def integrity_of(content: bytes) -> str:
    return f"sha256-{b64encode(sha256(content).digest()).decode()}"


@pytest.mark.requirement("SD-JWT VC §7", "vct#integrity is the digest of the type metadata as served")
def test_a_certificate_pins_the_metadata_as_served() -> None:
    lei = cast.lei()
    credential = cast.issue_certificate(to=lei)
    payload = sd_jwt_vc.parse(read_sd_jwt(credential, lei.person)).payload
    assert payload["vct#integrity"] == integrity_of(Client().get(METADATA).content)


@pytest.mark.requirement("SD-JWT VC §8.1.2", "templates are named with their digest, one for each language")
def test_the_metadata_pin_a_template_in_each_language() -> None:
    cast.credential_type()
    shown = Client().get(METADATA).json()["display"]
    for display in shown:
        [template] = display["rendering"]["svg_templates"]
        answer = Client().get(template["uri"].removeprefix("http://localhost:8000"))
        assert answer["Content-Type"] == "image/svg+xml"
        assert template["uri#integrity"] == integrity_of(answer.content)
        assert display["name"] in answer.content.decode()


@pytest.mark.requirement("SD-JWT VC §9.4", "every placeholder of a template is the svg_id of one claim")
def test_every_placeholder_is_a_claim_and_filled_in_it_is_still_a_picture() -> None:
    cast.credential_type()
    claims = Client().get(METADATA).json()["claims"]
    names = [claim["svg_id"] for claim in claims if "svg_id" in claim]
    assert len(names) == len(set(names))
    assert "birth_place_locality" in names
    text = Client().get(f"{METADATA}/pt.svg").content.decode()
    for name in names:
        assert f"{{{{{name}}}}}" in text
        text = text.replace(f"{{{{{name}}}}}", escape('<script>alert("x")</script> & Co'))
    assert "{{" not in text
    assert {element.tagName for element in drawn(text).getElementsByTagName("*")} == {
        "svg",
        "title",
        "rect",
        "path",
        "text",
    }


def test_our_own_texts_are_escaped_in_a_template() -> None:
    text = svg_template.draw(title="<b>&", issuer='"]]>', lines=[("</text>", "x")], language="en")
    assert "<b>" not in text
    assert drawn(text).documentElement


def test_what_is_published_does_not_follow_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = cast.credential_type()
    before = Client().get(METADATA).content
    monkeypatch.setattr(catalog, "type_metadata", lambda *_: {"vct": "changed"})
    seed_types([kind.agency])
    assert Client().get(METADATA).content == before
    assert TypeDocument.objects.filter(credential_type=kind).count() == 5


def test_unknown_templates_are_not_found() -> None:
    cast.credential_type()
    for path in (
        f"{METADATA}/fr.svg",
        f"{METADATA}/metadata.svg",
        "/types/none/1/pt.svg",
        "/types/birth-certificate/2/pt.svg",
    ):
        assert Client().get(path).status_code == 404
