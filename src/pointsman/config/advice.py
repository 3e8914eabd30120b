"""What a valid configuration may still lack, keys or a word on where text goes, and what in it does nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.config.card_defaults import API_NAMES, UNHEARD
from pointsman.config.environment import Unset
from pointsman.config.locality import is_loopback, is_nearby, is_ollama_cloud
from pointsman.config.schema import Settings
from pointsman.config.servers import provider_at
from pointsman.config.tree import Node, nearest
from pointsman.config.warning import ConfigWarning, warn
from pointsman.core.catalog import Catalog, ModelCard


def missing_keys(
    catalog: Catalog, tree: Node, *, is_litellm: bool, unset: Sequence[Unset] = ()
) -> Iterator[ConfigWarning]:
    """One warning for each model that goes to a cloud provider without a key; *unset* are variables a file named."""
    named = {entry.path[:2]: entry.variable for entry in unset}
    for index, card in enumerate(catalog.models):
        variable = named.get(("models", index)) or _key_variable(card)
        if card.endpoint.api_key is None and not card.endpoint.headers and variable:
            path, node = nearest(tree, ("models", index))
            message = f"the model {card.name!r} has no key and will be refused; set {variable}"
            yield warn(() if is_litellm else path, node.origin, message)


def undeclared_locality(
    settings: Settings, catalog: Catalog, tree: Node, *, is_litellm: bool
) -> Iterator[ConfigWarning]:
    """One warning for each model near by that is treated as not local because nobody said it is."""
    line = "`model_info: {pointsman_local: true}`" if is_litellm else "`local: true`"
    for index, (model, card) in enumerate(zip(settings.models, catalog.models, strict=True)):
        server = settings.endpoints.get(model.endpoint or "")
        declared = model.local if model.local is not None else server.local if server else None
        is_cloud = card.endpoint.dialect == "ollama" and is_ollama_cloud(card.upstream_model)
        if declared is None and not card.is_local and not is_cloud and is_nearby(card.endpoint.base_url):
            place = "on this machine" if is_loopback(card.endpoint.base_url) else "near by"
            path, node = nearest(tree, ("models", index))
            yield warn(
                () if is_litellm else path,
                node.origin,
                f"the model {card.name!r} is served {place} but may pass text on, so it gets no private text; "
                f"if it does not, add {line}",
            )


def not_used(settings: Settings, catalog: Catalog, tree: Node, *, is_ours: bool) -> Iterator[ConfigWarning]:
    """One warning for each setting that is valid and does nothing; paths are named in our own files only."""
    for index, (model, card) in enumerate(zip(settings.models, catalog.models, strict=True)):
        dialect = card.endpoint.dialect
        for key in model.defaults:
            if key in UNHEARD.get(dialect, ()):
                path, node = nearest(tree, ("models", index, "defaults", key))
                message = (
                    f"not used: {API_NAMES[dialect]} has no {key!r}, which is a default of the model {card.name!r}"
                )
                yield warn(path if is_ours else (), node.origin, message)
    if settings.classifier.enabled and settings.classifier.binary_path is not None:
        path, node = nearest(tree, ("classifier", "binary_path"))
        message = "not used: what `pointsman local setup` has chosen is started, not another program"
        yield warn(path if is_ours else (), node.origin, message)


def unpaid_copies(settings: Settings, catalog: Catalog, tree: Node) -> Iterator[ConfigWarning]:
    """One warning for each rule of `shadow` whose model costs an unknown price, and gets no copies for it."""
    shadow = settings.shadow
    for index, rule in enumerate(shadow.all_rules()):
        pool = catalog.pools.get(catalog.resolve(rule.model), ())
        if pool and all(card.price is None and not card.is_local for card in pool):
            path, node = nearest(tree, ("shadow", "rules", index, "model") if shadow.rules else ("shadow", "model"))
            message = f"not used: {rule.model!r} has no price, so its copies cannot be kept within the budget; add one"
            yield warn(path, node.origin, message)


def _key_variable(card: ModelCard) -> str | None:
    """The variable people keep the key of *card*'s provider in; None when its address is no known provider's."""
    provider = provider_at(card.endpoint.base_url)
    return provider.key_variables[0] if provider and provider.key_variables else None
