"""The ledger's tables as documentation, out of the comments in the schema.

`python -m pointsman.adapters.storage.reference docs/reference/ledger.md` brings the page's generated part up to date.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from pointsman.adapters.storage.database import migrate, migrations

BEGIN = "<!-- generated: python -m pointsman.adapters.storage.reference -->"
END = "<!-- end of the generated part -->"

_COLUMN = re.compile(r"^\s+(?P<name>\w+) (?P<kind>TEXT|INTEGER|REAL)[^-]*-- (?P<meaning>.+)$", re.MULTILINE)


_ADDED = re.compile(r", (?P<name>\w+) (?P<kind>TEXT|INTEGER|REAL) /\* (?P<meaning>.+?) \*/")  # by a later script


def tables() -> str:
    """One section for each table: column, type, meaning."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, Path(":memory:"), migrations())
        schema = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid"
        ).fetchall()
    sections = []
    for name, sql in schema:
        rows = [
            f"| `{row['name']}` | {row['kind'].lower()} | {row['meaning']} |"
            for row in (*_COLUMN.finditer(sql), *_ADDED.finditer(sql))
        ]
        sections.append("\n".join([f"### {name}", "", "| column | type | meaning |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(sections)


def updated(page: str) -> str:
    """*page* with its generated part made anew."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(updated(target.read_text("utf-8")), "utf-8")
