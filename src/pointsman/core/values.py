"""`value_type`: how the values that every request makes are declared.

A frozen dataclass sets each field through `object.__setattr__`, which made a tenth of a request's time. A value is as
frozen to the type checker, which refuses an assignment; at run time it is a plain slotted dataclass that is quick to
make. Nothing may assign to one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Made = TypeVar("Made")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value_type(cls: type[Made]) -> type[Made]:
    """Make *cls* a keyword-only, slotted, hashable dataclass that types say is frozen."""
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
