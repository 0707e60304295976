"""Avro contracts of the market maker service, one `<topic>.avsc` a topic, subject `<topic>-value`."""
