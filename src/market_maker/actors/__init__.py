"""The shell around the engines: mailboxes, workers, the supervisor, effects and the journal."""
