"""What statements do to the names of a module or a function."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from buildstatic.project.settings.assignments import CHANGES, assign, augment, change
from buildstatic.project.settings.branches import demand, follow_if, follow_maybe
from buildstatic.project.settings.expressions import evaluate
from buildstatic.project.settings.imports import bind_from, bind_import, include
from buildstatic.project.settings.loops import follow_for, follow_with
from buildstatic.project.settings.state import End, Frame
from buildstatic.project.settings.tries import follow_try
from buildstatic.project.settings.values import UNKNOWN, Function, Module, Ref, Value

EXITS = (Ref("sys.exit"), Ref("exit"), Ref("quit"), Ref("os._exit"))
INCLUDE = Ref("split_settings.tools.include")


def follow(body: Sequence[ast.stmt], frame: Frame) -> End:
    """Follow *body*, and say how it ends; what stands after that is not looked at."""
    for node in body:
        end = _statement(node, frame)
        if end is not End.FALLS:
            return end
    return End.FALLS


def _statement(node: ast.stmt, frame: Frame) -> End:
    match node:
        case ast.If():
            return follow_if(node, frame)
        case ast.Try() | ast.TryStar():
            return follow_try(node, frame)
        case ast.With():
            return follow_with(node, frame)
        case ast.For():
            return follow_for(node, frame)
        case ast.While(test=test, body=body):
            follow_maybe([body], evaluate(test, frame), frame)
        case ast.Match(subject=subject, cases=cases):
            follow_maybe([case.body for case in cases], evaluate(subject, frame), frame)
        case ast.Return(value=value):
            worth = evaluate(value, frame) if value else Value(None)
            frame.returns.append((frame.runs, worth))
            return End.LEAVES
        case ast.Raise():
            return End.RAISES
        case ast.Break() | ast.Continue():
            return End.LEAVES
        case ast.Expr(value=value):
            return _expression(value, frame)
        case _:
            _binding(node, frame)
    return End.FALLS


def _binding(node: ast.stmt, frame: Frame) -> None:
    source = frame.source(node)
    match node:
        case ast.Assign(targets=targets, value=value):
            worth = replace(evaluate(value, frame), source=source)
            for target in targets:
                assign(target, worth, frame)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            assign(target, replace(evaluate(value, frame), source=source), frame)
        case ast.AugAssign():
            augment(node, frame)
        case ast.Import():
            bind_import(node, frame)
        case ast.ImportFrom():
            bind_from(node, frame)
        case ast.FunctionDef(name=name):
            frame.names[name] = Value(Function(node, frame), source)
        case ast.ClassDef(name=name, body=body):
            inside = frame.branch(runs=True)
            follow(body, inside)
            frame.names[name] = Value(Module(inside.names), source)
        case ast.AsyncFunctionDef(name=name):
            frame.names[name] = Value(UNKNOWN, source)
        case ast.Delete(targets=targets):
            for target in targets:
                if isinstance(target, ast.Name):
                    frame.names.pop(target.id, None)
        case ast.Assert(test=test):
            demand(evaluate(test, frame), frame, holds=False)


def _expression(node: ast.expr, frame: Frame) -> End:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name() | ast.Subscript() as base, attr=name)
        ) if name in CHANGES:
            change(base, name, tuple(evaluate(part, frame) for part in node.args), frame)
        case ast.Call(func=ast.Name() | ast.Attribute() as function):
            called = evaluate(function, frame).data
            if called == INCLUDE:
                include(node, [evaluate(part, frame) for part in node.args], frame)
                return End.FALLS
            evaluate(node, frame)
            return End.RAISES if called in EXITS else End.FALLS
        case _:
            evaluate(node, frame)
    return End.FALLS
