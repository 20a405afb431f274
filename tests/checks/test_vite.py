"""The check of Vite's manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import clean_project, codes, findings, only

CONFIG = "export default {\n  build: {\n    manifest: true,\n  },\n}\n"
PACKAGES = '{"devDependencies": {"vite": "^5.4"}}'
APP = ('    "shop",\n', '    "shop",\n    "django_vite",\n')


@pytest.mark.parametrize(
    ("config", "line"),
    [
        pytest.param(CONFIG, 3, id="own-line"),
        pytest.param("export default { build: { outDir: '../x', manifest: true } }", 1, id="line"),
        pytest.param(CONFIG.replace("manifest", '"manifest"'), 3, id="quoted"),
        pytest.param(f"/* of\nVite */ const base = 'https://x' // x\n{CONFIG}", 5, id="comments"),
    ],
)
def test_manifest_in_a_hidden_directory(tmp_path: Path, config: str, line: int) -> None:
    files = {"web/vite.config.ts": config, "web/package.json": PACKAGES}
    finding = only(clean_project(tmp_path, files, APP), "vite-manifest-ignored")
    assert finding.location == f"web/vite.config.ts:{line}"


def test_configuration_of_a_front_end_in_a_subdirectory(tmp_path: Path) -> None:
    packages = PACKAGES.replace("{", '{"scripts": {"build": "vite build"}, ', 1)
    config = CONFIG.replace("manifest", "outDir: '../../assets', manifest")
    files = {"web/site/vite.config.prod.mjs": config, "web/site/package.json": packages}
    root = clean_project(tmp_path, files, APP)
    finding = {each.code: each for each in findings(root)}["vite-manifest-ignored"]
    assert finding.location == "web/site/vite.config.prod.mjs:3"


@pytest.mark.parametrize("place", ["assets", "assets/dist", "shop/static"])
def test_built_manifest_in_the_sources(tmp_path: Path, place: str) -> None:
    root = clean_project(tmp_path, {f"{place}/.vite/manifest.json": "{}"}, APP)
    finding = only(root, "vite-manifest-ignored")
    assert finding.location == f"{place}/.vite/manifest.json"
    (root / place / "manifest.json").write_text("{}")
    assert codes(root) == []


@pytest.mark.parametrize(
    ("config", "packages", "app"),
    [
        pytest.param(CONFIG.replace("true", '"manifest.json"'), PACKAGES, APP, id="named"),
        pytest.param(CONFIG.replace("manifest", "// manifest"), PACKAGES, APP, id="comment"),
        pytest.param(CONFIG.replace("build", "/* build"), PACKAGES, APP, id="block-comment"),
        pytest.param(CONFIG.replace("manifest", "ssrManifest"), PACKAGES, APP, id="another-key"),
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
