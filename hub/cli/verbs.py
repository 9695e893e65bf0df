"""How a verb is added: its own parameters, and those every verb has."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from hub.cli.output import JSON_OPTION, voice

_COMMON: dict[str, Any] = {
    "json_output": (Annotated[bool, JSON_OPTION], False),
    "quiet": (Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")], False),
    "lang": (Annotated[Literal["en", "zh"] | None, typer.Option(help="Language of texts; else as LANG says.")], None),
    "no_color": (Annotated[bool, typer.Option("--no-color", help="No colour on a terminal.")], False),
    "yes": (Annotated[bool, typer.Option("--yes", help="Ask nothing.")], False),
}


def verb(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the decorator that adds a function to the application as a verb with the common options.

    The function says its result with `say` and `answer`; it may end with `sys.exit` where it found something.
    """

    def add(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            _speak_as(**{name: arguments.pop(name) for name in _COMMON})
            function(**arguments)

        own = inspect.signature(function, eval_str=True)
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in _COMMON.items()
        ]
        positional = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.KEYWORD_ONLY]
        keyword = [each for each in own.parameters.values() if each.kind is inspect.Parameter.KEYWORD_ONLY]
        everything = [*positional, *keyword, *shared]
        run.__signature__ = own.replace(parameters=everything)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in everything}
        app.command(name)(run)
        return function

    return add


def _speak_as(*, json_output: bool, quiet: bool, lang: Literal["en", "zh"] | None, no_color: bool, yes: bool) -> None:
    voice.as_json, voice.quiet, voice.language = json_output, quiet, lang
    voice.color, voice.yes = not no_color, yes
