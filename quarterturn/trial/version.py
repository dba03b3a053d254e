"""Whether the result of an earlier trial may stand for that of an equal one."""

from __future__ import annotations

#: Raised whenever a change makes an equal trial end with another result: of what decides a result
#: (policies, augmentation, encoders, pretraining, scoring) only the arguments are compared. A test
#: fails where that code changed and nobody looked here.
#:
#: 2: resampling mixes rows before columns, which rounds otherwise (by 3e-5 of the value range).
RESULTS_VERSION = 2
