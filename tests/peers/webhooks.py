"""Verifies deliveries with the published library: reads {"secret", "headers", "body"} a line, writes "ok" or "no" a line."""

import json
import sys

from standardwebhooks.webhooks import Webhook

for line in sys.stdin:
    given = json.loads(line)
    try:
        verdict = Webhook(given["secret"]).verify(given["body"], given["headers"]) == json.loads(given["body"])
    except Exception:
        verdict = False
    print("ok" if verdict else "no", flush=True)
