from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from psycopg2.extensions import libpq_version


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html", {"libpq": libpq_version()})


urlpatterns = [path("", index)]
