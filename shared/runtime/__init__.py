"""One service as one process: settings, HTTP, relay, consumers and jobs in one event loop."""
