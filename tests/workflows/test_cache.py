"""``cache`` as functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.collect.cache import SIZE_VARIABLE, Cache
from buildstatic.collect.request import CollectOptions
from buildstatic.errors import ConfigInvalid
from buildstatic.workflows.cache import Usage, clear, info, prune
from buildstatic.workflows.collect import collect
from tests.collect.sites import make_site


def test_cache_is_shown_pruned_and_cleared(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", {"static/large.css": "a { color: red }\n" * 500})
    cache = tmp_path / "cache"
    collect(site.root, CollectOptions(compress="fast", formats=("gz", "br"), cache=cache))
    content = info(cache)
    assert (content.variants, content.directory) == (2, str(cache))
    assert sum(usage.bytes for usage in content.kinds.values()) == content.bytes > 0
    Cache(cache).put_index("ab" * 32, b"{}")
    assert info(cache).variants == 2
    Path(cache, "v1/ab", f"{'ab' * 31}.index").unlink()
    assert prune(cache, content.bytes).removed == Usage(0, 0)
    assert prune(cache, content.bytes - 1).left.variants == 1
    assert clear(cache).left == Usage(0, 0)


def test_invalid_limit_is_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "lots")
    with pytest.raises(ConfigInvalid, match=SIZE_VARIABLE):
        info(tmp_path)
