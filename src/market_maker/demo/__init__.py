"""The demo: real servers from wheels, the sandbox exchange and the service, each its own process."""
