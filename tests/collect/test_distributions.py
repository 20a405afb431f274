"""The distributions that files belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildstatic.collect.distributions import owners


def install(site: Path, name: str, version: str, **more: str) -> None:
    """Write the metadata of a distribution, with the files *more*, into *site*."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    for file, text in more.items():
        info.joinpath(file.replace("__", ".")).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def test_owner_is_what_has_installed_the_file(site: Path, tmp_path: Path) -> None:
    install(site, "My_Widgets", "1.2+local", RECORD='widgets/static/a.css,,\n"widgets/b,c.js",,\n')
    git = json.dumps({"url": "https://example.org/w.git", "vcs_info": {"vcs": "git"}})
    install(site, "from-git", "2", RECORD="other/static/d.css,,\n", direct_url__json=git)
    install(site, "without-a-record", "3")
    link = tmp_path / "link"
    link.symlink_to(site)
    widgets = {
        "name": "My_Widgets",
        "version": "1.2+local",
        "purl": "pkg:pypi/my-widgets@1.2%2Blocal",
    }
    assert owners(
        [
            f"{link}/widgets/static/a.css",
            f"{site}/widgets/b,c.js",
            f"{site}/other/static/d.css",
            f"{site}/widgets/static/generated.css",
            f"{tmp_path}/static/a.css",
            "a.css in CloudStorage",
        ]
    ) == {
        f"{link}/widgets/static/a.css": widgets,
        f"{site}/widgets/b,c.js": widgets,
        f"{site}/other/static/d.css": {"name": "from-git", "version": "2"},
    }
