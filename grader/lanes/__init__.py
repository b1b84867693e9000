"""How a submission becomes something that runs cases: `lane` says what every lane does.

`graph` runs an op through a MAX Graph. Whoever plans, searches, judges and records does not know
which lane it is.
"""

from __future__ import annotations

from typing import Literal

DeviceChoice = Literal["auto", "software", "gpu"]
"""``auto`` takes a GPU whose driver works, else the software device."""
