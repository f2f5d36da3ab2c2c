"""What can be wrong with cosignatures, requests to witnesses and quorum policies."""

from __future__ import annotations

from typing import ClassVar

from protocol.errors.base import ProtocolError


class CosignatureTimeError(ProtocolError):
    """A time that a cosignature may not bear here (C2SP tlog-cosignature, Format; tlog-witness, add-checkpoint)."""

    code = "cosignature_time_invalid"


class WitnessError(ProtocolError):
    """A refusal of ``add-checkpoint``; ``status`` is the HTTP status that the standard asks for (C2SP tlog-witness)."""

    code = "witness_refused"
    status: ClassVar[int] = 400


class WitnessRequestError(WitnessError):
    """Not a well-formed request, or an old size above the checkpoint's (C2SP tlog-witness, add-checkpoint)."""

    code = "witness_request_malformed"
    status = 400


class WitnessSignatureError(WitnessError):
    """No valid signature by a key that is trusted for this origin (C2SP tlog-witness, add-checkpoint)."""

    code = "witness_checkpoint_unsigned"
    status = 403


class WitnessOriginError(WitnessError):
    """A log that this witness does not know (C2SP tlog-witness, add-checkpoint)."""

    code = "witness_origin_unknown"
    status = 404


class WitnessSizeError(WitnessError):
    """The old size is not that of the latest checkpoint cosigned, which is ``size`` (C2SP tlog-witness)."""

    code = "witness_size_conflict"
    status = 409

    def __init__(self, detail: str = "", *, size: int = 0) -> None:
        super().__init__(detail)
        self.size = size


class WitnessProofError(WitnessError):
    """The checkpoint is not shown to extend the latest one cosigned (C2SP tlog-witness, add-checkpoint)."""

    code = "witness_proof_invalid"
    status = 422


class WitnessResponseError(ProtocolError):
    """What a witness answered is not a sequence of signature lines within bounds (C2SP tlog-witness)."""

    code = "witness_response_malformed"


class QuorumPolicyError(ProtocolError):
    """Not a well-formed trust policy (C2SP tlog-policy, Policy file syntax and structure)."""

    code = "quorum_policy_malformed"
