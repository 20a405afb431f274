from django.db import migrations

from shop.slow import step


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(step("0002"), migrations.RunPython.noop)]
