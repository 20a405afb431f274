"""Server, WSGI and ASGI application, health check and other processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Fact, Package, Packages, Process, Server, application
from buildstatic.project.files import Search
from tests.project.tree import packages, read, write


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["gunicorn>=23"], Fact(Server("gunicorn", ">=23"), "r.txt:1")),
        (["uvicorn[standard]==0.34"], Fact(Server("uvicorn", "==0.34"), "r.txt:1")),
        (["uvicorn", "gunicorn"], Fact(Server("gunicorn", ""), "r.txt:2")),
        (["gunicorn", "uvicorn-worker"], Fact(Server("gunicorn", "", True), "r.txt:1")),
        (["uvicorn", "uvicorn-worker"], Fact(Server("uvicorn-worker", "", True), "r.txt:2")),
        (["Daphne"], Fact(Server("daphne", ""), "r.txt:1")),
        (["gunicorn", "daphne", "channels"], Fact(Server("daphne", ""), "r.txt:2")),
        (["uWSGI"], Fact(Server("uwsgi", ""), "r.txt:1")),
        (["django"], None),
    ],
)
def test_server(lines: list[str], expected: Fact[Server] | None) -> None:
    assert application.find_server(packages(*lines), asgi=True) == expected


def test_server_fits_the_application() -> None:
    both = packages("gunicorn", "hypercorn", "uvicorn")
    asgi_only = application.find_server(both, asgi=True, wsgi=False)
    assert asgi_only is not None
    assert asgi_only.value.name == "uvicorn"
    assert application.find_server(packages("uvicorn", "daphne"), asgi=False) is None


def find(root: Path, kind: str, module: str, files: dict[str, str]) -> Fact[str] | None:
    file = f"{module.replace('.', '/')}.py"
    settings = read(root, {file: "", **files}, file)
    return application.find_application(kind, module, settings, Search(root, root))


def test_application_named_by_settings(tmp_path: Path) -> None:
    files = {
        "a/settings.py": (
            "WSGI_APPLICATION = 'b.wsgi.app'\nASGI_APPLICATION = 'a.routing.application'"
        ),
        "a/wsgi.py": "application = 1",
    }
    assert find(tmp_path, "wsgi", "a.settings", files) == Fact("b.wsgi:app", "a/settings.py:1")
    assert find(tmp_path, "asgi", "a.settings", files) == Fact(
        "a.routing:application", "a/settings.py:2"
    )


@pytest.mark.parametrize(
    ("module", "file", "expected"),
    [
        pytest.param("a.settings", "a/wsgi.py", "a.wsgi:application", id="beside"),
        pytest.param("a.settings.prod", "a/wsgi.py", "a.wsgi:application", id="above-the-package"),
        pytest.param("a.settings.prod", "wsgi.py", "wsgi:application", id="in-the-root"),
        pytest.param("settings", "wsgi.py", "wsgi:application", id="top-level"),
    ],
)
def test_application_beside_or_above_settings(
    tmp_path: Path, module: str, file: str, expected: str
) -> None:
    files = {file: "import os\n\napplication = get()\n"}
    assert find(tmp_path, "wsgi", module, files) == Fact(expected, f"{file}:3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("app = application = get()", "a.wsgi:application", id="both"),
        pytest.param("app = get()", "a.wsgi:app", id="app"),
        pytest.param("from x import application", "a.wsgi:application", id="imported"),
        pytest.param("from x import y as application", "a.wsgi:application", id="imported-as"),
        pytest.param(
            "if x:\n  application = 1\nelse:\n  application = 2", "a.wsgi:application", id="if"
        ),
        pytest.param("def application(e, s): pass", "a.wsgi:application", id="function"),
        pytest.param("server = get()", None, id="another-name"),
    ],
)
def test_application_attribute_is_bound_in_module(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    found = find(tmp_path, "wsgi", "a.settings", {"a/wsgi.py": text})
    assert (found.value if found else None) == expected


@pytest.mark.parametrize("value", ["None", "'application'", "find()", "'a b.c'"])
def test_invalid_application_setting_is_ignored(tmp_path: Path, value: str) -> None:
    files = {"a/settings.py": f"WSGI_APPLICATION = {value}", "a/wsgi.py": "application = 1"}
    assert find(tmp_path, "wsgi", "a.settings", files) == Fact("a.wsgi:application", "a/wsgi.py:1")


def test_no_application(tmp_path: Path) -> None:
    assert find(tmp_path, "asgi", "a.settings", {}) is None


SETTINGS = "ROOT_URLCONF = 'mysite.urls'\n"
HEAD = "from django.urls import include, path, re_path\n"


def health(root: Path, urls: str, **more: str) -> Fact[str] | None:
    others = {f"{name}/urls.py": text for name, text in more.items()}
    write(root, {"mysite/urls.py": HEAD + urls, **others})
    return application.find_health_check(
        read(root, {"mysite/settings.py": SETTINGS}), Search(root, root)
    )


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        pytest.param("urlpatterns = [path('healthz', v)]", "/healthz", id="healthz"),
        pytest.param("urlpatterns = [path('', v), path('health/', v)]", "/health/", id="second"),
        pytest.param("urlpatterns = [re_path(r'^ping/?$', v)]", "/ping/", id="a regex"),
        pytest.param("urlpatterns = [re_path(r'^ping/(.*)$', v)]", None, id="with-parameter"),
        pytest.param("urlpatterns = [path('ht/', include('health_check.urls'))]", "/ht/", id="ht"),
        pytest.param(
            "urlpatterns = [path('state/', include('health_check.urls'))]", "/state/", id="package"
        ),
        pytest.param("urlpatterns = [path('status/', v)]", None, id="ambiguous"),
        pytest.param("urlpatterns = i18n_patterns(path('health/', v))", None, id="i18n"),
        pytest.param("urlpatterns = [path(PREFIX + 'health/', v)]", None, id="not known"),
        pytest.param("urlpatterns = [path('health/', include(router.urls))]", None, id="a router"),
        pytest.param("urlpatterns = [", None, id="invalid-python"),
        pytest.param("urlpatterns = [path('$(id)/', v)]", None, id="not-a-path"),
    ],
)
def test_health_check_path(tmp_path: Path, urls: str, expected: str | None) -> None:
    fact = health(tmp_path, urls)
    assert fact == (Fact(expected, "mysite/urls.py:2") if expected else None)


def test_health_check_in_included_urls(tmp_path: Path) -> None:
    urls = "urlpatterns = [path('api/', include(('shop.urls', 'shop'), namespace='s'))]"
    fact = health(tmp_path, urls, shop=f"{HEAD}urlpatterns = [path('livez', v)]\n")
    assert fact == Fact("/api/livez", "shop/urls.py:2")


def test_circular_url_includes_end(tmp_path: Path) -> None:
    urls = "urlpatterns = [path('a/', include('{}.urls'))]"
    assert health(tmp_path, urls.format("shop"), shop=HEAD + urls.format("mysite")) is None


def test_no_health_check_without_urls(tmp_path: Path) -> None:
    settings = read(tmp_path, {"mysite/settings.py": SETTINGS})
    assert application.find_health_check(settings, Search(tmp_path, tmp_path)) is None


CELERY: Packages = {"celery": Package("celery", "", frozenset(), "requirements.txt:3")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("web: a\nworker: b --c 'd e'\n", [("worker", "b --c 'd e'")], id="beside-web"),
        pytest.param(
            "# no: comment\n\nbeat:   b  \r\nother_1: $X | y\n",
            [("beat", "b"), ("other_1", "$X | y")],
            id="two",
        ),
        pytest.param("web: a\nrelease: b\n", [], id="none"),
        pytest.param("a b: c\n: d\nnothing\n", [], id="no process"),
    ],
)
def test_processes_from_procfile(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    write(tmp_path, {"Procfile": text})
    found = application.find_processes("mysite.settings", {}, Search(tmp_path, tmp_path))
    made = [(item.name, item.command) for item in found.value] if found else []
    assert made == expected


def test_celery_worker(tmp_path: Path) -> None:
    search = Search(tmp_path, tmp_path)
    assert application.find_processes("mysite.settings", CELERY, search) is None
    write(tmp_path, {"mysite/celery.py": ""})
    worker = Process("worker", "celery -A mysite worker")
    assert application.find_processes("mysite.settings", CELERY, search) == Fact(
        (worker,), "requirements.txt:3"
    )
    assert application.find_processes("mysite.settings", {}, search) is None


def test_celery_runs_in_manage_py_directory(tmp_path: Path) -> None:
    write(tmp_path, {"back end/mysite/celery.py": ""})
    found = application.find_processes(
        "mysite.settings", CELERY, Search(tmp_path, tmp_path / "back end")
    )
    assert found
    assert found.value[0].command == "celery --workdir './back end' -A mysite worker"


def test_generated_procfile_keeps_celery_worker(tmp_path: Path) -> None:
    """Otherwise, generating twice would give different files."""
    write(tmp_path, {"mysite/celery.py": "", "Procfile": "release: a\nweb: b\n"})
    assert application.find_processes("mysite.settings", CELERY, Search(tmp_path, tmp_path))
