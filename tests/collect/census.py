"""Storages as people write them, by the way in which they have to be collected."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from tests.collect.storages import (
    CompressedManifestStaticFilesStorage,
    CompressedStaticFilesStorage,
    ManifestStaticFilesStorage,
    StaticFilesStorage,
    servestatic,
)

from django_manifeststaticfiles_enhanced.storage import (  # isort: skip - needs settings
    EnhancedManifestStaticFilesStorage,
    ThreadSafeStaticFilesStorage,
)
from django.conf import settings  # isort: skip
from django.contrib.staticfiles.storage import ManifestFilesMixin  # isort: skip
from django.core.files.base import ContentFile  # isort: skip
from django.core.files.storage import FileSystemStorage  # isort: skip

COLLECTOR: dict[str, Any] = {}
MEMORY: dict[str, Any] = {}
OWN_CODE: dict[str, Any] = {}
Manifest: Any = ManifestStaticFilesStorage
Compressed: Any = CompressedManifestStaticFilesStorage
logger = logging.getLogger(__name__)


def listed(way: dict[str, Any]) -> Any:
    def add(cls: type) -> type:
        way[cls.__name__] = cls
        return cls

    return add


@listed(COLLECTOR)
class LenientUrl(Manifest):
    manifest_strict = False

    def url(self, name: str, force: bool = False) -> str:
        try:
            return str(super().url(name, force))
        except ValueError:
            return name


@listed(COLLECTOR)
class LenientStoredName(Manifest):
    def stored_name(self, name: str) -> str:
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name


@listed(COLLECTOR)
class ManifestThatMayBeBroken(Manifest):
    def load_manifest(self) -> Any:
        try:
            return super().load_manifest()
        except ValueError:
            return {}, ""

    def read_manifest(self) -> Any:
        try:
            return super().read_manifest()
        except OSError:
            return None


@listed(COLLECTOR)
class ManifestInAnotherDirectory(Manifest):
    """The example of Django's documentation (``manifest_storage``)."""

    def __init__(self, location: str, **options: Any) -> None:
        keeper = FileSystemStorage(location=posixpath.join(location, "manifests"))
        super().__init__(location=location, manifest_storage=keeper, **options)


@listed(COLLECTOR)
class OptionsFromSettings(Manifest):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("file_permissions_mode", 0o640)
        super().__init__(*arguments, **options)
        self.is_ready = True
        self.max_post_process_passes = 9

    @property
    def manifest_name(self) -> str:
        return "manifest.json"


class UrlMixin:
    """What django-debug-toolbar puts in front of a project's storage."""

    def url(self, path: str) -> Any:
        logger.debug("%s", path)
        return super().url(path)  # type: ignore[misc]


@listed(COLLECTOR)
class BehindToolbar(UrlMixin, Manifest):
    pass


@listed(COLLECTOR)
class CompressedBehindToolbar(UrlMixin, Compressed):
    def stored_name(self, name: str) -> str:
        return str(super().stored_name(name))


@listed(COLLECTOR)
class ThreadSafe(ThreadSafeStaticFilesStorage):
    """Its ``_save`` does what Django's does."""


@listed(MEMORY)
class Enhanced(EnhancedManifestStaticFilesStorage):
    """Fingerprints by code of its own, in threads."""


@listed(MEMORY)
class EnhancedWithLexer(EnhancedManifestStaticFilesStorage):
    use_lexer = True
    support_js_module_import_aggregation = True


@listed(MEMORY)
class EnhancedAndWrapped(EnhancedManifestStaticFilesStorage):
    def post_process(self, paths: Any, **options: Any) -> Any:
        kept = {name: path for name, path in paths.items() if not name.startswith("vendor/")}
        yield from super().post_process(kept, **options)


@listed(OWN_CODE)
class EnhancedWithModes(EnhancedManifestStaticFilesStorage):
    """Sets the mode of directories that exist."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, directory_permissions_mode=0o750, **options)


@listed(COLLECTOR)
class ManyMoreMethods(StaticFilesStorage):
    """None of them is called: the storage does not fingerprint."""

    def hashed_name(self, name: str) -> str:
        return f"hashed-{name}"

    def get_valid_name(self, name: str) -> str:
        return name.lower()

    def get_created_time(self, name: str) -> Any:
        return super().get_modified_time(name)

    def generate_filename(self, filename: str) -> str:
        return filename.upper()

    @classmethod
    def make(cls) -> Any:
        return cls()


@listed(MEMORY)
class MissingFilesAllowed(Manifest):
    """The most frequent one: what cannot be found keeps its name."""

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        try:
            return str(super().hashed_name(name, content, filename))
        except ValueError:
            logger.debug("Not found: %s", name)
            return name


@listed(MEMORY)
class CompressedMissingFilesAllowed(Compressed):
    manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        try:
            return str(super().hashed_name(name, content, filename))
        except ValueError:
            return name


@listed(MEMORY)
class ServedMissingFilesAllowed(servestatic.CompressedManifestStaticFilesStorage):
    def hashed_name(self, *arguments: Any, **options: Any) -> str:
        try:
            return str(super().hashed_name(*arguments, **options))
        except ValueError:
            return str(arguments[0])


@listed(MEMORY)
class Sha256(Manifest):
    def file_hash(self, name: str, content: Any = None) -> Any:
        if content is None:
            return None
        hasher = hashlib.sha256()
        for chunk in content.chunks():
            hasher.update(chunk)
        return hasher.hexdigest()[:20]


@listed(MEMORY)
class NoHashes(Manifest):
    def file_hash(self, name: str, content: Any = None) -> Any:
        return None


@listed(MEMORY)
class HashOfReleases(Manifest):
    """A hash that depends on the name and not on the content."""

    def file_hash(self, name: str, content: Any = None) -> str:
        return hashlib.md5(f"1.0/{name}".encode(), usedforsecurity=False).hexdigest()[:6]


@listed(MEMORY)
class HashInDirectory(Manifest):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        hashed = str(super().hashed_name(name, content, filename))
        return hashed if hashed.startswith("h/") else posixpath.join("h", hashed)


@listed(MEMORY)
class VendorKeepsNames(Manifest):
    """Files below a prefix are not fingerprinted."""

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        if name.startswith(("js/", "/js/")) and name.endswith(".js"):
            return name
        return str(super().hashed_name(name, content, filename))


@listed(MEMORY)
class OnlyKnownContents(Manifest):
    """What is referred to, and is named for the first time, keeps its name."""

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        return name if content is None else str(super().hashed_name(name, content, filename))


@listed(MEMORY)
class EmptyFilesKeepNames(Manifest):
    """Looks into the content, and hides that this fails."""

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        try:
            return str(super().hashed_name(name, content, filename)) if len(content) else name
        except Exception:
            return name


@listed(MEMORY)
class UrlsThatAreKept(Manifest):
    """References that cannot be resolved are kept."""

    def url_converter(self, name: str, *arguments: Any, **options: Any) -> Any:
        convert = super().url_converter(name, *arguments, **options)

        def converter(match: re.Match[str]) -> str:
            try:
                return str(convert(match))
            except ValueError:
                return match[0]

        return converter


@listed(MEMORY)
class HashedFilesAsMapping(Manifest):
    def url_converter(self, name: str, hashed_files: Any, *arguments: Any, **options: Any) -> Any:
        convert = super().url_converter(name, hashed_files, *arguments, **options)
        known = f"/* {len(hashed_files)} {sorted(hashed_files)[:3]} */"
        return lambda match: str(convert(match)) + known


@listed(MEMORY)
class QueryInsteadOfNames(Manifest):
    def _url(self, *arguments: Any, **options: Any) -> str:
        return f"{super()._url(*arguments, **options)}?v=1"


@listed(MEMORY)
class LowerCaseNames(Manifest):
    def clean_name(self, name: str) -> str:
        return str(super().clean_name(name)).lower()

    def hash_key(self, name: str) -> str:
        return f"static/{name}"


@listed(MEMORY)
class ManifestWithVersion(Manifest):
    def save_manifest(self) -> None:
        super().save_manifest()
        with self.manifest_storage.open(self.manifest_name) as file:
            payload = json.loads(file.read().decode())
        self.manifest_storage.delete(self.manifest_name)
        content = json.dumps({**payload, "release": "1.0"}).encode()
        self.manifest_storage._save(self.manifest_name, ContentFile(content))


@listed(MEMORY)
class NoManifest(Manifest):
    def save_manifest(self) -> None:
        self.manifest_hash = ""


@listed(MEMORY)
class ErrorsAreReported(Manifest):
    """Exceptions become messages."""

    def post_process(self, *arguments: Any, **options: Any) -> Any:
        for name, hashed_name, processed in super().post_process(*arguments, **options):
            if isinstance(processed, Exception):
                logger.debug("%s: %s", name, processed)
                continue
            yield name, hashed_name, processed


@listed(MEMORY)
class PrefixIsSkipped(Manifest):
    def post_process(self, paths: Any, dry_run: bool = False, **options: Any) -> Any:
        paths = {name: path for name, path in paths.items() if not name.startswith("vendor/")}
        yield from super().post_process(paths, dry_run=dry_run, **options)


@listed(MEMORY)
class CompressedPrefixIsSkipped(Compressed):
    def post_process(self, paths: Any, **options: Any) -> Any:
        kept = {name: path for name, path in paths.items() if not name.startswith("vendor/")}
        yield from super().post_process(kept, **options)


@listed(MEMORY)
class CompressedOnlySome(CompressedStaticFilesStorage):
    def post_process(self, paths: Any, **options: Any) -> Any:
        yield from super().post_process({n: p for n, p in paths.items() if "a" in n}, **options)


@listed(MEMORY)
class OnlyHashedFiles(Compressed):
    keep_only_hashed_files = True

    def file_hash(self, name: str, content: Any = None) -> Any:
        hashed = super().file_hash(name, content)
        return hashed and hashed[:8]


@listed(MEMORY)
class ReadsFilesTwice(Manifest):
    def file_hash(self, name: str, content: Any = None) -> Any:
        if content is None:
            return None
        with content.open() as file:
            first = file.read(3)
        lines = list(content.open())
        return f"{len(content)}{len(first)}{len(lines)}{content.tell()}{content.closed}"


@listed(MEMORY)
class OriginalsAreDeleted(Manifest):
    def post_process(self, *arguments: Any, **options: Any) -> Any:
        for name, hashed_name, processed in super().post_process(*arguments, **options):
            if hashed_name and hashed_name != name:
                self.delete(name)
            yield name, hashed_name, processed


@listed(MEMORY)
class StopsEarly(Manifest):
    def post_process(self, *arguments: Any, **options: Any) -> Any:
        for count, each in enumerate(super().post_process(*arguments, **options)):
            if count < 2:
                yield each
            else:
                return


@listed(MEMORY)
class ForgetsWhatIsProcessed(Manifest):
    def post_process(self, paths: Any, *arguments: Any, **options: Any) -> Any:
        for each in super().post_process(paths, *arguments, **options):
            paths.clear()
            yield each


@listed(MEMORY)
class FilesOfItsOwn(Manifest):
    """Saves a list of the files, and reads one of them."""

    def post_process(self, *arguments: Any, **options: Any) -> Any:
        names = []
        for name, hashed_name, processed in super().post_process(*arguments, **options):
            names.append(f"{name} {hashed_name} {self.exists(name)}")
            yield name, hashed_name, processed
        with self.open("css/a.css") as file:
            names.append(file.read().decode())
        self.delete("lists/all.txt")
        saved = self.save("lists/all.txt", ContentFile("\n".join(names).encode()))
        yield "lists/all.txt", saved, True


class PipelineMixin:
    """Packages files of the tree, as django-pipeline does, before they are fingerprinted."""

    def post_process(self: Any, paths: Any, dry_run: bool = False, **options: Any) -> Any:
        if dry_run:
            return
        package = b""
        for name, (storage, path) in paths.items():
            if ".js" in name:
                with storage.open(path) as file:
                    package += file.read()
        self.delete("js/packed.js")
        self.save("js/packed.js", ContentFile(package))
        paths["js/packed.js"] = (self, "js/packed.js")
        yield "js/packed.js", "js/packed.js", True
        yield from super().post_process(paths, dry_run, **options)  # type: ignore[misc]


@listed(MEMORY)
class Packaged(PipelineMixin, Manifest):
    pass


@listed(MEMORY)
class PackagedOnly(PipelineMixin, ManifestFilesMixin, FileSystemStorage):
    def __init__(self, location: str) -> None:
        super().__init__(location=location, base_url="/static/")


@listed(MEMORY)
class IntermediateFiles(Manifest):
    keep_intermediate_files = True


@listed(MEMORY)
class Overwrites(Manifest):
    def get_available_name(self, name: str, max_length: Any = None) -> str:
        if self.exists(name):
            self.delete(name)
        return name


@listed(MEMORY)
class CountsCalls(Manifest):
    """Names depend on the order of calls."""

    calls = 0

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        self.calls += 1
        root, suffix = posixpath.splitext(super().hashed_name(name, content, filename))
        return f"{root}-{self.calls}{suffix}"


@listed(MEMORY)
class Raises(Manifest):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        if name.endswith(".css"):
            raise RuntimeError(f"not this one: {name}")
        return str(super().hashed_name(name, content, filename))


@listed(MEMORY)
class ReturnsNone(Manifest):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> Any:
        return None if content is None else super().hashed_name(name, content, filename)


@listed(MEMORY)
class ReturnsNoNameAtAll(Manifest):
    def hashed_name(self, *arguments: Any, **options: Any) -> None:
        return None


@listed(MEMORY)
class ChangesItsArguments(Manifest):
    def post_process(self, paths: Any, **options: Any) -> Any:
        for name in [name for name in paths if name.endswith(".svg")]:
            del paths[name]
        yield from super().post_process(paths, **options)
        self.hashed_files.clear()
        self.save_manifest()


@listed(MEMORY)
class OneNameForAll(Manifest):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        return "all" + posixpath.splitext(name)[1]


@listed(OWN_CODE)
class Minifies(Manifest):
    def _save(self, name: str, content: Any) -> str:
        if name.endswith(".css"):
            content = ContentFile(re.sub(rb"\s+", b" ", content.read()))
        return str(super()._save(name, content))


@listed(OWN_CODE)
class Versioned(StaticFilesStorage):
    def path(self, name: str) -> str:
        return str(super().path(posixpath.join("v1", name)))


@listed(OWN_CODE)
class RenamesWhatItSaves(StaticFilesStorage):
    """On every run that saves them."""

    def get_available_name(self, name: str, max_length: Any = None) -> str:
        while self.exists(name := f"new-{name}"):
            pass
        return name


@listed(OWN_CODE)
class LooksAtTheDisk(Manifest):
    def post_process(self, *arguments: Any, **options: Any) -> Any:
        for name, hashed_name, processed in super().post_process(*arguments, **options):
            if hashed_name and Path(self.path(hashed_name)).stat().st_size > 0:
                yield name, hashed_name, processed


@listed(OWN_CODE)
class LooksAtItsLocation(Manifest):
    """Only running it shows that it needs the disk; it hides the exception."""

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        try:
            depth = len(self.location.split("/"))
        except:  # noqa: E722
            depth = 0
        return f"d{depth > 0}/{super().hashed_name(name, content, filename)}"


@listed(OWN_CODE)
class HidesThatItLooksAtTheDisk(Manifest):
    def post_process(self, *arguments: Any, **options: Any) -> Any:
        yield from super().post_process(*arguments, **options)
        try:
            self.path("css/a.css")
        except:  # noqa: E722
            raise ValueError("no such file") from None


@listed(OWN_CODE)
class ReadsAPathOfTheSettings(Manifest):
    def file_hash(self, name: str, content: Any = None) -> Any:
        place = settings.BASE_DIR / "version.txt"
        return place.read_text() if place.is_file() else super().file_hash(name, content)


@listed(OWN_CODE)
class ReadsTheManifestOfAnEarlierRun(Manifest):
    def __init__(self, location: str) -> None:
        keeper = FileSystemStorage(location=posixpath.join(location, "manifests"))
        super().__init__(location=location, manifest_storage=keeper)

    def save_manifest(self) -> None:
        earlier = self.read_manifest()
        self.manifest_version = "1.1" if earlier is None else "1.0"
        super().save_manifest()


@listed(OWN_CODE)
class LooksAtStaticRoot(Manifest):
    calls = 0

    def file_hash(self, name: str, content: Any = None) -> str:
        self.calls += 1
        return f"{self.calls}{len(settings.STATIC_ROOT)}"


@listed(OWN_CODE)
class RunsAProgram(Manifest):
    def post_process(self, *arguments: Any, **options: Any) -> Any:
        yield from super().post_process(*arguments, **options)
        os.system("true")


@listed(OWN_CODE)
class DeletesMore(Manifest):
    def delete(self, name: str) -> None:
        super().delete(name)
