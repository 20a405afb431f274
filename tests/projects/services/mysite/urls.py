from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from notes.models import Note


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html", {"notes": Note.objects.count()})


def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("well")


urlpatterns = [path("", index), path("healthz/", health)]
