"""`python -m market_maker`."""

import sys

from market_maker.cli import main

sys.exit(main())
