"""The gateways to compare: how each is configured for the mock and started; this module starts nothing itself."""

from __future__ import annotations

import getpass
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

LITELLM_VERSION = "1.106.0"
CACHE = Path(platformdirs.user_cache_dir("pointsman-bench"))
MOCK_COMMAND = (sys.executable, str(Path(__file__).with_name("mock_upstream.py")), "--port")


class TargetMissingError(Exception):
    """A target can't run here; the message says what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a target is told: where the mock is, where to listen, a folder for its files, and its callers' key."""

    mock_port: int
    port: int
    folder: Path
    key: str
    litellm_version: str = LITELLM_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One gateway.

    *command* writes its configuration and returns what starts it; *version* is asked with the chosen LiteLLM version.
    """

    name: str
    title: str
    model: str
    command: Callable[[Setup], list[str]]
    version: Callable[[str], str]
    is_mock: bool = False


def _output(*command: str) -> str:
    """All that *command* prints, stripped; it must succeed."""
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return finished.stdout.strip()


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# direct: the mock itself, so that the cost of load and mock is known


def _direct_command(setup: Setup) -> list[str]:
    return [*MOCK_COMMAND, str(setup.port)]


def _direct_version(_litellm: str) -> str:
    return f"Python {sys.version.split()[0]}"


# nginx: one worker, proxy_pass with kept-alive upstream connections, answers not buffered (as streaming needs it)

_NGINX_CONFIG = """\
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_buffer_size 64k;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream mock {{
    server 127.0.0.1:{mock_port};
    keepalive 512;
    keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


def _nginx_program() -> str:
    program = shutil.which("nginx", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise TargetMissingError("nginx is not installed: apt-get install nginx")
    return program


def _nginx_command(setup: Setup) -> list[str]:
    user = f"user {getpass.getuser()};\n" if os.geteuid() == 0 else ""
    config = _NGINX_CONFIG.format(user=user, folder=setup.folder, mock_port=setup.mock_port, port=setup.port)
    return [_nginx_program(), "-p", str(setup.folder), "-c", str(_write(setup.folder / "nginx.conf", config))]


def _nginx_version(_litellm: str) -> str:
    return _output(_nginx_program(), "-v").rpartition("/")[2]


# litellm: the published package in its own environment under the cache folder

_LITELLM_CONFIG = """\
general_settings: {{master_key: {key}}}
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: http://127.0.0.1:{mock_port}/v1
      api_key: sk-mock
"""
_LITELLM_ROUTER = """\
  - model_name: smart-router
    litellm_params:
      model: auto_router/complexity_router
      complexity_router_config:
        tiers: {SIMPLE: mock, MEDIUM: mock, COMPLEX: mock, REASONING: mock}
      complexity_router_default_model: mock
"""
_LITELLM_ENVIRONMENT = (
    "LITELLM_LOCAL_MODEL_COST_MAP=True",
    "LITELLM_TELEMETRY=False",
    "LITELLM_LOG=ERROR",
    "NO_PROXY=127.0.0.1",
)


def _litellm_folder(version: str) -> Path:
    return CACHE / f"litellm-{version}"


def install_litellm(version: str) -> None:
    """Create LiteLLM's environment unless it is there; takes minutes the first time."""
    folder = _litellm_folder(version)
    done = folder / "installed"
    if done.exists():
        return
    package = f"litellm[proxy]=={version}"
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin/python"), "-m", "pip", "install", "-q", package], check=True)
    except subprocess.CalledProcessError as error:
        raise TargetMissingError(f"{package} could not be installed into {folder}; see pip's lines above") from error
    done.touch()


def _litellm_program(version: str) -> str:
    folder = _litellm_folder(version)
    if not (folder / "installed").exists():
        raise TargetMissingError(f"litellm {version} is not installed: pass --with litellm")
    return str(folder / "bin/litellm")


def _litellm(setup: Setup, config: str) -> list[str]:
    path = _write(setup.folder / "litellm.yaml", config)
    command = [
        _litellm_program(setup.litellm_version),
        "--config",
        str(path),
        "--host",
        "127.0.0.1",
        "--port",
        str(setup.port),
    ]
    return ["env", *_LITELLM_ENVIRONMENT, *command, "--num_workers", "1"]


def _litellm_command(setup: Setup) -> list[str]:
    return _litellm(setup, _LITELLM_CONFIG.format(mock_port=setup.mock_port, key=setup.key))


def _litellm_router_command(setup: Setup) -> list[str]:
    return _litellm(setup, _LITELLM_CONFIG.format(mock_port=setup.mock_port, key=setup.key) + _LITELLM_ROUTER)


def _litellm_version(version: str) -> str:
    _litellm_program(version)
    return version


# pointsman: `auto` scored over four tiers, ledger on; the endpoint is not local, so no privacy work is skipped

_POINTSMAN_CONFIG = """\
server: {{master_key: {key}}}
endpoints:
  mock: {{base_url: "http://127.0.0.1:{mock_port}/v1", api_key: sk-mock, local: false}}
models:
  - {{name: quick, model: mock, endpoint: mock, tier: simple}}
  - {{name: balanced, model: mock, endpoint: mock, tier: medium}}
  - {{name: heavy, model: mock, endpoint: mock, tier: complex}}
  - {{name: frontier-model, model: mock, endpoint: mock, tier: reasoning}}
routing: {{enabled: true, scorer: litellm-compat}}
ledger: {{enabled: true, path: "{folder}/ledger.sqlite"}}
"""


def _pointsman_command(setup: Setup) -> list[str]:
    text = _POINTSMAN_CONFIG.format(key=setup.key, mock_port=setup.mock_port, folder=setup.folder)
    config = _write(setup.folder / "pointsman.yaml", text)
    program = shutil.which("pointsman", path=str(Path(sys.executable).parent))
    if program is None:
        raise TargetMissingError("pointsman is not installed beside this Python: pip install -e .")
    return [program, "serve", "--config", str(config), "--port", str(setup.port)]


def _pointsman_version(_litellm: str) -> str:
    return importlib.metadata.version("pointsman")


TARGETS = {
    target.name: target
    for target in (
        Target(
            name="direct",
            title="mock, no gateway",
            model="mock",
            command=_direct_command,
            version=_direct_version,
            is_mock=True,
        ),
        Target(name="nginx", title="nginx proxy_pass", model="mock", command=_nginx_command, version=_nginx_version),
        Target(
            name="pointsman",
            title="Pointsman, `auto`",
            model="auto",
            command=_pointsman_command,
            version=_pointsman_version,
        ),
        Target(name="litellm", title="LiteLLM", model="mock", command=_litellm_command, version=_litellm_version),
        Target(
            name="litellm-router",
            title="LiteLLM + complexity router",
            model="smart-router",
            command=_litellm_router_command,
            version=_litellm_version,
        ),
    )
}
DEFAULT_TARGETS = ("direct", "nginx", "pointsman")
LITELLM_TARGETS = ("litellm", "litellm-router")
