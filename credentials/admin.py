"""The operator's view: names and states, read-only. Ciphertext, digests, keys and bits are left out."""

from __future__ import annotations

from django.contrib import admin

from credentials.models import (
    Application,
    Credential,
    CredentialInstance,
    CredentialOffer,
    CredentialType,
    DeferredIssuance,
    IssuanceIntent,
    RequestKey,
    StatusChange,
    StatusList,
    TypeDocument,
    WalletAuthorization,
    WalletGrant,
    WalletProvider,
)
from identity.admin import ReadOnlyAdmin


class CredentialsAdmin(ReadOnlyAdmin):
    hidden = {
        "claims_ciphertext", "person_ciphertext", "person_hmac", "sd_jwt_ciphertext", "digest", "array", "salt",
        "code_digest", "reference_digest", "tx_code_digest", "request_digest", "access_digest", "refresh_digest",
        "transaction_digest", "code_challenge", "holder_jwks", "wrapped_private_key",
    }  # fmt: skip


admin.site.register(
    [Application, Credential, CredentialInstance, CredentialOffer, CredentialType, DeferredIssuance, IssuanceIntent,
     RequestKey, StatusChange, StatusList, TypeDocument, WalletAuthorization, WalletGrant, WalletProvider],
    CredentialsAdmin,
)  # fmt: skip
