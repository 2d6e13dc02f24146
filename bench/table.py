"""One table for all that is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("", "round trips", "read units", "write units", "CPU ms", "/ reference", "modules", "cold ms")


@dataclass(frozen=True)
class Row:
    """A flow or a function; what does not apply to it is None."""

    name: str
    round_trips: int | None = None
    read_units: float | None = None
    write_units: float | None = None
    cpu_ms: float | None = None
    ratio: float | None = None
    modules: int | None = None
    cold_ms: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.name,
            "" if self.round_trips is None else str(self.round_trips),
            "" if self.read_units is None else f"{self.read_units:g}",
            "" if self.write_units is None else f"{self.write_units:g}",
            "" if self.cpu_ms is None else f"{self.cpu_ms:.2f}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.modules is None else str(self.modules),
            "" if self.cold_ms is None else f"{self.cold_ms:.0f}",
        )


def render(rows: list[Row]) -> str:
    return render_cells([HEAD, *(row.cells for row in rows)])


def render_cells(cells: Sequence[tuple[str, ...]]) -> str:
    """A head and rows, as Markdown, which also reads well as it is."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [_line(line, widths) for line in cells]
    rule = "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"
