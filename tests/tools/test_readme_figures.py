"""The figures that the README quotes."""

from tools.readme_figures import BEGIN, BENCHMARKS, END, README, with_figures

MEASURED = """
| CPU-µs per request | 1 KB c=1 | 1 KB c=32 | 32 KB c=32 | stream c=32 | peak RSS MB | start s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| nginx | 88 | 19 | 32 | 33 | 16 | 0.02 |

| p50 / p99 ms | 1 KB c=1 |
"""


def test_the_readme_quotes_what_was_measured() -> None:
    """After a benchmark's run, `python tools/readme_figures.py` brings the README up to date."""
    text = README.read_text(encoding="utf-8")
    assert text == with_figures(text, BENCHMARKS.read_text(encoding="utf-8"))


def test_a_few_columns_of_each_row_stand_between_the_marks() -> None:
    """The rest of the page stays as it is."""
    assert with_figures(f"before\n{BEGIN}old\n{END}after\n", MEASURED) == (
        f"before\n{BEGIN}\n"
        "| CPU-µs per request | 1 KB prompt | 32 KB prompt | 64-chunk stream | memory, MB | start, s |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| nginx | 19 | 32 | 33 | 16 | 0.02 |\n"
        f"\n{END}after\n"
    )
