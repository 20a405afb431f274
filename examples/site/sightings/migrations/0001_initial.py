from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Sighting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "kind",
                    models.CharField(
                        choices=[("bird", "Bird"), ("plant", "Plant"), ("insect", "Insect")],
                        max_length=10,
                    ),
                ),
                ("place", models.CharField(max_length=100)),
                ("seen_on", models.DateField()),
                ("note", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-seen_on", "name"],
            },
        ),
    ]
