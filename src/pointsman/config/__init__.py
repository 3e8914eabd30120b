"""Settings, the catalog they make, and where every value came from. The only room that reads files and environment.

load(config=…, environ=…, cwd=…)  ->  Loaded(settings, catalog, origins, warnings, gguf_models, complexity, …)
build_catalog(settings, endpoints_for_gguf)  once the GGUF models are served
"""

from pointsman.config.catalog import GgufModel, build_catalog
from pointsman.config.discover import PROBES, Discovery, FoundModel, Probe, settings_for_demo, settings_from
from pointsman.config.load import (
    Inputs,
    Loaded,
    find_file,
    load,
    load_default_catalog,
    loaded_from,
    reload,
    requested_model,
)
from pointsman.config.repair import is_flattened, repair_flattened
from pointsman.config.schema import (
    ClassifierSettings,
    EndpointSettings,
    GgufSettings,
    LedgerSettings,
    ModelSettings,
    PriceSettings,
    PrivacySettings,
    ResilienceSettings,
    RouterSettings,
    RoutingSettings,
    SavingsSettings,
    ServerSettings,
    Settings,
)
from pointsman.config.show import Row, init_template, json_schema, show
from pointsman.config.warning import ConfigWarning

__all__ = [
    "PROBES",
    "ClassifierSettings",
    "ConfigWarning",
    "Discovery",
    "EndpointSettings",
    "FoundModel",
    "GgufModel",
    "GgufSettings",
    "Inputs",
    "LedgerSettings",
    "Loaded",
    "ModelSettings",
    "PriceSettings",
    "PrivacySettings",
    "Probe",
    "ResilienceSettings",
    "RouterSettings",
    "RoutingSettings",
    "Row",
    "SavingsSettings",
    "ServerSettings",
    "Settings",
    "build_catalog",
    "find_file",
    "init_template",
    "is_flattened",
    "json_schema",
    "load",
    "load_default_catalog",
    "loaded_from",
    "reload",
    "repair_flattened",
    "requested_model",
    "settings_for_demo",
    "settings_from",
    "show",
]
