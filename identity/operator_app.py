"""In a module of its own: Django takes every AppConfig that it meets in apps.py for this app's."""

from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """Stands in for django.contrib.admin in INSTALLED_APPS."""

    default_site = "identity.operator_site.OperatorSite"
