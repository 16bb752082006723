"""Sending: a batch, one mail's delivery, the policy, the circuit breaker, the pause, the probe."""
