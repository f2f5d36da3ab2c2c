from django.apps import AppConfig
from django.core import checks


class CredentialsConfig(AppConfig):
    name = "credentials"

    def ready(self) -> None:
        from credentials.checks import check_quorum_policy

        checks.register(check_quorum_policy)
