"""The shipped types as data: complete in four languages, consistent, and refusing what they must."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from credentials.catalog import build_schema, disclosable_paths, seed_types
from credentials.claim_paths import dotted, matches, nest, values_at
from credentials.display import claim_rows, hidden_labels
from credentials.errors import ClaimsInvalidError
from credentials.models import CredentialType
from credentials.profiles import PROFILES
from credentials.profiles.fields import Profile
from credentials.schemas import check_claims
from credentials.signing import DECOY_BUCKET
from identity.personas import AGENCY_NAMES
from tests import cast

LANGUAGES = {"zh-hant", "zh-hans", "pt", "en"}


@pytest.fixture(params=PROFILES, ids=[profile.slug for profile in PROFILES])
def profile(request: pytest.FixtureRequest) -> Profile:
    found: Profile = request.param
    return found


def kind_of(profile: Profile) -> CredentialType:
    return CredentialType(
        slug=profile.slug, schema=build_schema(profile.claims), claims=[claim.spec for claim in profile.claims]
    )


def test_every_name_is_there_in_four_languages(profile: Profile) -> None:
    named = [profile.name, profile.description]
    for claim in profile.claims:
        named += [claim.spec["label"], *(option["label"] for option in claim.spec.get("options", []))]
        named += [claim.spec["hint"]] if "hint" in claim.spec else []
    assert all(set(texts) == LANGUAGES and all(texts.values()) for texts in named)


def test_the_schema_is_one_that_others_read_the_same(profile: Profile) -> None:
    schema = build_schema(profile.claims)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(cast.claims_for(profile.slug), schema, cls=jsonschema.Draft202012Validator)


def test_nothing_at_the_top_is_shown_without_being_asked_for(profile: Profile) -> None:
    top = [claim.path for claim in profile.claims if len(claim.path) == 1]
    assert set(top) <= set(disclosable_paths(kind_of(profile)))


def test_leaving_optional_claims_out_never_changes_the_padded_count(profile: Profile) -> None:
    top = [claim for claim in profile.claims if len(claim.path) == 1]
    least = sum(claim.required or "derived" in claim.spec for claim in top)
    assert -(-least // DECOY_BUCKET) == -(-len(top) // DECOY_BUCKET)


@pytest.mark.parametrize("character", ["\n", "\x00", "\x1b", "\x7f", "\u200b", "\u202e", "\u2066", "\ufeff", "\u2028"])
def test_invisible_and_direction_changing_characters_are_refused_everywhere(profile: Profile, character: str) -> None:
    kind = kind_of(profile)
    claims = cast.claims_for(profile.slug)
    texts = [claim.path for claim in profile.claims if claim.spec.get("widget") in {"text", "textarea"}]
    for path in texts:
        for found, value in list(values_at(claims, path)):
            changed = _with(claims, found, f"{value}{character}x")
            with pytest.raises(ClaimsInvalidError) as refused:
                check_claims(kind, changed)
            assert list(refused.value.fields) == [dotted(found)]


def _with(claims: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(claims, list):
        return [_with(item, path[1:], value) if place == path[0] else item for place, item in enumerate(claims)]
    return {name: _with(item, path[1:], value) if name == path[0] else item for name, item in claims.items()}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"family_name": None}, "family_name"),
        ({"family_name": " "}, "family_name"),
        ({"family_name": "x" * 61}, "family_name"),
        ({"family_name": 1}, "family_name"),
        ({"birth_date": "1990-02-30"}, "birth_date"),
        ({"birth_date": "30/1/1990"}, "birth_date"),
        ({"birth_date": "2999-01-01"}, "birth_date"),
        ({"birth_date": "1991-01-01"}, "birth_date"),
        ({"age_over_18": True}, "age_over_18"),
        ({"certificate_number": "X"}, "certificate_number"),
        ({"unknown": 1}, ""),
        ({"birth_place": {"locality": "Sé"}}, "birth_place.country"),
        ({"parents": []}, "parents"),
        ({"parents": [{"name": "A", "relation": "aunt"}]}, "parents.0.relation"),
        ({"parents": [{"name": "A", "relation": "mother"}] * 3}, "parents"),
    ],
)
def test_a_wrong_claim_is_named(changes: dict[str, Any], field: str) -> None:
    kind = kind_of(PROFILES[0])
    with pytest.raises(ClaimsInvalidError) as refused:
        check_claims(kind, cast.claims_for(**changes), identity={"birth_date": "1990-03-31"})
    assert field in refused.value.fields


@pytest.mark.django_db
def test_seeding_twice_changes_nothing() -> None:
    offices = [cast.agency(slug) for slug in AGENCY_NAMES]
    first = [kind.pk for kind in seed_types(offices)]
    assert [kind.pk for kind in seed_types(offices)] == first
    assert CredentialType.objects.count() == len(PROFILES)


def test_rows_stand_item_by_item_and_hidden_ones_are_named() -> None:
    kind = kind_of(PROFILES[0])
    rows = claim_rows(kind, {"parents": cast.claims_for()["parents"], "sex": "female"})
    assert [dotted(row.path) for row in rows] == [
        "sex",
        "parents.0.name",
        "parents.0.relation",
        "parents.1.name",
        "parents.1.relation",
    ]
    assert len(hidden_labels(kind, {"sex": "female"})) == 10


def test_paths_lead_where_they_say() -> None:
    claims = {"a": [{"b": 1}, {"b": 2}, {}], "c": {"d": None}}
    assert list(values_at(claims, ("a", None, "b"))) == [(("a", 0, "b"), 1), (("a", 1, "b"), 2)]
    assert list(values_at(claims, ("a", 1, "b"))) == [(("a", 1, "b"), 2)]
    assert list(values_at(claims, ("c", "d"))) == [(("c", "d"), None)]
    assert list(values_at(claims, ("c", None))) == []
    assert matches(("a", 0, "b"), ("a", None, "b"))
    assert not matches(("a", "x", "b"), ("a", None, "b"))
    assert nest({("a", 3, "b"): 1, ("a", 1, "b"): 2, ("c",): 3}) == {"a": [{"b": 2}, {"b": 1}], "c": 3}
