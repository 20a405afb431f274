from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.generic import DetailView, ListView
from rest_framework import serializers, viewsets

from sightings.models import Sighting


class SightingList(ListView):
    model = Sighting


class SightingDetail(DetailView):
    model = Sighting


class SightingSerializer(serializers.ModelSerializer):
    class Meta:
        model = Sighting
        fields = ["id", "name", "kind", "place", "seen_on", "note"]


class SightingViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Sighting.objects.all()
    serializer_class = SightingSerializer


def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
