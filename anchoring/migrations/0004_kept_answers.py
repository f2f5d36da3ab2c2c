from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("anchoring", "0003_vacuum_by_count")]

    operations = [
        migrations.RemoveConstraint("TimeStamp", "one_time_stamp_per_size"),
        migrations.RenameModel("TimeStamp", "KeptAnswer"),
        migrations.AddConstraint(
            "KeptAnswer",
            models.UniqueConstraint(fields=["ledger_id", "origin", "size"], name="one_kept_answer_per_size"),
        ),
    ]
