from django.contrib import admin

from sightings.models import Sighting


@admin.register(Sighting)
class SightingAdmin(admin.ModelAdmin):
    list_display = ["name", "kind", "place", "seen_on"]
    list_filter = ["kind", "place"]
    search_fields = ["name", "note"]
    date_hierarchy = "seen_on"
