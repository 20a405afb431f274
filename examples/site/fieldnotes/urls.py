from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from sightings import views

router = DefaultRouter()
router.register("sightings", views.SightingViewSet)

urlpatterns = [
    path("", views.SightingList.as_view(), name="sightings"),
    path("sightings/<int:pk>/", views.SightingDetail.as_view(), name="sighting"),
    path("api/", include(router.urls)),
    path("admin/", admin.site.urls),
    path("health/", views.health, name="health"),
]
