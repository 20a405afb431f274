"""Evaluate expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, reduce
from pathlib import PurePosixPath

from buildstatic.project import files
from buildstatic.project.settings.environment import (
    call_environment,
    call_reader,
    read_fields,
    record_read,
)
from buildstatic.project.settings.operations import (
    CONVERSIONS,
    PATH_CLASSES,
    call_function,
    call_method,
    compare,
    join_text,
    normalize,
    operate,
    operate_unary,
)
from buildstatic.project.settings.scope import Arguments, Class, Frame, Function
from buildstatic.project.settings.values import (
    COMMAND,
    ROOT,
    UNKNOWN,
    EnvReader,
    Instance,
    Module,
    Ref,
    Value,
    merge,
    plain,
    truth,
    union,
)

# Constants of the image, whatever the machine that reads the settings.
CONSTANTS = {
    "os.name": "posix",
    "os.sep": "/",
    "os.path.sep": "/",
    "os.pardir": "..",
    "os.path.pardir": "..",
    "sys.platform": "linux",
    "typing.TYPE_CHECKING": False,
}
PROPERTIES = frozenset({"property", "cached_property", "computed_field"})
MAX_ROUNDS = 50
# Methods whose result is not the value of the variable that names the file.
READING_METHODS = frozenset({"read", "read_text", "read_bytes", "open"})
# Functions that may set names of a module.
NAME_SETTING = frozenset({"globals", "locals", "vars", "exec", "setattr"})


def evaluate(node: ast.expr, frame: Frame) -> Value:
    """Return the value of *node* in *frame*, with its source.

    Every part is evaluated, also in branches that are not reached, to find all variables.
    """
    frame.evaluation.pay()
    try:
        value = _evaluate(node, frame)
    except RecursionError:
        value = Value(UNKNOWN)
    parts = len(value.reads) + len(value.options) + len(value.switches)
    frame.evaluation.pay(0, copied=value.size + parts)
    return value.at(frame.source(node))


def _evaluate(node: ast.expr, frame: Frame) -> Value:
    match node:
        case ast.Constant(value=value):
            return Value(value)
        case ast.Name(id=name):
            return frame.lookup(name) or external(name)
        case ast.Attribute(value=base, attr=name):
            return _attribute(evaluate(base, frame), name, frame, node)
        case ast.Subscript():
            return _subscript(node, frame)
        case ast.Call():
            return _call(node, frame)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return Value(_items(items, frame))
        case ast.Dict():
            return _dictionary(node, frame)
        case ast.JoinedStr(values=parts):
            return join_text([evaluate(part, frame) for part in parts])
        case ast.FormattedValue(value=part, format_spec=None, conversion=-1):
            return evaluate(part, frame)
        case ast.BinOp(left=left_node, op=operator, right=right_node):
            left, right = evaluate(left_node, frame), evaluate(right_node, frame)
            data = operate(left.data, operator, right.data)
            return Value(data, reads=union(left, right))
        case ast.BoolOp(op=operator, values=parts):
            return _bool_operation(operator, parts, frame)
        case ast.UnaryOp(op=operator, operand=operand):
            inner = evaluate(operand, frame)
            return Value(operate_unary(operator, inner), reads=inner.reads)
        case ast.Compare():
            return _comparison(node, frame)
        case ast.IfExp():
            return _conditional(node, frame)
        case ast.NamedExpr(target=ast.Name(id=name), value=part):
            frame.names[name] = evaluate(part, frame)
            return frame.names[name]
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(node, frame)
        case ast.Lambda():
            return Value(UNKNOWN)
        case _:
            children = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
            return Value(UNKNOWN, reads=union(*(evaluate(child, frame) for child in children)))


def external(name: str) -> Value:
    """Return the value of *name*, which is not the project's."""
    return Value(CONSTANTS[name]) if name in CONSTANTS else Value(Ref(name))


def _attribute(base: Value, name: str, frame: Frame, node: ast.AST) -> Value:
    match base.data:
        case Ref(name=owner):
            return external(f"{owner}.{name}")
        case Module(names=names):
            value = names.get(name, Value(UNKNOWN))
            if isinstance(base.data, Instance) and _decorators(value) & PROPERTIES:
                return call(value, Arguments((base,), {}, node, frame))
            return value
        case str() | int() if name == "value":  # a member of an Enum
            return base
        case EnvReader(library=library):  # env.NOTSET
            return Value(Ref(f"{library}.{name}"))
        case PurePosixPath() as path if name in ("parent", "parents", "name", "stem"):
            parents = path.parents[:MAX_ROUNDS] if name == "parents" else ()
            data = tuple(map(Value, parents)) if name == "parents" else getattr(path, name)
            return Value(data, reads=base.reads)
        case _:
            return Value(UNKNOWN, reads=base.reads)


def _decorators(value: Value) -> frozenset[str]:
    """Return the names of the decorators of a function."""
    names = set()
    for node in value.data.node.decorator_list if isinstance(value.data, Function) else ():
        match node.func if isinstance(node, ast.Call) else node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
    return frozenset(names)


def _items(nodes: Sequence[ast.expr], frame: Frame) -> tuple[Value, ...]:
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            value = evaluate(node.value, frame)
            if isinstance(value.data, tuple):
                items += value.data
            else:
                items.append(replace(value, data=UNKNOWN))
        else:
            items.append(evaluate(node, frame))
    return tuple(items)


def _dictionary(node: ast.Dict, frame: Frame) -> Value:
    entries: dict[object, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(value_node, frame)
        if key_node is None:
            entries |= value.data if isinstance(value.data, dict) else {}
            continue
        key = evaluate(key_node, frame).data
        if isinstance(key, str | int | None):
            entries[key] = value
    return Value(entries)


def _subscript(node: ast.Subscript, frame: Frame) -> Value:
    base = evaluate(node.value, frame)
    if isinstance(node.slice, ast.Slice):
        return _slice(base, node.slice, frame)
    key = evaluate(node.slice, frame)
    match base.data:
        case Ref(name="os.environ") | EnvReader() if isinstance(key.data, str):
            return record_read(key.data, frame, frame.call_place(node), required=True)
        case Ref(name="sys.argv"):
            return Value(COMMAND)
        case dict() as entries if isinstance(key.data, str | int):
            entry: Value = entries.get(key.data, Value(UNKNOWN, reads=base.reads))
            return entry
        case dict() as entries if key.reads:  # CONFIGURATIONS[os.environ["STAGE"]]
            _add_choices(key.reads, entries, frame)
            return Value(UNKNOWN, reads=union(base, key))
        case tuple() as items if isinstance(key.data, int) and -len(items) <= key.data < len(items):
            item: Value = items[key.data]
            return replace(item, reads=union(base, item))
        case _:
            return Value(UNKNOWN, reads=union(base, key))


def _slice(base: Value, node: ast.Slice, frame: Frame) -> Value:
    bounds = [evaluate(part, frame).data if part else None for part in (node.lower, node.upper)]
    lower, upper = (bound if isinstance(bound, int) else None for bound in bounds)
    if base.data == Ref("sys.argv"):
        return Value(COMMAND)
    is_known = not node.step and all(isinstance(bound, int | None) for bound in bounds)
    if is_known and isinstance(base.data, str | tuple):
        return replace(base, data=base.data[lower:upper])
    return Value(UNKNOWN, reads=base.reads)


def _bool_operation(operator: ast.boolop, nodes: Sequence[ast.expr], frame: Frame) -> Value:
    """Evaluate ``a or b`` or ``a and b``; *b* is reached if *a* is false, or true."""
    result = evaluate(nodes[0], frame)
    stops = isinstance(operator, ast.Or)
    for node in nodes[1:]:
        holds = truth(result)
        reached = holds is not None and holds != stops
        right = evaluate(node, replace(frame, reached=frame.reached and reached))
        reads = union(result, right)
        if reached:  # os.environ.get("X") or "default"
            result = replace(right, reads=reads)
        elif holds is stops and (stops or not result.reads):
            result = replace(result, reads=reads)
        elif right.data is stops and not right.reads:  # decides, whatever the left side is
            result = replace(right, reads=reads)
        else:
            result = Value(UNKNOWN, reads=reads)
    return result


def _comparison(node: ast.Compare, frame: Frame) -> Value:
    left = evaluate(node.left, frame)
    rights = [evaluate(comparator, frame) for comparator in node.comparators]
    if len(rights) > 1:
        return Value(UNKNOWN, reads=union(left, *rights))
    operator, right = node.ops[0], rights[0]
    if isinstance(left.data, str) and right.data == Ref("os.environ"):
        record_read(left.data, frame, frame.call_place(node), required=False)
        is_set = left.data in frame.evaluation.environ
        return Value(is_set == isinstance(operator, ast.In), reads=(left.data,))
    if right.data not in (None, ""):
        # os.environ.get("DEBUG") == "1" works without the variable.
        frame.evaluation.pay(0, copied=len(frame.evaluation.reads))
        for entry in frame.evaluation.reads:
            if entry.name in left.reads:
                entry.bare = False
        options = right.data if isinstance(right.data, tuple) else (right,)
        _add_choices(left.reads, [option.data for option in options], frame)
    return Value(compare(left, operator, right), reads=union(left, right))


def _add_choices(names: Sequence[str], choices: Iterable[object], frame: Frame) -> None:
    """Record that the code compares the variables *names* with *choices*."""
    words = [choice for choice in choices if isinstance(choice, str)]
    for entry in frame.evaluation.reads:
        frame.evaluation.pay(0, copied=len(entry.choices) if entry.name in names else 1)
        if entry.name in names and entry.kind == "text":
            entry.choices = tuple(dict.fromkeys((*entry.choices, *words)))


def _comprehension(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame
) -> Value:
    """Evaluate a comprehension over known lists; its variables are also those of its items."""
    inside = replace(frame, names={}, outer=frame)
    found: list[tuple[object, Value]] = []
    conditions: list[Value] = []

    def visit(generators: Sequence[ast.comprehension]) -> bool:
        """Add the items, and return whether all are known."""
        if not generators:
            key = evaluate(node.key, inside).data if isinstance(node, ast.DictComp) else None
            part = node.value if isinstance(node, ast.DictComp) else node.elt
            found.append((key, evaluate(part, inside)))
            return isinstance(key, str | int | None)
        first = generators[0]
        iterable = evaluate(first.iter, inside)
        conditions.append(iterable)
        is_known = isinstance(iterable.data, tuple) and len(iterable.data) <= MAX_ROUNDS
        items = iterable.data if is_known else (Value(UNKNOWN),)
        for item in items if isinstance(items, tuple) else ():
            bind(first.target, item, inside)
            tests = [evaluate(test, inside) for test in first.ifs]
            conditions.extend(tests)
            truths = [truth(test) for test in tests]
            is_known &= None not in truths
            if False not in truths:
                is_known &= visit(generators[1:])
        return is_known

    is_known = visit(node.generators)
    reads = union(*conditions, *(value for _, value in found))
    if not is_known:
        return Value(UNKNOWN, reads=reads)
    is_dict = isinstance(node, ast.DictComp)
    return Value(dict(found) if is_dict else tuple(value for _, value in found), reads=reads)


def bind(target: ast.expr, value: Value, frame: Frame) -> None:
    """Bind the names of *target* to *value*, or to its items."""
    match target:
        case ast.Name(id=name):
            frame.names[name] = value
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            items = value.data if isinstance(value.data, tuple) else ()
            fits = len(items) == len(targets)
            for index, part in enumerate(targets):
                item = items[index] if fits else Value(UNKNOWN, reads=value.reads)
                bind(part, item.at(value.source), frame)
        case ast.Starred(value=inner):
            bind(inner, replace(value, data=UNKNOWN), frame)


def _conditional(node: ast.IfExp, frame: Frame) -> Value:
    test = evaluate(node.test, frame)
    holds = truth(test)
    one = evaluate(node.body, frame.branch(holds is True))
    other = evaluate(node.orelse, frame.branch(holds is False))
    if holds is not None and not test.reads:
        return one if holds else other
    merged = merge(one, other, test.reads)
    return replace(merged, reads=union(merged, test))


@lru_cache(maxsize=1 << 14)  # a function of the settings may be called often
def _passes_module_name(node: ast.Call) -> bool:
    return "logger" not in ast.unparse(node.func).lower() and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node)
    )


def _call(node: ast.Call, frame: Frame) -> Value:
    positional = _items(node.args, frame)
    named: dict[str, Value] = {}
    for keyword in node.keywords:
        value = evaluate(keyword.value, frame)
        if keyword.arg:
            named[keyword.arg] = value
        elif isinstance(value.data, dict):
            named |= {key: item for key, item in value.data.items() if isinstance(key, str)}
    # DjangoDynaconf(__name__) sets names in this module; getLogger(__name__) does not.
    if _passes_module_name(node):
        frame.mark_unseen(node)
    arguments = Arguments(positional, named, node, frame)
    if not isinstance(node.func, ast.Attribute):
        return call(evaluate(node.func, frame), arguments)
    base = evaluate(node.func.value, frame)
    if not isinstance(base.data, Ref | Module):
        return _call_method(base, node.func.attr, arguments)
    function = _attribute(base, node.func.attr, frame, node)
    decorators = _decorators(function)
    is_bound = isinstance(base.data, Instance) and "staticmethod" not in decorators
    if is_bound or (isinstance(base.data, Class) and "classmethod" in decorators):
        arguments = replace(arguments, positional=(base, *arguments.positional))
    return call(function, arguments)


def call(function: Value, arguments: Arguments) -> Value:
    """Return the value of a call to *function*, of the project or external."""
    match function.data:
        case Function() as own:
            return _call_own_function(own, arguments)
        case Class() as owner:
            return _create(owner, arguments)
        case Ref(name="super"):
            return arguments.frame.lookup("super()") or Value(UNKNOWN)
        case Ref(name=name):
            return _call_external(name, arguments)
        case EnvReader() as reader:
            return call_reader(reader, "", arguments)
        case PurePosixPath():  # django-environ's Path
            return _call_method(function, "__call__", arguments)
        case _:
            return Value(UNKNOWN)


def _create(owner: Class, arguments: Arguments) -> Value:
    """Return an object of *owner*; those of pydantic-settings read the environment."""
    names = {**owner.names, **arguments.named}
    arguments.frame.evaluation.pay(0, copied=len(names))
    instance = Value(Instance(names))
    if owner.inherits("pydantic", "BaseSettings"):
        given = dict(arguments.named)
        for field in owner.fields.values():
            if field.factory and isinstance(field.factory.data, Class | Function):
                nothing = replace(arguments, positional=(), named={})
                given.setdefault(field.name, call(field.factory, nothing))
        names |= read_fields(owner, given, arguments.frame)
    elif isinstance(owner.names.get("__init__", instance).data, Function):
        bound = replace(arguments, positional=(instance, *arguments.positional))
        call(owner.names["__init__"], bound)
    return instance


def _call_external(name: str, arguments: Arguments) -> Value:
    """Call the function *name*, which is not the project's.

    The result of an unknown function does not count as read from the variables in its arguments:
    ``open(os.environ["SECRET_KEY_FILE"]).read()`` is not a variable's value.
    """
    if name == "split_settings.tools.optional" and arguments.positional:
        return arguments.positional[0]
    if name in NAME_SETTING:
        arguments.frame.mark_unseen(arguments.node)
    if name in ("getattr", "hasattr") and len(arguments.positional) > 1:
        return _getattr(name, arguments)
    if name in ("os.path.exists", "os.path.isfile") and arguments.positional:
        path = arguments.positional[0].data
        if isinstance(path, str | PurePosixPath):
            return replace(_exists(path, arguments.frame), reads=arguments.reads)
    found = call_environment(name, arguments)
    if found is not None:
        return found
    cwd = arguments.frame.evaluation.cwd
    data = call_function(name, arguments.positional, arguments.named, cwd)
    is_path = name in PATH_CLASSES or name.startswith("os.path.")
    keeps_reads = data is not UNKNOWN or name in CONVERSIONS or is_path
    return Value(data, reads=arguments.reads if keeps_reads else ())


def _getattr(function: str, arguments: Arguments) -> Value:
    """Return the value of ``getattr(module, "X", default)`` or ``hasattr(module, "X")``."""
    base, name, *default = arguments.positional
    if not isinstance(base.data, Module) or not isinstance(name.data, str):
        return Value(UNKNOWN, reads=arguments.reads)
    if function == "hasattr":
        return Value(name.data in base.data.names)
    if default and name.data not in base.data.names:
        return default[0]
    return _attribute(base, name.data, arguments.frame, arguments.node)


def _exists(path: str | PurePosixPath, frame: Frame) -> Value:
    """Return whether *path* exists in the image: False if the project does not have it.

    Otherwise it is unknown, because a file may not be copied into the image.
    """
    evaluation = frame.evaluation
    place = normalize(evaluation.cwd / path)
    if not place.is_relative_to(ROOT):
        return Value(UNKNOWN)
    own = evaluation.search.root / place.relative_to(ROOT)
    return Value(UNKNOWN if files.is_file(own) or files.is_directory(own) else False)


def _call_method(base: Value, name: str, arguments: Arguments) -> Value:
    if isinstance(base.data, EnvReader):
        return call_reader(base.data, name, arguments)
    given = arguments.positional
    reads = union(base, Value(None, reads=arguments.reads))
    if base.data is None and arguments.frame.reached:  # os.environ.get("HOSTS").split(",")
        arguments.frame.evaluation.require(base.reads)
    if name == "get_secret_value":  # of pydantic's SecretStr
        return base
    if name in READING_METHODS:
        return Value(UNKNOWN)
    if name == "exists" and isinstance(base.data, PurePosixPath):
        return replace(_exists(base.data, arguments.frame), reads=reads)
    if isinstance(base.data, dict) and name == "get" and given:
        default = arguments.get(1, "default") or Value(None)
        key = plain(given[0])
        entry: Value = base.data.get(key, default) if isinstance(key, str | int) else default
        return replace(entry, reads=reads)
    cwd = arguments.frame.evaluation.cwd
    return Value(call_method(base.data, name, given, arguments.named, cwd), reads=reads)


def _call_own_function(function: Function, arguments: Arguments) -> Value:
    """Execute the project's *function*, and return what it returns; UNKNOWN if calls are too deep.

    Of several return values, the one reached in an empty environment counts if the others only
    return the variable that is read; else see `merge`.
    """
    caller, evaluation = arguments.frame, arguments.frame.evaluation
    if evaluation.calls_left == 0:
        return Value(UNKNOWN)
    frame = Frame(
        evaluation,
        function.frame.file,
        _parameters(function.node.args, arguments, function.frame),
        outer=function.frame,
        reached=caller.reached,
        call_site=caller.call_site or caller.source(arguments.node),
        prefix=caller.prefix,
        distance=function.frame.distance,
    )
    evaluation.calls_left -= 1
    try:
        evaluation.execute(function.node.body, frame)
    finally:
        evaluation.calls_left += 1
    evaluation.pay(0, copied=len(frame.returns) * len(frame.tested))
    returned = sorted(frame.returns, key=lambda pair: not pair[0])
    values = [value for _, value in returned] or [Value(None)]
    return reduce(lambda one, other: merge(one, other, tuple(frame.tested)), values)


def _parameters(spec: ast.arguments, arguments: Arguments, frame: Frame) -> dict[str, Value]:
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    keyword_only = [arg.arg for arg in spec.kwonlyargs]
    values = {name: Value(UNKNOWN) for name in (*names, *keyword_only)}
    defaults = zip(reversed(names), reversed(spec.defaults), strict=False)
    keyword_defaults = zip(keyword_only, spec.kw_defaults, strict=True)
    for name, node in (*defaults, *keyword_defaults):
        if node is not None:
            values[name] = evaluate(node, frame)
    values |= dict(zip(names, arguments.positional, strict=False))
    values |= {name: value for name, value in arguments.named.items() if name in values}
    if spec.vararg:
        values[spec.vararg.arg] = Value(arguments.positional[len(names) :])
    if spec.kwarg:
        rest = {key: item for key, item in arguments.named.items() if key not in values}
        values[spec.kwarg.arg] = Value(rest)
    return values
