"""What the environment says: `os.environ/NAME` in a file, `POINTSMAN_…` over it, providers' usual key variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pointsman.config.providers import Provider
from pointsman.config.servers import split_provider
from pointsman.config.tree import Node, Origin, Path, Source, dotted, mapping, nearest, nested, overlay
from pointsman.config.yaml_tree import parse_yaml
from pointsman.core.errors import ConfigError

PREFIX = "POINTSMAN_"
REFERENCE = "os.environ/"
_SHORT = {
    "POINTSMAN_HOST": ("server", "host"),
    "POINTSMAN_PORT": ("server", "port"),
    "POINTSMAN_MASTER_KEY": ("server", "master_key"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unset:
    """A value that names an environment variable which is not there."""

    path: Path
    origin: Origin
    variable: str

    def error(self) -> ConfigError:
        """The complaint about it."""
        return ConfigError(
            f"{self.origin.where}: {dotted(self.path)}: the environment variable {self.variable} is not set.",
            hint=f"Set it, or write the value in place of {REFERENCE}{self.variable}.",
            param=dotted(self.path),
        )


def resolve(node: Node, environ: Mapping[str, str], path: Path = ()) -> tuple[Node, tuple[Unset, ...]]:
    """*node* with every `os.environ/NAME` replaced; entries whose variable is not set are left out and listed."""
    unset: list[Unset] = []
    if isinstance(node.value, dict):
        entries = {}
        for key, child in node.value.items():
            resolved, missing = resolve(child, environ, (*path, key))
            unset += missing
            if not any(entry.path == (*path, key) for entry in missing):
                entries[key] = resolved
        return mapping(entries, node.origin), tuple(unset)
    if isinstance(node.value, tuple):
        items = []
        for index, child in enumerate(node.value):
            resolved, missing = resolve(child, environ, (*path, index))
            unset += missing
            items.append(resolved)
        return Node(tuple(items), node.origin), tuple(unset)
    if node.text is None or not node.text.startswith(REFERENCE):
        return node, ()
    variable = node.text.removeprefix(REFERENCE).strip()
    if not environ.get(variable):
        return node, (Unset(path=path, origin=node.origin, variable=variable),)
    return Node(environ[variable], node.origin), ()


def overrides(environ: Mapping[str, str], below: Node) -> Node:
    """The tree that `POINTSMAN_…` variables make, to be laid over *below*.

    `POINTSMAN_SERVER__PORT=4001` is `server.port`; a value in brackets or braces is read as YAML.
    """
    tree = mapping({})
    for variable in sorted(environ):
        path = _SHORT.get(variable) or _long_path(variable)
        if path is None or not environ[variable]:
            continue
        found, node = nearest(below, path)
        if isinstance(node.value, tuple) and len(found) < len(path):
            raise ConfigError(
                f"{variable}: {dotted(found)} is a list in {node.origin.where}; a variable cannot reach into it."
            )
        tree = overlay(tree, nested(path, _value(variable, environ[variable])))
    return tree


def provider_values(tree: Node, environ: Mapping[str, str]) -> Node:
    """*tree* whose models take key and address from the provider's usual variables where they name none.

    A key goes only to the provider's own address or to the one beside it, never to another that the file gives.
    """
    models = tree.entries.get("models")
    if models is None or not isinstance(models.value, (dict, tuple)):
        return tree
    if isinstance(models.value, dict):
        filled = Node({name: _filled(model, environ) for name, model in models.value.items()}, models.origin)
    else:
        filled = Node(tuple(_filled(model, environ) for model in models.value), models.origin)
    return mapping({**tree.entries, "models": filled}, tree.origin)


def _filled(model: Node, environ: Mapping[str, str]) -> Node:
    entries = model.entries
    asked = entries["model"].text if "model" in entries else None
    if asked is None or "endpoint" in entries or "gguf" in entries:
        return model
    provider, _ = split_provider(asked)
    if provider is None:
        return model
    added: dict[str, Node] = {}
    if "base_url" not in entries:
        added |= _first_set(provider.address_variables, environ, "base_url")
    if "query" not in entries:
        versions = _first_set(provider.version_variables, environ, "query")
        added |= {key: Node(f"api-version={node.text}", node.origin) for key, node in versions.items()}
    if "api_key" not in entries and ("base_url" in added or _is_at_home(entries.get("base_url"), provider)):
        added |= _first_set(provider.key_variables, environ, "api_key")
    return mapping({**entries, **added}, model.origin)


def _is_at_home(base_url: Node | None, provider: Provider) -> bool:
    address = (base_url.text or "").rstrip("/") if base_url else provider.base_url
    if address is None:
        return False
    if provider.hosts:
        url = urlsplit(address)
        return url.scheme == "https" and (url.hostname or "").endswith(provider.hosts)
    return address == provider.base_url


def _first_set(variables: tuple[str, ...], environ: Mapping[str, str], key: str) -> dict[str, Node]:
    for variable in variables:
        if environ.get(variable):
            return {key: Node(environ[variable], Origin(source=Source.ENVIRONMENT, name=variable))}
    return {}


def _long_path(variable: str) -> tuple[str, ...] | None:
    if not variable.startswith(PREFIX) or "__" not in variable.removeprefix(PREFIX):
        return None
    return tuple(variable.removeprefix(PREFIX).lower().split("__"))


def _value(variable: str, text: str) -> Node:
    origin = Origin(source=Source.ENVIRONMENT, name=variable)
    if not text.lstrip().startswith(("[", "{")):
        return Node(text, origin)
    try:
        return _with_origin(parse_yaml(text, variable), origin)
    except ConfigError:
        raise ConfigError(f"{variable}: the value begins like a YAML list or mapping but is none.") from None


def _with_origin(node: Node, origin: Origin) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _with_origin(child, origin) for key, child in node.value.items()}, origin)
    if isinstance(node.value, tuple):
        return Node(tuple(_with_origin(child, origin) for child in node.value), origin)
    return Node(node.value, origin)
