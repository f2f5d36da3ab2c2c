"""The key with which sign-ins are passed on over OpenID Connect."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0004_request_keys")]

    operations = [
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
                    ("bridge", "Sign-ins passed on over OpenID Connect"),
                ],
                max_length=12,
            ),
        ),
    ]
