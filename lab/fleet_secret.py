"""What the fleets of tests sign with."""

FLEET_SECRET = "the-secret-of-a-fleet-in-its-tests"
