"""Keys with which verifier organisations sign what they ask of wallets."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0003_agency_profiles")]

    operations = [
        migrations.AddField(
            model_name="signingkey",
            name="organisation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signing_keys",
                to="identity.organisation",
            ),
        ),
        migrations.AlterField(
            model_name="signingkey",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("authority", "Issuing certificate authority"),
                    ("credential", "Certificates"),
                    ("status", "Status lists"),
                    ("receipt", "Receipts"),
                    ("request", "Requests of a verifier"),
                    ("trust", "Trust lists"),
                ],
                max_length=12,
            ),
        ),
        migrations.RemoveConstraint(model_name="signingkey", name="one_active_key_of_service"),
        migrations.AddConstraint(
            model_name="signingkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("agency__isnull", True), ("organisation__isnull", True), ("state", "active")),
                fields=("purpose",),
                name="one_active_key_of_service",
            ),
        ),
        migrations.AddConstraint(
            model_name="signingkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")),
                fields=("organisation", "purpose"),
                name="one_active_key_per_organisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="signingkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("agency__isnull", True), ("organisation__isnull", True), _connector="OR"),
                name="one_owner_per_key",
            ),
        ),
    ]
