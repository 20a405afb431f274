"""The check of Vite's manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import clean_project, codes, only

CONFIG = "export default {\n  build: {\n    manifest: true,\n  },\n}\n"
PACKAGES = '{"devDependencies": {"vite": "^5.4"}}'
APP = ('    "shop",\n', '    "shop",\n    "django_vite",\n')


def test_manifest_in_a_hidden_directory(tmp_path: Path) -> None:
    files = {"web/vite.config.ts": CONFIG, "web/package.json": PACKAGES}
    finding = only(clean_project(tmp_path, files, APP), "vite-manifest-ignored")
    assert finding.location == "web/vite.config.ts:3"


@pytest.mark.parametrize(
    ("config", "packages", "app"),
    [
        pytest.param(CONFIG.replace("true", '"manifest.json"'), PACKAGES, APP, id="named"),
        pytest.param(CONFIG.replace("manifest", "// manifest"), PACKAGES, APP, id="comment"),
        pytest.param(CONFIG, PACKAGES.replace("5", "4"), APP, id="vite-4"),
        pytest.param(CONFIG, PACKAGES, ("", ""), id="without-django-vite"),
        pytest.param(
            CONFIG,
            PACKAGES,
            (
                APP[0],
                f'{APP[1]}]\nDJANGO_VITE = {{"default": {{"manifest_path":'
                ' BASE_DIR / "assets" / ".vite" / "manifest.json"}}\n_ = [\n',
            ),
            id="read-from-the-source",
        ),
    ],
)
def test_manifest_that_is_found(
    tmp_path: Path, config: str, packages: str, app: tuple[str, str]
) -> None:
    files = {"vite.config.js": config, "package.json": packages}
    assert codes(clean_project(tmp_path, files, app)) == []
