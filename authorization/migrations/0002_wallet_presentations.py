"""Sessions in which any wallet may answer a request over OpenID4VP, once."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("authorization", "0001_consent"),
        ("identity", "0004_request_keys"),
    ]

    operations = [
        migrations.AlterField(
            model_name="presentationrequest",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Waiting for the citizen"),
                    ("granted", "Shared"),
                    ("presented", "Shown by a wallet"),
                    ("refused", "Refused"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="PresentationSession",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("response_mode", models.CharField(max_length=20)),
                ("client_id", models.CharField(max_length=400)),
                ("request_uri_method", models.CharField(default="get", max_length=4)),
                ("nonce", models.CharField(max_length=43)),
                ("secrets_ciphertext", models.BinaryField()),
                ("dcql_query", models.JSONField()),
                ("transaction_data", models.JSONField(default=list)),
                ("carries_terms", models.BooleanField(default=False)),
                ("expected_origins", models.JSONField(default=list)),
                ("redirect_uri", models.CharField(blank=True, max_length=1000)),
                (
                    "keep",
                    models.CharField(
                        choices=[
                            ("retention", "For as long as the citizen was told"),
                            ("first_read", "Until it is read"),
                        ],
                        default="retention",
                        max_length=10,
                    ),
                ),
                ("fetched_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=80)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True, choices=[("presented", "Shown by a wallet"), ("refused", "Refused")], max_length=10
                    ),
                ),
                ("verdict", models.CharField(blank=True, max_length=12)),
                ("report", models.JSONField(default=list)),
                ("presentation_ciphertext", models.BinaryField(null=True)),
                ("retained_until", models.DateTimeField(null=True)),
                ("response_code_digest", models.CharField(blank=True, max_length=64)),
                ("code_redeemed_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="session",
                        to="authorization.presentationrequest",
                    ),
                ),
                (
                    "signing_key",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="identity.signingkey",
                    ),
                ),
                (
                    "weid",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="identity.weid",
                    ),
                ),
            ],
        ),
    ]
