import os
import subprocess
import sys
from pathlib import Path

from benchmarks.capacity.versions import NOW, ROOT, checked_out


def test_a_process_of_an_older_version_imports_its_sources_and_the_folder_goes_afterwards() -> None:
    with checked_out("HEAD") as version:
        command = [sys.executable, "-c", "import market_maker; print(market_maker.__file__)"]
        environment = {**os.environ, **version.environment}
        imported = Path(subprocess.check_output(command, env=environment, text=True).strip())
        assert not imported.is_relative_to(ROOT)
        assert version.name in imported.parts
    assert not imported.exists()
    assert NOW.environment == {}
