"""The console as a browser loads it: built from `console/` by Vite (`make console`), never changed here."""
