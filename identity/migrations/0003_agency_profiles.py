import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_trust_lists")]

    operations = [
        migrations.AddField(
            model_name="agency",
            name="haip",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="organisation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to="identity.organisation",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="agency",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_keys",
                to="identity.agency",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("organisation__isnull", True), ("agency__isnull", True), _connector="XOR"),
                name="api_key_of_one_owner",
            ),
        ),
    ]
