from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("anchoring", "0005_redemption_leaves"),
    ]

    operations = [
        migrations.AlterField(
            model_name="logentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("credential", "Certificate issued"),
                    ("status", "Status changed"),
                    ("weid", "WeID document"),
                    ("authorization", "Authorization given"),
                    ("withdrawal", "Authorization withdrawn"),
                    ("redemption", "Certificate redeemed, or the redemption reversed"),
                    ("audit", "Audit trail head"),
                    ("key", "Signing key made, retired or disabled"),
                    ("checkpoint", "Checkpoint of another log"),
                    ("trust", "Trust list published"),
                ],
                max_length=20,
            ),
        ),
    ]
