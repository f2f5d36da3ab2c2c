import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("credentials", "0003_wallet_issuance"), ("identity", "0001_people_and_keys")]

    operations = [
        migrations.CreateModel(
            name="VerificationPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60)),
                ("version", models.PositiveIntegerField()),
                ("rules", models.JSONField()),
                ("retention_days", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verification_policies",
                        to="identity.organisation",
                    ),
                ),
            ],
            options={"verbose_name_plural": "verification policies"},
        ),
        migrations.CreateModel(
            name="KeptReport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("report_ciphertext", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("delete_after", models.DateTimeField(db_index=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="kept_reports",
                        to="identity.organisation",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="verificationpolicy",
            constraint=models.UniqueConstraint(
                fields=("organisation", "slug", "version"), name="one_policy_per_version"
            ),
        ),
        migrations.AddIndex(
            model_name="keptreport",
            index=models.Index(fields=["organisation", "-created_at"], name="reports_of_organisation"),
        ),
    ]
