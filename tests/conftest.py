"""The fixtures that every part of the tests may use."""

pytest_plugins = ["tests.support.kafka", "tests.support.postgres", "tests.support.sandbox", "tests.support.sandbox_http"]
