"""What a running process tells about itself: logs, external calls, metrics. The policy is docs/logging.md."""
