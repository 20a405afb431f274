"""Hooks of MkDocs: the pages are written for a repository browser, and become a site unchanged."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

REPOSITORY = Path(__file__).parent.parent
DOCS = REPOSITORY / "docs"
OUTSIDE = "repository"
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)")
INDEX_LINE = re.compile(r"^(#{2,3}) (.+)$|^- \[(.+)\]\((\S+)\)", re.M)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the navigation from the index, and give headings the anchors that GitHub gives them."""
    config.nav = navigation((DOCS / "README.md").read_text(encoding="utf-8"))
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def navigation(index: str) -> list[Any]:
    """Return the navigation of the page *index*: its headings are sections, its list the pages."""
    nav: list[Any] = ["README.md"]
    part = section = nav
    for level, heading, title, path in INDEX_LINE.findall(index):
        if level == "##":
            part = section = []
            nav.append({heading: part})
        elif level == "###":
            section = []
            part.append({heading: section})
        else:
            section.append({title: path})
    return nav


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that pages link to."""
    pending = [(DOCS / file.src_uri, file.content_string) for file in files.documentation_pages()]
    while pending:
        page, text = pending.pop()
        for path in map(page.parent.joinpath, LINK.findall(text)):
            target = Path(os.path.normpath(path))
            known = target.is_relative_to(DOCS) or site_path(target) in files.src_uris
            if target.is_file() and not known:
                added = File.generated(
                    config,
                    site_path(target),
                    content=target.read_text(encoding="utf-8"),
                    inclusion=InclusionLevel.NOT_IN_NAV,
                )
                files.append(added)
                if target.suffix == ".md":
                    pending.append((target, added.content_string))
    return files


def site_path(target: Path) -> str:
    """Return the path within the site's sources of *target*, a file of the repository."""
    inside = target.is_relative_to(DOCS)
    return str(target.relative_to(DOCS) if inside else OUTSIDE / target.relative_to(REPOSITORY))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return *markdown* with the links of the site, and the names of files above their blocks."""
    uri = Path(page.file.src_uri)
    outside = uri.parts[0] == OUTSIDE
    source = REPOSITORY / uri.relative_to(OUTSIDE) if outside else DOCS / uri

    def link(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / found[1]))
        return os.path.relpath(site_path(target), uri.parent)

    return re.sub(r"^(```\w+) file=(\S+)$", r'\1 title="\2"', LINK.sub(link, markdown), flags=re.M)
