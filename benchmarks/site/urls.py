"""No URL is resolved while static files are collected."""

urlpatterns: list[object] = []
