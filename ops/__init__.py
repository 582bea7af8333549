"""The launcher: what `make run` and `make test` need around the platform. Nothing of app/ imports it."""
