"""A table of augmentation policies for self-supervised pretraining.

Policies, sets, seeds and lengths, with all label-free criteria beside the accuracy that labels
give. Its data card is benchmarks/experiments/table/README.md of the repository.
"""

from quarterturn.table.facts import Facts, load_facts
from quarterturn.table.load import load_table, table_frame
from quarterturn.table.rows import Row, Run

__all__ = ["Facts", "Row", "Run", "load_facts", "load_table", "table_frame"]
