"""The engine: one verb, `tend`, as pure as the core. It yields requests and is sent their replies."""
