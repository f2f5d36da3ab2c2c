from django.apps import AppConfig
from django.core import checks


class CredentialsConfig(AppConfig):
    name = "credentials"

    def ready(self) -> None:
        from credentials.checks import check_quorum_policy, check_vc_api, check_wallet_providers

        checks.register(check_quorum_policy)
        checks.register(check_vc_api)
        checks.register(check_wallet_providers)
