"""The template's parameters on this machine: what differs from production, and why."""

from collections.abc import Mapping

STACK_NAME = "taqnyat-mail"

# Short times, so that retry, pause, probe and resume can be watched; no throttle.
LOCAL: Mapping[str, str] = {
    "WorkerTimeoutSeconds": "10",
    "RetryBaseSeconds": "1",
    "RetryCapSeconds": "3",
    "RetryWindowSeconds": "600",
    "FailureRun": "5",
    "ProbeDelaysSeconds": "3,5,8,10",
    "TokenCacheSeconds": "60",
    "BalanceCheckMinutes": "1",
    "ApiRateLimit": "10000",
    "ApiBurstLimit": "5000",
}

# The console's own endpoint, by plain http on this machine, with waits that can be watched.
WEBHOOKS: Mapping[str, str] = {
    "Webhooks": "on",
    "WebhookLoopback": "on",
    "WebhookRetrySeconds": "1,2,5,10,30,60,60",
}
