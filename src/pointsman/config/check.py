"""A tree to Settings: what is wrong is said with file, line, path and the nearest right name."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pointsman.config import cheat_sheet
from pointsman.config.chat_presets import presets_of
from pointsman.config.schema import RouterSettings, Settings
from pointsman.config.servers import Servers, inline_server
from pointsman.config.tree import Node, Path, dotted, mapping, nearest, plain
from pointsman.core.catalog import AUTO, Catalog, Tier
from pointsman.core.errors import ConfigError

ANY_MODEL = "*"
CHAINS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
LOCAL_ONLY = "local-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at *path* that types alone do not show."""

    path: Path
    text: str


def validate(tree: Node) -> Settings:
    """The settings *tree* means; ConfigError lists every problem, one a line, in the order of the file."""
    try:
        settings = Settings.model_validate(plain(_without_empty(tree)))
    except ValidationError as error:
        problems = [_from_pydantic(details) for details in error.errors(include_url=False, include_input=False)]
        raise _config_error(_joined(problems), tree) from None
    problems = list(_dangling(settings))
    if problems:
        raise _config_error(problems, tree)
    return settings


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """`Did you mean 'tier'?`, or the valid names where none is near."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"valid: {', '.join(names)}" if names else "there is none"


def _without_empty(node: Node) -> Node:
    """*node* without keys that have no value: `server:` with nothing below it means the defaults."""
    if node.items:
        return Node(tuple(_without_empty(item) for item in node.items), node.origin)
    if not node.entries:
        return node
    entries = {
        key: child if key == "defaults" else _without_empty(child)
        for key, child in node.entries.items()
        if child.value is not None
    }
    return mapping(entries, node.origin)


def _config_error(problems: list[Problem], tree: Node) -> ConfigError:
    lines = []
    for problem in problems:
        found, node = nearest(tree, problem.path)
        shown = dotted((*found, *problem.path[len(found) :]))
        place = ": ".join(part for part in (node.origin.where, shown) if part)
        lines.append((node.origin.line or 0, f"{place}: {problem.text}."))
    lines.sort(key=lambda line: line[0])
    text = "\n".join(dict.fromkeys(line for _, line in lines)).replace("?.", "?")
    return ConfigError(text, param=dotted(problems[0].path))


def _from_pydantic(details: ErrorDetails) -> Problem:
    path = tuple(step for step in details["loc"] if step != "[key]" and not _ALTERNATIVE.match(str(step)))
    match details["type"]:
        case "extra_forbidden":
            key = str(path[-1])
            return Problem(path=path, text=f"unknown key; {did_you_mean(key, _keys_at(path[:-1]))}")
        case "missing":
            return Problem(path=path, text="is missing")
        case "model_type" | "dict_type":
            return Problem(path=path, text="should be a mapping")
        case _:
            message = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
            return Problem(path=path, text=message)


_ALTERNATIVE = re.compile(r"(?:constrained-|function-|lax-or-strict\[|(?:literal|str-enum|list|dict)\[)")
"""How pydantic calls one of several types that a value may have, as a step of its path."""
_SHOULD_BE = "should be "


def _joined(problems: Sequence[Problem]) -> list[Problem]:
    """What is wrong at one path with each of the types that it may have, as one problem."""
    texts: dict[Path, list[str]] = {}
    for problem in problems:
        texts.setdefault(problem.path, []).append(problem.text)
    return [
        Problem(path=path, text="; or ".join((first, *(text.removeprefix(_SHOULD_BE) for text in others))))
        for path, (first, *others) in texts.items()
    ]


def _keys_at(path: Path) -> list[str]:
    """The keys that may stand in the mapping at *path*."""
    model: type[BaseModel] | None = Settings
    for step in path:
        if model is not None and isinstance(step, str) and step in model.model_fields:
            model = _section_in(model.model_fields[step].annotation)
    return list(model.model_fields) if model else []


def _section_in(annotation: object) -> type[BaseModel] | None:
    """The one section an annotation such as `dict[str, EndpointSettings]` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(argument) for argument in typing.get_args(annotation))
    return next((section for section in found if section is not None), None)


def _dangling(settings: Settings) -> Iterator[Problem]:
    """Names that name nothing, and servers that nothing says the address of."""
    names = {model.name for model in settings.models}
    aliases = set(settings.aliases) | {alias for model in settings.models for alias in model.aliases}
    routers = {AUTO, *settings.routing.routers}
    callable_names = names | aliases
    presets = set(presets_of(settings.presets))
    anything = callable_names | routers | presets | set(Tier)
    yield from _server_problems(settings)
    for name in sorted(names & (routers | presets)):
        what = "router" if name in routers else "preset"
        index = next(index for index, model in enumerate(settings.models) if model.name == name)
        yield Problem(path=("models", index, "name"), text=f"the name {name!r} means a {what}; choose another")
    yield from _router_problems(settings.routing, ("routing",), callable_names)
    for name, router in settings.routing.routers.items():
        yield from _router_problems(router, ("routing", "routers", name), callable_names)
    for alias, target in settings.aliases.items():
        if alias in names:
            yield Problem(path=("aliases", alias), text=f"{alias!r} is a model's name already")
        yield from _unknown(("aliases", alias), [target], anything)
    for index, model in enumerate(settings.models):
        for number, alias in enumerate(model.aliases):
            if alias in names:
                yield Problem(path=("models", index, "aliases", number), text=f"{alias!r} is a model's name already")
    for key in CHAINS:
        chains: dict[str, list[str]] = getattr(settings, key)
        for source, targets in chains.items():
            yield from _unknown((key, source), [source], anything | {ANY_MODEL})
            yield from _unknown((key, source), targets, callable_names)
    yield from _circles(settings, names)
    yield from _resilience_problems(settings, names, callable_names)
    if settings.savings.baseline is not None:
        yield from _unknown(("savings", "baseline"), [settings.savings.baseline], callable_names)
    yield from _weights_problems(settings.routing.weights)
    yield from _target_problems(settings, callable_names)
    yield from _shadow_problems(settings, callable_names)
    if names and Tier.parse(settings.model.name) is None:
        yield from _unknown(("model", "name"), [settings.model.name], anything)


def _weights_problems(weights: str | None) -> Iterator[Problem]:
    """Said when the file is read, and not when the gateway has said that it serves."""
    if weights is not None and not FilePath(weights).expanduser().is_file():
        yield Problem(path=("routing", "weights"), text=f"there is no file {weights!r}")


def _target_problems(settings: Settings, callable_names: set[str]) -> Iterator[Problem]:
    """Presets, rules and agents for a model that there is not, and rules for such kinds of task."""
    for name, preset in settings.presets.items():
        if preset.model is not None:
            yield from _unknown(("presets", name, "model"), [preset.model], callable_names)
    named = _kinds_named(settings)
    kinds = {task.name for task in cheat_sheet.tasks(settings.tasks)} if settings.rules or named else set()
    for path, names in named:
        yield from _unknown(path, names, kinds | {"*"}, "kind of task")
    for index, rule in enumerate(settings.rules):
        yield from _unknown(("rules", index, "kind"), rule.kind, kinds, "kind of task")
        if rule.model is not None:
            yield from _unknown(("rules", index, "model"), [rule.model], callable_names)
    for name, agent in settings.agents.items():
        if agent.model is not None:
            yield from _unknown(("agents", name, "model"), [agent.model], callable_names)


def _shadow_problems(settings: Settings, callable_names: set[str]) -> Iterator[Problem]:
    """Copies to a model that there is not, or that may not get any, and a judge that is not on this machine."""
    shadow = settings.shadow
    resolve = Catalog(models=(), aliases=_all_aliases(settings)).resolve
    rules = shadow.all_rules()
    kinds = {task.name for task in cheat_sheet.tasks(settings.tasks)} if any(rule.kinds for rule in rules) else set()
    for index, rule in enumerate(rules):
        path: Path = ("shadow", "rules", index) if shadow.rules else ("shadow",)
        yield from _unknown((*path, "kinds"), rule.kinds, kinds, "kind of task")
        name = resolve(rule.model)
        if Tier.parse(name) is not None:
            continue
        yield from _unknown((*path, "model"), [name], callable_names | set(Tier))
        if name in callable_names and settings.privacy.mode == LOCAL_ONLY and not any(_may_be_local(settings, name)):
            text = f"{rule.model!r} is no local model, and `privacy.mode` is {LOCAL_ONLY}; name a local one"
            yield Problem(path=(*path, "model"), text=text)
    if rules and not settings.ledger.enabled:
        text = "copies are kept beside the ledger, and that is off; set `ledger.enabled: true`"
        yield Problem(path=("shadow",), text=text)
    if shadow.judge is not None:
        name = resolve(shadow.judge)
        yield from _unknown(("shadow", "judge"), [name], callable_names)
        if name in callable_names and not any(_may_be_local(settings, name)):
            text = f"{shadow.judge!r} is not local, and would be shown requests and answers; name a local one"
            yield Problem(path=("shadow", "judge"), text=text)


def _kinds_named(settings: Settings) -> list[tuple[Path, list[str]]]:
    """Where floors and abilities name kinds of tasks."""
    routers: dict[Path, RouterSettings] = {(): settings.routing}
    routers |= {("routers", name): one for name, one in settings.routing.routers.items()}
    floors: list[tuple[Path, list[str]]] = [
        (("routing", *at, "floors"), list(one.floors)) for at, one in routers.items() if one.floors
    ]
    abilities: list[tuple[Path, list[str]]] = [
        (("models", index, "ability"), list(one.ability))
        for index, one in enumerate(settings.models)
        if isinstance(one.ability, dict) and one.ability
    ]
    return [*floors, *abilities]


def _circles(settings: Settings, names: set[str]) -> Iterator[Problem]:
    """Aliases that lead back to themselves, and models that stand in for themselves."""
    aliases = _all_aliases(settings)
    resolve = Catalog(models=(), aliases=aliases).resolve
    for alias in settings.aliases:
        if alias not in names and resolve(alias) in aliases:
            yield Problem(path=("aliases", alias), text=f"{alias!r} leads back to itself; let it name a model")
    for key in CHAINS:
        chains: dict[str, list[str]] = getattr(settings, key)
        for source, targets in chains.items():
            for target in targets:
                if resolve(target) == resolve(source):
                    text = f"{source!r} would stand in for itself; take {target!r} out of its list"
                    yield Problem(path=(key, source), text=text)


def _resilience_problems(settings: Settings, names: set[str], callable_names: set[str]) -> Iterator[Problem]:
    resilience = settings.resilience
    for name in resilience.policies:
        yield from _unknown(("resilience", "policies", name), [name], callable_names | {ANY_MODEL})
    wanted, path = resilience.last_resort, ("resilience", "last_resort")
    if wanted is None:
        return
    name = Catalog(models=(), aliases=_all_aliases(settings)).resolve(wanted)
    if name not in names:
        yield from _unknown(path, [name], callable_names - set(settings.aliases))
    elif settings.privacy.mode == LOCAL_ONLY and not any(_may_be_local(settings, name)):
        text = f"{wanted!r} is no local model, and `privacy.mode` is {LOCAL_ONLY}; name a local one"
        yield Problem(path=path, text=text)


def _may_be_local(settings: Settings, name: str) -> Iterator[bool]:
    """Of each model called *name*, whether it is local; True too where its own entry is wrong, which is said anyway."""
    servers = Servers(settings, {})
    for model in settings.models:
        if model.name == name:
            try:
                yield servers.of(model, name)[0].is_local
            except (ConfigError, KeyError):
                yield True


def _all_aliases(settings: Settings) -> dict[str, str]:
    return {**settings.aliases, **{alias: model.name for model in settings.models for alias in model.aliases}}


def _server_problems(settings: Settings) -> Iterator[Problem]:
    for index, model in enumerate(settings.models):
        if model.endpoint is not None:
            yield from _unknown(("models", index, "endpoint"), [model.endpoint], settings.endpoints, "endpoint")
        elif model.gguf is None:
            try:
                inline_server(model)
            except ConfigError as error:
                yield Problem(path=("models", index, "model"), text=str(error).rstrip("."))


def _router_problems(router: RouterSettings, path: Path, names: set[str]) -> Iterator[Problem]:
    for tier, models in router.tiers.items():
        yield from _unknown((*path, "tiers", tier.value), models, names)
    if router.default_model is not None:
        yield from _unknown((*path, "default_model"), [router.default_model], names)


def _unknown(path: Path, names: Iterable[str], known: Iterable[str], what: str = "model") -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(path=path, text=f"no {what} is called {name!r}; {did_you_mean(name, known)}")
