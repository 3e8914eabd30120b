"""Azure's models in the environment: a deployment has a name of its own, so that only those named there are found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from pointsman.config.catalog import guess_tier
from pointsman.config.providers import AZURE
from pointsman.config.schema import ModelSettings

DEPLOYMENTS: Final = ("AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME")
"""Variables of their names, several ones joined by commas."""


def azure_models(environ: Mapping[str, str], taken: Collection[str]) -> tuple[list[ModelSettings], list[str]]:
    """The deployments that *environ* names, and a line for people; nothing without a key and an address."""
    key, address, version = (
        next((environ[name].strip() for name in names if environ.get(name, "").strip()), None)
        for names in (AZURE.key_variables, AZURE.address_variables, AZURE.version_variables)
    )
    if key is None or address is None:
        return [], []
    named = (name.strip() for variable in DEPLOYMENTS for name in environ.get(variable, "").split(","))
    deployments = [name for name in dict.fromkeys(named) if name]
    if not deployments:
        return [], [f"azure: key found; name your deployments in {DEPLOYMENTS[0]}"]
    server = {"base_url": address, "api_key": key, "query": f"api-version={version}" if version else "", "local": False}
    try:
        models = [
            ModelSettings.model_validate(
                {
                    "name": name if name not in taken else f"azure/{name}",
                    "model": f"azure/{name}",
                    "tier": guess_tier(name, is_local=False),
                    **server,
                }
            )
            for name in deployments
        ]
    except ValueError:  # pydantic's: it would show neither the key nor the address
        return [], ["azure: key found, but address or version is none; see AZURE_API_BASE and AZURE_API_VERSION"]
    return models, [f"azure: key found, {', '.join(model.name for model in models)}"]
