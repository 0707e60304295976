"""The patterns of texts that clients send; `validation` has a sentence for each."""

import re

SYMBOL_PATTERN = "^[A-Z0-9][A-Z0-9._-]{0,31}$"
_MISLEADING = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    r"\u2060-\u206f\ufeff\ufff9-\ufffb"
)
"""Characters that cannot be seen and change how the others read: controls, and those of direction and format.

Tabs, ends of lines and the joiners of scripts and emoji are none of them.
"""
REASON_PATTERN = rf"^[^{_MISLEADING}]*[^{_MISLEADING}\u0009\u000a\u000d\u0020\u00a0][^{_MISLEADING}]*$"
ROW_CURSOR_PATTERN = "^[0-9]{1,18}$"
ID_CURSOR_PATTERN = "^([0-9a-f]{2}){1,128}$"
MISLEADING = re.compile(f"[{_MISLEADING}]")
NO_NUL_PATTERN = r"^[^\u0000]+$"
BEARER_PATTERN = r"^[A-Za-z0-9._~+/=-]+$"
FIELD_PATTERN = "^[a-z][a-z_]{0,63}$"
