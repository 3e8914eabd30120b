"""The shipped cheat sheet, and what a configuration makes of it."""

from __future__ import annotations

from pointsman.config import prices
from pointsman.config.cheat_sheet import sources, tasks
from pointsman.config.schema_tasks import TaskSettings
from pointsman.core.catalog import Tier
from pointsman.local.known_models import known
from pointsman.local.recommend import split


def test_the_shipped_sheet_is_whole() -> None:
    """Twelve kinds at least; every local pick has a known shape and a source, every cloud pick a known price."""
    shipped = tasks({})
    assert len(shipped) >= 12
    assert all(task.is_ours and task.title != task.name for task in shipped)
    picks = {split(pick)[0] for task in shipped for pick in task.local}
    assert [pick for pick in picks if known(pick) is None or pick not in sources()] == []
    clouds = {task.cloud for task in shipped if task.cloud}
    assert [cloud for cloud in clouds if prices.look_up(cloud) is None] == []


def test_every_source_is_complete() -> None:
    """A repository of one owner, a name for Ollama, a licence."""
    found = sources().values()
    assert all(one.hub.count("/") == 1 and one.ollama and one.licence for one in found)
    assert all(known(one.name) is not None for one in found)


def test_a_configuration_replaces_fields_and_adds_kinds() -> None:
    """What it does not say of a shipped kind stays; a new kind comes last, with defaults."""
    changes = {
        "coding": TaskSettings(local=["my-coder"]),
        "poems": TaskSettings(tier=Tier.COMPLEX),
    }
    found = {task.name: task for task in tasks(changes)}
    coding, poems = found["coding"], found["poems"]
    assert (coding.local, coding.tier, coding.is_ours) == (("my-coder",), Tier.MEDIUM, False)
    assert (poems.title, poems.tier, poems.context_tokens, poems.local) == ("poems", Tier.COMPLEX, 8192, ())
    assert list(found)[-1] == "poems"
