"""Messages, the queues that carry them, schedules, and the event source that feeds the worker."""
