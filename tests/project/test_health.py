"""The health check among a project's URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Fact, health
from buildstatic.project.search import Search
from tests.project.tree import read, write

SETTINGS = "ROOT_URLCONF = 'mysite.urls'\n"
HEAD = "from django.urls import include, path, re_path\n"


def found(root: Path, urls: str, **more: str) -> Fact[str] | None:
    others = {f"{name}/urls.py": text for name, text in more.items()}
    write(root, {"mysite/urls.py": HEAD + urls, **others})
    return health.find(read(root, {"mysite/settings.py": SETTINGS}), Search(root, root))


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        pytest.param("urlpatterns = [path('healthz', v)]", "/healthz", id="healthz"),
        pytest.param("urlpatterns = [path('', v), path('health/', v)]", "/health/", id="second"),
        pytest.param("urlpatterns = [re_path(r'^ping/?$', v)]", "/ping/", id="a regex"),
        pytest.param("urlpatterns = [re_path(r'^ping/(.*)$', v)]", None, id="many pages"),
        pytest.param("urlpatterns = [path('ht/', include('health_check.urls'))]", "/ht/", id="ht"),
        pytest.param(
            "urlpatterns = [path('state/', include('health_check.urls'))]", "/state/", id="package"
        ),
        pytest.param("urlpatterns = [path('status/', v)]", None, id="maybe another thing"),
        pytest.param("urlpatterns = i18n_patterns(path('health/', v))", None, id="i18n"),
        pytest.param("urlpatterns = [path(PREFIX + 'health/', v)]", None, id="not known"),
        pytest.param("urlpatterns = [path('health/', include(router.urls))]", None, id="a router"),
        pytest.param("urlpatterns = [", None, id="no Python"),
        pytest.param("urlpatterns = [path('$(id)/', v)]", None, id="no path"),
    ],
)
def test_the_usual_names_are_known(tmp_path: Path, urls: str, expected: str | None) -> None:
    fact = found(tmp_path, urls)
    assert fact == (Fact(expected, "mysite/urls.py:2") if expected else None)


def test_included_urls_are_looked_through(tmp_path: Path) -> None:
    urls = "urlpatterns = [path('api/', include(('shop.urls', 'shop'), namespace='s'))]"
    fact = found(tmp_path, urls, shop=f"{HEAD}urlpatterns = [path('livez', v)]\n")
    assert fact == Fact("/api/livez", "shop/urls.py:2")


def test_urls_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    urls = "urlpatterns = [path('a/', include('{}.urls'))]"
    assert found(tmp_path, urls.format("shop"), shop=HEAD + urls.format("mysite")) is None


def test_without_urls_there_is_none(tmp_path: Path) -> None:
    settings = read(tmp_path, {"mysite/settings.py": SETTINGS})
    assert health.find(settings, Search(tmp_path, tmp_path)) is None
