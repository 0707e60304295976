"""The patterns of texts that clients send; `validation` has a sentence for each."""

SYMBOL_PATTERN = "^[A-Z0-9][A-Z0-9._-]{0,31}$"
REASON_PATTERN = r"^[^\u0000]*[^\u0000-\u0020\u007f-\u00a0][^\u0000]*$"
ROW_CURSOR_PATTERN = "^[0-9]{1,18}$"
ID_CURSOR_PATTERN = "^([0-9a-f]{2}){1,128}$"
NO_NUL_PATTERN = r"^[^\u0000]+$"
BEARER_PATTERN = r"^[A-Za-z0-9._~+/=-]+$"
