"""Relying parties of OpenID Connect, and the sign-ins to them by presentation."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("authorization", "0003_webhooks"),
        ("identity", "0005_bridge_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="RelyingParty",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("client_id", models.CharField(max_length=40, unique=True)),
                ("name", models.CharField(max_length=80)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("client_secret_basic", "A shared secret"),
                            ("private_key_jwt", "A key of its own"),
                            ("none", "None: the system runs where it can keep no secret"),
                        ],
                        max_length=20,
                    ),
                ),
                ("secret_digest", models.CharField(blank=True, max_length=64)),
                ("keys", models.JSONField(default=list)),
                ("redirect_uris", models.JSONField()),
                ("claim_names", models.JSONField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="relying_parties",
                        to="identity.organisation",
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="relying_parties",
                        to="authorization.requesttemplate",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BridgeLogin",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("redirect_uri", models.CharField(max_length=2048)),
                ("state", models.CharField(blank=True, max_length=1024)),
                ("nonce", models.CharField(blank=True, max_length=512)),
                ("code_challenge", models.CharField(max_length=43)),
                ("browser_digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=40)),
                ("subject", models.CharField(blank=True, max_length=64)),
                ("authenticated_at", models.DateTimeField(null=True)),
                ("claims_ciphertext", models.BinaryField(default=bytes)),
                ("code_digest", models.CharField(blank=True, max_length=64)),
                ("redeemed_at", models.DateTimeField(null=True)),
                ("token_digest", models.CharField(blank=True, max_length=64)),
                ("usable_until", models.DateTimeField(null=True)),
                (
                    "device_session",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="device_login",
                        to="authorization.presentationsession",
                    ),
                ),
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="login",
                        to="authorization.presentationsession",
                    ),
                ),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="logins",
                        to="authorization.relyingparty",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("code_digest", ""), _negated=True),
                        fields=("code_digest",),
                        name="one_login_per_code",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("token_digest", ""), _negated=True),
                        fields=("token_digest",),
                        name="one_login_per_token",
                    ),
                ],
            },
        ),
    ]
