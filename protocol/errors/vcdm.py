"""What can be wrong with a W3C verifiable credential or presentation, and with the JOSE that secures it."""

from __future__ import annotations

from protocol.errors.base import ProtocolError


class VcdmError(ProtocolError):
    """Not a document of the Verifiable Credentials Data Model 2.0."""

    code = "vcdm_malformed"


class VcdmContextError(VcdmError):
    """``@context`` missing, out of order, unusable, or redefining a protected term (VCDM 2.0 §4.3, §5.2)."""

    code = "vcdm_context_invalid"


class VcdmTypeError(VcdmError):
    """``type`` missing, without the base type, or neither a URL nor a term of the context (VCDM 2.0 §4.5)."""

    code = "vcdm_type_invalid"


class VcdmIdentifierError(VcdmError):
    """An ``id`` that is not one URL (VCDM 2.0 §4.4)."""

    code = "vcdm_identifier_invalid"


class VcdmIssuerError(VcdmError):
    """``issuer`` is neither a URL nor an object with one as its ``id`` (VCDM 2.0 §4.7)."""

    code = "vcdm_issuer_invalid"


class VcdmHolderError(VcdmError):
    """``holder`` is neither a URL nor an object with one as its ``id`` (VCDM 2.0 §4.13)."""

    code = "vcdm_holder_invalid"


class VcdmSubjectError(VcdmError):
    """``credentialSubject`` missing, empty, or not one or more objects (VCDM 2.0 §4.8)."""

    code = "vcdm_subject_invalid"


class VcdmValidityError(VcdmError):
    """``validFrom`` or ``validUntil`` is no dateTimeStamp, or they are the wrong way round (VCDM 2.0 §4.9)."""

    code = "vcdm_validity_invalid"


class VcdmTextError(VcdmError):
    """``name`` or ``description`` is neither text nor language value objects (VCDM 2.0 §4.6, §11.1)."""

    code = "vcdm_text_invalid"


class VcdmPropertyError(VcdmError):
    """A status, schema, evidence, terms, refresh service, proof or related resource without what it must state."""

    code = "vcdm_property_invalid"


class VcdmEnvelopeError(VcdmError):
    """Not an enveloped credential or presentation with a data: URL of a known media type (VCDM 2.0 §4.13)."""

    code = "vcdm_envelope_invalid"


class VcdmMemberError(VcdmError):
    """A top-level member that no verifier here would understand is not signed (VC-JOSE-COSE §3.1.3)."""

    code = "vcdm_member_unknown"


class VcClaimError(ProtocolError):
    """The claims ``vc`` and ``vp`` must not be in a token of VCDM 2.0 (VC-JOSE-COSE §1.1.2.1)."""

    code = "vc_claim_forbidden"


class VcConflictError(ProtocolError):
    """A JWT claim contradicts the document's property of the same meaning (VC-JOSE-COSE §3.1.3, §4.1.1)."""

    code = "vc_claim_conflict"
