from django.db import migrations

from shop.slow import step


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_slow")]
    operations = [migrations.RunPython(step("0003"), migrations.RunPython.noop)]
