from django.apps import AppConfig
from django.core import checks
from django.db.models import Field
from django.utils.translation import gettext_lazy as _


class AnchoringConfig(AppConfig):
    name = "anchoring"
    verbose_name = _("Log")

    def ready(self) -> None:
        from anchoring.checks import check_head_guard, check_ledgers, check_log_origin, check_witness_name
        from anchoring.copying import Among

        Field.register_lookup(Among)

        checks.register(check_log_origin)
        checks.register(check_witness_name)
        checks.register(check_ledgers)
        checks.register(check_head_guard, checks.Tags.database)
