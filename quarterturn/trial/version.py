"""Whether the result of an earlier trial may stand for that of an equal one."""

from __future__ import annotations

#: Raised whenever a change makes an equal trial end with another result: of what decides a result
#: (policies, augmentation, encoders, pretraining, scoring) only the arguments are compared. A test
#: fails where that code changed and nobody looked here.
RESULTS_VERSION = 1
