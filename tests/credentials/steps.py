"""What the children of the race and fault tests run."""

from __future__ import annotations

from credentials import bulk, issuance, reissue
from credentials.models import Application, CredentialType
from credentials.subject import subject_hmac
from identity.models import Account, Person
from identity.weid import weid_of
from tests import cast


def sweep() -> None:
    """Issue whatever is approved."""
    issuance.resume_issuance()


def issue_backwards() -> None:
    """The same from the other end, so that two workers meet in the middle."""
    for application in Application.objects.filter(state=Application.State.APPROVED).order_by("-decided_at"):
        issuance.issue(application=application)


def restore() -> None:
    """What the button of Lei's portal does."""
    person = Person.objects.get(account__email="lei@demo.chancela.example")
    weid = weid_of(person)
    assert weid is not None
    reissue.restore_all(weid=weid, person=person)


def issue_batch() -> None:
    """A batch for everyone who has no certificate yet."""
    served = set(Application.objects.values_list("person_hmac", flat=True))
    people = [one for one in Person.objects.filter(account=None).order_by("pk") if subject_hmac(one) not in served]
    bulk.issue_many(
        credential_type=CredentialType.objects.select_related("agency").get(slug="birth-certificate"),
        maker=Account.objects.get(email="ana@demo.chancela.example"),
        checker=Account.objects.get(email="bo@demo.chancela.example"),
        entries=[bulk.Entry(person, cast.claims_for()) for person in people],
        chunk=20,
    )
