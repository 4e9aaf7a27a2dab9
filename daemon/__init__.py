"""The daemon: HTTP, WebSocket, consumers and schedules. It parses, delegates to core and registry, and answers."""
