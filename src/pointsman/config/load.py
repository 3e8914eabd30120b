"""From files, environment and flags to settings and catalog, with the origin of every value.

Defaults < file < environment < flags. The file is the one named by `--config`, else by POINTSMAN_CONFIG, else
`./pointsman.yaml`, else `pointsman.yaml` in the user's configuration folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import platformdirs

from pointsman.config import advice, classifier, environment, files, packaged
from pointsman.config.catalog import GgufModel, build_catalog, gguf_models
from pointsman.config.check import validate
from pointsman.config.schema import Settings
from pointsman.config.schema_routing import COMPAT, SCORER_KEYS, RouterSettings, scorer_of
from pointsman.config.tree import DEFAULT, Node, Origin, Source, dotted, from_plain, leaves, mapping, nested, overlay
from pointsman.config.warning import ConfigWarning
from pointsman.core.catalog import AUTO, Catalog
from pointsman.core.errors import ConfigError
from pointsman.core.jsontypes import Json

FILE_NAME: Final = "pointsman.yaml"
NO_FLAGS: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What `load` was given, so that `reload` can read it again."""

    config: Path | None
    environ: Mapping[str, str] = field(repr=False)
    cwd: Path
    flags: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration in force. The catalog's GGUF models have no address yet: see `build_catalog`."""

    settings: Settings
    catalog: Catalog
    tree: Node  # every value that was given, with its origin
    warnings: tuple[ConfigWarning, ...] = ()
    source_path: Path | None = None  # None: no file
    gguf_models: tuple[GgufModel, ...] = ()
    complexity: Mapping[str, Mapping[str, Json]] = field(
        default_factory=dict
    )  # by the name of a router that goes by LiteLLM's score, its keys; none while routing is off
    learned: Mapping[str, RouterSettings] = field(default_factory=dict)  # by name, those that go by what was learned
    inputs: Inputs | None = None

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each given value comes from, by dotted path; what is not in it is a default."""
        return {dotted(path): str(leaf.origin) for path, leaf in leaves(self.tree) if path}


def load(
    *,
    config: Path | None = None,
    environ: Mapping[str, str],
    cwd: Path,
    flags: Mapping[str, Json] = NO_FLAGS,
) -> Loaded:
    """The configuration in force for these inputs; *flags* are values by dotted path (`server.port`)."""
    path = find_file(config=config, environ=environ, cwd=cwd)
    read = files.Read(tree=mapping({})) if path is None else files.read(path, environ, shown=_shown(path, cwd))
    tree = overlay(read.tree, environment.overrides(environ, read.tree))
    for name, value in flags.items():
        steps = name.split(".")
        origin = Origin(source=Source.FLAG, name=f"--{steps[-1].replace('_', '-')}")
        tree = overlay(tree, nested(steps, from_plain(value, origin)))
    tree = environment.provider_values(tree, environ)
    settings = validate(tree)
    loaded = loaded_from(settings, tree=tree)
    classifier.check(
        classifier.Given(
            settings=settings,
            catalog=loaded.catalog,
            tree=tree,
            source=path.resolve() if path is not None else None,
            own=_own_files(environ),
            environ=environ,
        )
    )
    warnings = (
        *read.warnings,
        *advice.missing_keys(loaded.catalog, tree, is_litellm=read.is_litellm, unset=read.unset_keys),
        *advice.undeclared_locality(settings, loaded.catalog, tree, is_litellm=read.is_litellm),
        *advice.not_used(settings, loaded.catalog, tree, is_ours=read.is_ours),
        *advice.unpaid_copies(settings, loaded.catalog, tree),
    )
    return replace(
        loaded,
        warnings=warnings,
        source_path=path,
        inputs=Inputs(config=config, environ=dict(environ), cwd=cwd, flags=dict(flags)),
    )


def reload(loaded: Loaded) -> Loaded:
    """*loaded* read anew from the same places; a ConfigError leaves *loaded* as it was, in force."""
    if loaded.inputs is None:
        return loaded
    inputs = loaded.inputs
    return load(config=inputs.config, environ=inputs.environ, cwd=inputs.cwd, flags=inputs.flags)


def loaded_from(settings: Settings, *, tree: Node | None = None) -> Loaded:
    """Settings made in code (demo, discovery, tests) as if they had been loaded."""
    routing = settings.routing
    routers = {AUTO: routing, **routing.routers} if routing.enabled else {}
    return Loaded(
        settings=settings,
        catalog=build_catalog(settings),
        tree=tree or mapping({}, DEFAULT),
        gguf_models=gguf_models(settings),
        complexity={name: _scorer(one) for name, one in routers.items() if scorer_of(one) == COMPAT},
        learned={name: one for name, one in routers.items() if scorer_of(one) != COMPAT},
    )


def load_default_catalog() -> Loaded:
    """The shipped four tiers, for deciding without calling when nothing is configured."""
    tree = packaged.tree("catalog.yaml")
    return loaded_from(validate(tree), tree=tree)


def find_file(*, config: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The configuration file: as named (it must exist then), else the first found; None when there is none."""
    named = config or (Path(environ["POINTSMAN_CONFIG"]) if environ.get("POINTSMAN_CONFIG") else None)
    if named is not None:
        path = cwd / named.expanduser()
        if not path.exists():
            by = "--config" if config else "POINTSMAN_CONFIG"
            raise ConfigError(f"{by}: there is no file {str(named)!r}.", hint="Check the path.")
        return path
    candidates = (cwd / FILE_NAME, _config_folder(environ) / FILE_NAME)
    return next((path for path in candidates if path.exists()), None)


def requested_model(flag: str | None, environ: Mapping[str, str], loaded: Loaded) -> tuple[str, str]:
    """The model a command uses and where that was said: flag > POINTSMAN_MODEL > GEMINI_MODEL > file > `auto`."""
    if flag:
        return flag, "flag --model"
    for variable in ("POINTSMAN_MODEL", "GEMINI_MODEL"):
        if environ.get(variable):
            return environ[variable], f"env {variable}"
    return loaded.settings.model.name, loaded.origins.get("model.name", "default")


def _scorer(router: RouterSettings) -> Mapping[str, Json]:
    values: dict[str, Json] = router.model_dump(mode="json", include=set(SCORER_KEYS), exclude_none=True)
    return values


def _config_folder(environ: Mapping[str, str]) -> Path:
    home = environ.get("XDG_CONFIG_HOME")
    return Path(home) / "pointsman" if home else platformdirs.user_config_path("pointsman")


def _own_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files that belong to the user and to no project: ours and gemini-cli's."""
    home = environ.get("GEMINI_CLI_HOME") or environ.get("HOME")
    gemini = (Path(home) / ".gemini" / "settings.json",) if home else ()
    return tuple(path.resolve() for path in (_config_folder(environ) / FILE_NAME, *gemini))


def _shown(path: Path, cwd: Path) -> str:
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
