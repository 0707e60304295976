"""`python -m tools.monitoring alerts` or `dashboard` prints that file; `make generate` writes both."""

import sys

from tools.monitoring.alerts import rules
from tools.monitoring.dashboard import dashboard

MADE = {"alerts": rules, "dashboard": dashboard}

if __name__ == "__main__":
    sys.stdout.write(MADE[sys.argv[1]]())
