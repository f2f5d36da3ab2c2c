import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credentials", "0004_verification_policies"),
        ("identity", "0001_people_and_keys"),
    ]

    operations = [
        migrations.AddField(
            model_name="credentialtype",
            name="units",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.CreateModel(
            name="Redemption",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                ("units", models.PositiveIntegerField()),
                ("idempotency_key", models.CharField(max_length=64)),
                ("request_digest", models.BinaryField(max_length=32)),
                ("presentation_digest", models.BinaryField(max_length=32, unique=True)),
                ("salt", models.BinaryField(max_length=16)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reversed_at", models.DateTimeField(null=True)),
                ("reversal_reason", models.CharField(blank=True, max_length=200)),
                (
                    "credential",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="redemptions",
                        to="credentials.credential",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="redemptions",
                        to="identity.organisation",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organisation", "idempotency_key"), name="one_redemption_per_key"),
                    models.UniqueConstraint(fields=("credential", "number"), name="one_redemption_at_a_time"),
                    models.CheckConstraint(condition=models.Q(("units__gt", 0)), name="redemption_takes_units"),
                ],
            },
        ),
    ]
