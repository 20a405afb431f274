"""Writes the manual pages, ``man/*.1``, from the commands and their options: ``make man``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from buildstatic.cli import COMMANDS, cli

MAN = Path(__file__).parent.parent / "man"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page, in roff (man(7))."""
    group = click.Context(cli, info_name="buildstatic", **cli.context_settings)
    yield "buildstatic.1", page(group, COMMANDS)
    for name in COMMANDS:
        command = cli.get_command(group, name)
        assert command is not None
        below = getattr(command, "commands", {})
        summaries = {word: each.get_short_help_str(200) for word, each in below.items()}
        yield f"buildstatic-{name}.1", page(click.Context(command, group, name), summaries)


def page(context: click.Context, commands: dict[str, str]) -> str:
    """Return the page of the command of *context*, a group of *commands* with their summaries."""
    command, name = context.command, context.command_path.replace(" ", "-")
    help_text = inspect.cleandoc(command.help or "")
    summary = COMMANDS.get(str(context.info_name)) or help_text.partition("\n\n")[0]
    lines = [f'.TH "{roff(name.upper())}" "1" "" "buildstatic" "User Commands"']
    lines += [".SH NAME", rf"{roff(name)} \- {roff(summary.rstrip('.').replace(chr(10), ' '))}"]
    usage = " ".join(command.collect_usage_pieces(context))
    lines += [".SH SYNOPSIS", rf"\fB{roff(context.command_path)}\fP {roff(usage)}"]
    lines += [".SH DESCRIPTION", *paragraphs(help_text)]
    if commands:
        lines.append(".SH COMMANDS")
        for word, text in commands.items():
            lines += [".TP", rf"\fB{roff(context.command_path)} {roff(word)}\fP", roff(text)]
    lines.append(".SH OPTIONS")
    for option in command.get_params(context):
        if not isinstance(option, click.Option):
            continue
        if record := option.get_help_record(context):
            lines += [".TP", rf"\fB{roff(record[0])}\fP", roff(record[1])]
    if epilog := inspect.cleandoc(command.epilog or ""):
        kept = epilog.replace("\b\n", "").removeprefix("Examples:\n")
        lines += [".SH EXAMPLES", ".nf", *map(roff, kept.splitlines()), ".fi"]
    lines.append(".SH SEE ALSO")
    others = ["buildstatic", *(f"buildstatic-{word}" for word in COMMANDS)]
    references = ", ".join(rf"\fB{roff(each)}\fP(1)" for each in others if each != name)
    lines.append(references)
    return "\n".join(lines) + "\n"


def paragraphs(text: str) -> Iterator[str]:
    """Yield the lines of a help text; a paragraph after ``\\b`` keeps its lines."""
    for paragraph in re.split(r"\n\n+", text.replace("\f", "")):
        kept = paragraph.removeprefix("\b\n")
        yield ".PP"
        if kept != paragraph:
            yield ".nf"
        yield from map(roff, kept.splitlines())
        if kept != paragraph:
            yield ".fi"


def roff(text: str) -> str:
    """Return *text* with what roff would interpret escaped."""
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))


if __name__ == "__main__":
    MAN.mkdir(exist_ok=True)
    for old in MAN.glob("*.1"):
        old.unlink()
    for name, text in pages():
        MAN.joinpath(name).write_text(text, encoding="utf-8")
