"""Define classes, and tell from annotations which values the fields of a class take."""

from __future__ import annotations

import ast
from dataclasses import replace

from buildstatic.project.settings.evaluate import evaluate
from buildstatic.project.settings.scope import Class, Field, Frame
from buildstatic.project.settings.values import UNKNOWN, Instance, Ref, Value

# The kinds of the types that annotations name, see `Variable`
# (docs.pydantic.dev/latest/api/networks, …/api/types).
KINDS = {
    **dict.fromkeys(("int", "float", "Decimal", "timedelta", "ByteSize"), "number"),
    **dict.fromkeys(("PositiveInt", "NonNegativeInt", "PositiveFloat", "conint"), "number"),
    **dict.fromkeys(("bool", "StrictBool"), "flag"),
    **dict.fromkeys(("AnyUrl", "AnyHttpUrl", "HttpUrl", "AnyWebsocketUrl"), "url"),
    "PostgresDsn": "postgresql",
    "RedisDsn": "redis",
    "AmqpDsn": "amqp",
    **dict.fromkeys(("EmailStr", "NameEmail"), "address"),
    **dict.fromkeys(("Path", "DirectoryPath", "NewPath"), "directory"),
    **dict.fromkeys(("dict", "Dict", "Mapping", "Json"), "json"),
    **dict.fromkeys(("list", "List", "set", "Set", "tuple", "Tuple", "Sequence"), "list"),
}
FIELDS = frozenset({"pydantic.Field", "pydantic.fields.Field", "pydantic.v1.Field"})
ALIASES = ("validation_alias", "alias", "env")
OPTIONAL = Ref("typing.Optional")
ENUMS = ("Enum", "StrEnum", "TextChoices")


def define(node: ast.ClassDef, frame: Frame) -> Class:
    """Execute the body of a class in *frame*, and return the class."""
    bases = [evaluate(base, frame).data for base in node.bases]
    inherited: dict[str, Value] = {}
    fields: dict[str, Field] = {}
    for base in reversed(bases):
        if isinstance(base, Class):
            inherited |= base.names
            fields |= base.fields
    frame.evaluation.pay(copied=len(inherited) + len(fields))
    inside = replace(frame, names={"super()": Value(Instance(inherited))}, outer=frame)
    frame.evaluation.execute(node.body, inside)
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)):
                fields[name] = _field(name, statement, inside)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in fields:
                fields[name] = replace(fields[name], default=inside.names.get(name))
    external = {base.name for base in bases if isinstance(base, Ref)}
    for base in bases:
        external |= base.bases if isinstance(base, Class) else frozenset()
    return Class({**inherited, **inside.names}, frozenset(external), fields)


def _field(name: str, node: ast.AnnAssign, frame: Frame) -> Field:
    kind, choices, nested = _annotation(node.annotation, frame)
    field = Field(name, frame.source(node), kind, choices, None, nested=nested)
    match node.value:
        case None:
            return field
        case ast.Call(func=function) as call if _is_field(function, frame):
            named = {item.arg: evaluate(item.value, frame) for item in call.keywords if item.arg}
            default = evaluate(call.args[0], frame) if call.args else named.get("default")
            if default is not None and default.data in (Ref("..."), ...):
                default = None
            factory = named.get("default_factory")
            if factory is not None and default is None:
                default = Value(UNKNOWN)
            names = next((_names(named[key]) for key in ALIASES if key in named), ())
            return replace(field, default=default, names=names, factory=factory)
        case _:
            return replace(field, default=frame.names.get(name))


def _is_field(function: ast.expr, frame: Frame) -> bool:
    data = evaluate(function, frame).data
    return isinstance(data, Ref) and data.name in FIELDS


def _names(alias: Value) -> tuple[str, ...]:
    """Return the variables that ``alias="X"`` or ``AliasChoices("X", "Y")`` names."""
    items = alias.data if isinstance(alias.data, tuple) else (alias,)
    return tuple(item.data for item in items if isinstance(item.data, str))


def _annotation(node: ast.expr, frame: Frame) -> tuple[str, tuple[str, ...], Class | None]:
    """Return the kind and the choices of the values that an annotation allows, and its class."""
    match node:
        case ast.Constant(value=str(text)):
            try:
                return _annotation(ast.parse(text, mode="eval").body, frame)
            except SyntaxError:
                return "text", (), None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            is_none = isinstance(left, ast.Constant) and left.value is None
            return _annotation(right if is_none else left, frame)
        case ast.Subscript(value=base, slice=inside):
            first = inside.elts[0] if isinstance(inside, ast.Tuple) and inside.elts else inside
            name = _last_name(base)
            if name in ("Optional", "Annotated", "Union", "Final"):
                return _annotation(first, frame)
            if name == "Literal":
                parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                values = [part.value for part in parts if isinstance(part, ast.Constant)]
                return "choice", tuple(map(str, values)), None
            return KINDS.get(name, "text"), (), None
        case ast.Name() | ast.Attribute():
            found = evaluate(node, frame).data
            if not isinstance(found, Class):
                return KINDS.get(_last_name(node), "text"), (), None
            if any(found.inherits("", name) for name in ENUMS):
                members = [found.names[name].data for name in found.names if name.isupper()]
                return "choice", tuple(item for item in members if isinstance(item, str)), None
            return "json", (), found
        case _:
            return "text", (), None


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
