"""The tables on the screen."""

from __future__ import annotations

from typing import Any

from benchmarks.experiments.correlation.analysis import SUPERVISED, Measured
from benchmarks.experiments.correlation.criteria import RETRIEVAL, ROTATION


def _cell(part: dict[str, Any], statistic: str) -> str:
    low, high = part["intervals"][statistic]
    return f"{part[statistic]:5.2f} [{low:5.2f},{high:5.2f}]"


def criteria_table(title: str, compared: dict[str, dict[str, Any]]) -> None:
    """Each criterion's agreement with supervised accuracy, the best within the top half first."""
    count = next(iter(compared.values()))["policies"]
    print(f"\n{title}: {count} points; correlation with supervised accuracy [95 % interval]")
    print(
        f"{'':30}{'Spearman, all':21}{'Pearson, all':21}{'Kendall, all':21}"
        f"{'Spearman, top half':21}{'regret 1':>9}{'3':>6}"
    )
    for name, found in sorted(
        compared.items(),
        key=lambda item: -item[1]["all"]["spearman"] - item[1]["top_half"]["spearman"],
    ):
        cells = [_cell(found["all"], s) for s in ("spearman", "pearson", "kendall")]
        cells.append(_cell(found["top_half"], "spearman"))
        rest = found.get("without_collapsed")
        note = f"  without collapsed {_cell(rest, 'spearman')}" if rest else ""
        print(
            f"{name:30}{''.join(f'{cell:21}' for cell in cells)}"
            f"{found['regret_1']:9.1f}{found['regret_3']:6.1f}{note}"
        )


def ceiling_table(title: str, lines: dict[str, dict[str, float | None]]) -> None:
    """How far noise between seeds lets any criterion go."""
    for part, line in lines.items():
        cells = [f"{k} {'-' if v is None else format(v, '.2f')}" for k, v in line.items()]
        print(f"{title}, reliability of the mean over seeds, {part}: {', '.join(cells)}")


def policies_table(title: str, one: Measured) -> None:
    """The field, the best policy by labels first."""
    print(f"\n{title}: mean over seeds of supervised accuracy, rotation, retrieval")
    columns = [one.mean(key) for key in (SUPERVISED, ROTATION, RETRIEVAL)]
    for i in sorted(range(len(one.policies)), key=lambda i: -columns[0][i]):
        print(f"  {one.policies[i]:30}" + "".join(f"{column[i]:8.3f}" for column in columns))


def composites_table(lines: list[dict[str, Any]]) -> None:
    """What a choice of criteria made on the other sets is worth on the one left out."""
    print("\nleave one set out: criteria chosen on the other sets, Spearman on the set left out")
    for line in lines:
        print(
            f"  {line['left_out']:14}{line['how']:12}all {line['all']:5.2f}  top half "
            f"{line['top_half']:5.2f}  regret {line['regret_1']:4.1f}  {' + '.join(line['keys'])}"
        )
