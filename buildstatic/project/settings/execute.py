"""Execute statements and import modules: what they do to the names of a module or a function.

Names of modules that are not the project's are references (`Ref`).
"""

from __future__ import annotations

import ast
import glob
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact, files
from buildstatic.project.files import module_at
from buildstatic.project.settings.classes import define
from buildstatic.project.settings.environment import set_variable
from buildstatic.project.settings.evaluate import MAX_ROUNDS, bind, evaluate, external
from buildstatic.project.settings.operations import operate
from buildstatic.project.settings.scope import Evaluation, Flow, Frame, Function, VariableRead
from buildstatic.project.settings.values import (
    UNKNOWN,
    EnvReader,
    Instance,
    Module,
    Ref,
    Value,
    merge,
    merge_names,
    put,
    truth,
    union,
)

ENVIRON = Ref("os.environ")
EXITS = (Ref("sys.exit"), Ref("exit"), Ref("quit"), Ref("os._exit"))
INCLUDE = Ref("split_settings.tools.include")
# Directories and names with wildcards in a pattern of INCLUDE; links could lead in circles.
MAX_WILDCARDS = 3
ADDING_MODULES = (Ref("sys.path.insert"), Ref("sys.path.append"), Ref("site.addsitedir"))
# Methods that change the list or dict that they are called on.
CHANGING_METHODS = frozenset({"append", "insert", "add", "extend", "remove", "update"})
# How many imports by name are followed from the settings: their helpers, and no further.
MAX_DISTANCE = 3
IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})
ALL_ERRORS = frozenset({"Exception", "BaseException"})
# What os.environ, django-environ, python-decouple and environs raise for a missing variable.
VARIABLE_ERRORS = frozenset(
    {
        "KeyError",
        "LookupError",
        "ImproperlyConfigured",
        "UndefinedValueError",
        "EnvError",
        "EnvValidationError",
        "TypeError",
        "AttributeError",
    }
)


def load(
    path: Path, evaluation: Evaluation, *, reached: bool = True, distance: int = 0
) -> dict[str, Value]:
    """Execute the module in *path*, once, and return its names; in an import cycle, those so far.

    Raises `ConfigInvalid` if it is not valid Python.
    """
    if (path, reached) in evaluation.modules:
        return evaluation.modules[path, reached]
    names = evaluation.modules[path, reached] = {
        "__file__": Value(str(evaluation.place(path))),
        "__name__": Value(path.stem),
    }
    tree = _parse(path, evaluation)
    execute(tree.body, Frame(evaluation, path, names, reached=reached, distance=distance))
    return names


def _parse(path: Path, evaluation: Evaluation) -> ast.Module:
    if files.is_file(path):
        evaluation.pay(copied=path.stat().st_size // 2)
    return files.read_python(path, evaluation.search.root)


def execute(body: Sequence[ast.stmt], frame: Frame) -> Flow:
    """Execute *body* up to the first statement that leaves or raises, and return how it ends."""
    for node in body:
        frame.evaluation.pay()
        flow = _execute_control_flow(node, frame)
        if flow is not Flow.CONTINUES:
            return flow
    return Flow.CONTINUES


def _execute_control_flow(node: ast.stmt, frame: Frame) -> Flow:
    match node:
        case ast.If():
            return _if(node, frame)
        case ast.Try() | ast.TryStar():
            return _try(node, frame)
        case ast.With():
            return _with(node, frame)
        case ast.For():
            return _for(node, frame)
        case ast.While(test=test, body=body):
            _maybe([body], evaluate(test, frame), frame)
        case ast.Match(subject=subject, cases=cases):
            _maybe([case.body for case in cases], evaluate(subject, frame), frame)
        case ast.Return(value=value):
            returned = evaluate(value, frame) if value else Value(None)
            frame.returns.append((frame.reached, returned))
            return Flow.LEAVES
        case ast.Raise():
            return Flow.RAISES
        case ast.Break() | ast.Continue():
            return Flow.LEAVES
        case ast.Expr(value=value):
            return _expression(value, frame)
        case _:
            _execute_binding(node, frame)
    return Flow.CONTINUES


def _execute_binding(node: ast.stmt, frame: Frame) -> None:
    source = frame.source(node)
    match node:
        case ast.Assign(targets=targets, value=expression):
            value = evaluate(expression, frame).at(source)
            for target in targets:
                _assign(target, value, frame)
        case ast.AnnAssign(target=target, value=ast.expr() as expression):
            _assign(target, evaluate(expression, frame).at(source), frame)
        case ast.AugAssign(target=target, op=operator, value=expression):
            before, added = evaluate(target, frame), evaluate(expression, frame)
            data = operate(before.data, operator, added.data)
            _assign(target, Value(data, source, union(before, added)), frame)
        case ast.Import():
            _import_modules(node, frame)
        case ast.ImportFrom():
            _import_names(node, frame)
        case ast.FunctionDef(name=name):
            frame.names[name] = Value(Function(node, frame), source)
        case ast.ClassDef(name=name):
            frame.names[name] = Value(define(node, frame), source)
        case ast.AsyncFunctionDef(name=name):
            frame.names[name] = Value(UNKNOWN, source)
        case ast.Delete(targets=targets):
            for target in targets:
                if isinstance(target, ast.Name):
                    frame.names.pop(target.id, None)
        case ast.Assert(test=test):
            _require(evaluate(test, frame), frame, holds=False)


def _expression(node: ast.expr, frame: Frame) -> Flow:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name() | ast.Subscript() as base, attr=name)
        ) if name in CHANGING_METHODS:
            given = [evaluate(part, frame) for part in node.args]
            if node.keywords:
                names = [ast.Constant(word.arg) if word.arg else None for word in node.keywords]
                entries = ast.Dict([*names], [word.value for word in node.keywords])
                given.append(evaluate(ast.copy_location(entries, node), frame))
            _change(base, name, tuple(given), frame)
        case ast.Call(func=ast.Name() | ast.Attribute() as function):
            called = evaluate(function, frame).data
            if called == INCLUDE:
                _include(node, [evaluate(part, frame) for part in node.args], frame)
                return Flow.CONTINUES
            if called in ADDING_MODULES and node.args:
                _add_module_path(node.args[-1], frame)
            evaluate(node, frame)
            return Flow.RAISES if called in EXITS else Flow.CONTINUES
        case _:
            evaluate(node, frame)
    return Flow.CONTINUES


def _add_module_path(node: ast.expr, frame: Frame) -> None:
    """``sys.path.append(str(BASE_DIR / "apps"))``."""
    directory = evaluate(node, frame).data
    if isinstance(directory, str | PurePosixPath):
        path = PurePosixPath(posixpath.normpath(frame.evaluation.cwd / directory))
        frame.evaluation.module_paths.append(Fact(path, frame.source(node)))


def _assign(target: ast.expr, value: Value, frame: Frame) -> None:
    match target:
        case ast.Subscript(slice=ast.Slice()):  # MIDDLEWARE[1:1] = […]
            _change(target.value, "extend", (value,), frame)
        case ast.Subscript():
            _assign_item(target, value, frame)
        case ast.Attribute(value=base, attr=name):
            owner = evaluate(base, frame).data
            if isinstance(owner, Instance) and isinstance(owner.names, dict):
                owner.names[name] = value
        case _:
            bind(target, value, frame)


def _assign_item(target: ast.Subscript, value: Value, frame: Frame) -> None:
    """``STORAGES["staticfiles"]["BACKEND"] = …``, ``os.environ["X"] = …``."""
    base, keys = _key_path(target, frame)
    match base:
        case ast.Name(id=name):
            owner = frame.lookup(name) or Value(UNKNOWN)
            if owner.data != ENVIRON and UNKNOWN not in keys:
                frame.evaluation.pay(copied=owner.size)
                frame.names[name] = put(owner, keys, value)
                return
        case ast.Call(func=ast.Name(id="globals" | "locals" | "vars")) if len(keys) == 1:
            if isinstance(keys[0], str):
                frame.names[keys[0]] = value
            else:
                frame.mark_unseen(target)
            return
        case ast.Call(func=ast.Name()) if len(keys) == 1:
            return
        case _ if evaluate(base, frame).data != ENVIRON:
            return
    if len(keys) == 1 and isinstance(keys[0], str):
        set_variable(keys[0], value, frame, overwrite=True)


def _key_path(target: ast.expr, frame: Frame) -> tuple[ast.expr, tuple[object, ...]]:
    """Return the base of ``base["a"]["b"]``, and its keys."""
    if not isinstance(target, ast.Subscript) or isinstance(target.slice, ast.Slice):
        return target, ()
    base, keys = _key_path(target.value, frame)
    key = evaluate(target.slice, frame).data
    return base, (*keys, key if isinstance(key, str | int) else UNKNOWN)


def _change(base: ast.expr, method: str, given: tuple[Value, ...], frame: Frame) -> None:
    """``MIDDLEWARE.append("…")``, ``DATABASES["default"].update(NAME="…")``."""
    before = evaluate(base, frame)
    if not given or not isinstance(before.data, tuple | dict):
        return
    data: object
    match method, before.data, given[0].data:
        case "extend", _, _:
            data = operate(before.data, ast.Add(), given[-1].data)
        case "insert", tuple() as items, int() as index:
            data = (*items[:index], given[-1], *items[index:])
        case "remove", _, removed:
            items = before.data if isinstance(before.data, tuple) else ()
            data = tuple(item for item in items if item.data != removed)
        case "update", _, _:
            data = before.data
            for added in given:
                data = operate(data, ast.BitOr(), added.data)
        case _:
            data = operate(before.data, ast.Add(), (given[-1],))
    value = replace(before, data=data, reads=union(before, *given))
    _assign(base, value, frame)


def _if(node: ast.If, frame: Frame) -> Flow:
    """Execute both branches.

    If constants alone decide, the names are those of the branch taken, and those that only the
    other one sets. If the environment decides, both are merged: ``if DEBUG:`` can be either.
    """
    test = evaluate(node.test, frame)
    holds = truth(test)
    frame.tested += test.reads
    branches = frame.branch(holds is True), frame.branch(holds is False)
    seen = set(frame.evaluation.unseen)
    flow = execute(node.body, branches[0])
    if holds is False and not test.reads:
        frame.evaluation.unseen = seen
    seen = set(frame.evaluation.unseen)
    flows = flow, execute(node.orelse, branches[1])
    if holds is True and not test.reads:
        frame.evaluation.unseen = seen
    for flow, when in zip(flows, (True, False), strict=True):
        if flow is Flow.RAISES:
            _require(test, frame, holds=when)
    if holds is not None:
        taken = 0 if holds else 1
        if frame.reached and (flows[taken] is Flow.LEAVES or not branches[taken].reached):
            frame.reached = False
        if not test.reads:
            frame.replace_names({**branches[1 - taken].names, **branches[taken].names})
            return flows[taken]
    ends = zip(branches, flows, strict=True)
    continuing = [branch.names for branch, flow in ends if flow is Flow.CONTINUES]
    if not continuing:
        return Flow.LEAVES if Flow.LEAVES in flows else Flow.RAISES
    names: Mapping[str, Value] = continuing[0]
    for more in continuing[1:]:
        names = merge_names(names, more, test.reads)
    frame.replace_names(names)
    return Flow.CONTINUES


def _maybe(bodies: Sequence[Sequence[ast.stmt]], test: Value, frame: Frame) -> None:
    """Execute *bodies* of which any or none may be reached."""
    for body in bodies:
        branch = frame.branch(reached=False)
        execute(body, branch)
        frame.replace_names(merge_names(frame.names, branch.names, test.reads))


def _require(test: Value, frame: Frame, *, holds: bool) -> None:
    """Record that the code raises if *test* is *holds*: ``if not SECRET_KEY: raise``.

    If that is so in an empty environment, the variables without a default in *test* are required.
    """
    if frame.reached and truth(test) is holds:
        frame.evaluation.require(test.reads)


def _for(node: ast.For, frame: Frame) -> Flow:
    """Execute a loop: every round over a known list, one round over anything else."""
    iterable = evaluate(node.iter, frame)
    if not isinstance(iterable.data, tuple) or len(iterable.data) > MAX_ROUNDS:
        _assign(node.target, Value(UNKNOWN, frame.source(node)), frame)
        _maybe([node.body], iterable, frame)
        return Flow.CONTINUES
    for item in iterable.data:
        _assign(node.target, item, frame)
        if execute(node.body, frame) is Flow.RAISES:
            return Flow.RAISES
    return execute(node.orelse, frame)


def _with(node: ast.With, frame: Frame) -> Flow:
    """Execute a ``with``; ``env.prefixed`` of environs and ``suppress`` are supported."""
    reads, prefix, first_read = frame.evaluation.reads, frame.prefix, len(frame.evaluation.reads)
    suppresses = False
    for item in node.items:
        match item.context_expr:
            case ast.Call(func=ast.Attribute(value=base, attr="prefixed"), args=[argument]):
                text = evaluate(argument, frame).data
                if isinstance(evaluate(base, frame).data, EnvReader) and isinstance(text, str):
                    frame.prefix += text
            case ast.Call(func=function):
                suppresses |= evaluate(function, frame).data == Ref("contextlib.suppress")
        value = evaluate(item.context_expr, frame)
        if item.optional_vars is not None:
            is_reader = isinstance(value.data, EnvReader)
            _assign(item.optional_vars, value if is_reader else replace(value, data=UNKNOWN), frame)
    flow = execute(node.body, frame)
    frame.prefix = prefix
    if not suppresses:
        return flow
    for entry in reads[first_read:]:
        entry.required = False
    return Flow.CONTINUES


def _try(node: ast.Try | ast.TryStar, frame: Frame) -> Flow:
    """Execute a ``try`` and its handlers.

    Settings use it for local settings that may not exist and for variables. A handler is reached
    if an import from the project has no file or a variable is not set; the names that any other
    handler sets are merged.
    """
    evaluation = frame.evaluation
    first_read, missing = len(evaluation.reads), evaluation.missing_imports
    unseen_before = frozenset(evaluation.unseen)
    names_before, branch = dict(frame.names), frame.branch(reached=True)
    flow = execute(node.body, branch)
    if flow is Flow.CONTINUES:
        flow = execute(node.orelse, branch)
    if not branch.reached:
        frame.reached = False
    required = [entry for entry in evaluation.reads[first_read:] if entry.required]
    import_fails = evaluation.missing_imports > missing
    unseen_in_body = evaluation.unseen - unseen_before
    frame.replace_names(branch.names)
    flows = [flow]
    for handler in node.handlers:
        caught = _caught(handler.type)
        handles_import = import_fails and bool(caught & (IMPORT_ERRORS | ALL_ERRORS))
        flows.append(
            _handler(handler, frame, names_before, required, handles_import=handles_import)
        )
        if handles_import and flows[-1] is Flow.CONTINUES:
            evaluation.unseen -= unseen_in_body  # a missing module sets nothing
    execute(node.finalbody, frame)
    if Flow.CONTINUES in flows:
        return Flow.CONTINUES
    return Flow.LEAVES if Flow.LEAVES in flows else Flow.RAISES


def _handler(
    handler: ast.ExceptHandler,
    frame: Frame,
    names_before: dict[str, Value],
    required: list[VariableRead],
    *,
    handles_import: bool,
) -> Flow:
    """Execute an exception handler; *required* are the variables that the body requires."""
    handles_variables = bool(required) and bool(
        _caught(handler.type) & (VARIABLE_ERRORS | ALL_ERRORS)
    )
    branch = frame.branch(reached=handles_import or handles_variables)
    if not handles_import:
        branch.replace_names(names_before)
    flow = execute(handler.body, branch)
    if flow is Flow.RAISES:
        return flow
    tested: tuple[str, ...] = ()
    if handles_variables:
        tested = tuple(entry.name for entry in required)
        frame.tested += tested
        for entry in required:
            entry.required = False
    if flow is Flow.CONTINUES and handles_import:
        frame.replace_names(branch.names)
    elif flow is Flow.CONTINUES:
        body = dict(frame.names)
        changed = {
            name: value
            for name, value in branch.names.items()
            if names_before.get(name) is not value
        }
        from_variables = {
            name: merge(value, branch.names.get(name), tested)
            for name, value in body.items()
            if set(value.reads) & set(tested)
        }
        frame.replace_names({**merge_names(body, changed, tested), **from_variables})
    return flow


def _caught(node: ast.expr | None) -> frozenset[str]:
    """Return the names of the exceptions that a handler catches."""
    match node:
        case None:
            return ALL_ERRORS
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return frozenset({name})
        case ast.Tuple(elts=parts):
            return frozenset().union(*map(_caught, parts))
        case _:
            return frozenset()


def _import_modules(node: ast.Import, frame: Frame) -> None:
    """``import a.b`` binds ``a``, ``import a.b as c`` binds ``c``."""
    for alias in node.names:
        top, _, rest = alias.name.partition(".")
        path = frame.evaluation.search.module(alias.name)
        if path is not None and (alias.asname or not rest):
            value = _import_module(path, frame)
        else:
            value = external(alias.name if alias.asname else top)
        frame.names[alias.asname or top] = value.at(frame.source(node))


def _import_names(node: ast.ImportFrom, frame: Frame) -> None:
    """``from .base import *`` and ``from .base import DEBUG``."""
    place = _place(node, frame)
    path = module_at(place) if place else None
    if place is not None and (path is not None or files.is_directory(place)):
        for alias in node.names:
            if alias.name == "*":
                _import_all(path, frame)
            else:
                value = _import_name(path, place, alias.name, frame)
                frame.names[alias.asname or alias.name] = value
        return
    frame.evaluation.missing_imports += place is not None
    for alias in node.names:
        if alias.name == "*":
            frame.mark_unseen(node)
        else:
            value = Value(UNKNOWN) if node.level else external(f"{node.module}.{alias.name}")
            frame.names[alias.asname or alias.name] = value.at(frame.source(node))


def _place(node: ast.ImportFrom, frame: Frame) -> Path | None:
    """Return the path of the module, without suffix; None if it is not the project's."""
    parts = node.module.split(".") if node.module else []
    if node.level:
        directory = frame.file.parent
        for _ in range(node.level - 1):
            directory = directory.parent
        return directory.joinpath(*parts)
    for directory in frame.evaluation.search.directories:
        top = directory / parts[0]
        if module_at(top) or files.is_directory(top):
            return directory.joinpath(*parts)
    return None


def _import_all(path: Path | None, frame: Frame) -> None:
    if path is None:
        return
    names = load(path, frame.evaluation, reached=frame.reached, distance=frame.distance)
    listed = names.get("__all__", Value(UNKNOWN)).data
    if isinstance(listed, tuple):
        public = {item.data for item in listed if isinstance(item.data, str)}
    else:
        public = {name for name in names if not name.startswith("_")}
    frame.evaluation.pay(copied=len(names))
    frame.names |= {name: value for name, value in names.items() if name in public}


def _import_name(path: Path | None, place: Path, name: str, frame: Frame) -> Value:
    if path is not None and path != frame.file:
        module = _import_module(path, frame).data
        if isinstance(module, Module) and name in module.names:
            return module.names[name]
    submodule = module_at(place / name)
    return _import_module(submodule, frame) if submodule else Value(UNKNOWN)


def _import_module(path: Path, frame: Frame) -> Value:
    """Return a module that is imported by name; UNKNOWN if it is too far away or invalid."""
    distance = frame.distance + 1
    if distance > MAX_DISTANCE:
        return Value(UNKNOWN)
    try:
        names = load(path, frame.evaluation, reached=frame.reached, distance=distance)
    except ConfigInvalid:
        return Value(UNKNOWN)
    return Value(Module(names))


def _wildcards(pattern: str) -> int:
    return sum(glob.has_magic(part) for part in pattern.split("/"))


def _include(node: ast.Call, patterns: Sequence[Value], frame: Frame) -> None:
    """``include("components/base.py", optional("local.py"))`` of django-split-settings."""
    evaluation, own_file = frame.evaluation, frame.names.get("__file__")
    for pattern in patterns:
        if not isinstance(pattern.data, str) or _wildcards(pattern.data) > MAX_WILDCARDS:
            frame.mark_unseen(node)
            continue
        # Path.glob raises for an absolute pattern.
        for name in sorted(glob.glob(pattern.data, root_dir=frame.file.parent)):  # noqa: PTH207
            evaluation.pay()
            path = frame.file.parent / name
            resolved = files.resolved(path)
            if not resolved.is_relative_to(files.resolved(evaluation.search.root)):
                frame.mark_unseen(node)
                continue
            # No file is included twice, nor in itself.
            frame.included.add(files.resolved(frame.file))
            if resolved in frame.included or not files.is_file(resolved):
                continue
            frame.included.add(resolved)
            tree = _parse(path, evaluation)
            frame.names["__file__"] = Value(str(evaluation.place(path)))
            execute(tree.body, replace(frame, file=path))
    if own_file is not None:
        frame.names["__file__"] = own_file
