"""Holds a SCIM service to RFC 7643 and RFC 7644 by the published scim2-tester; prints what each of its checks found.

Arguments: the base URL, the host to ask, a token, a mail domain that the organisation has proved. The one thing that the
tester cannot know is the last: what it makes up as names and addresses of users is put under that domain.
"""

import json
import sys
import uuid

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server, filling
from scim2_tester.checkers import patch_add, patch_replace

base, host, token, domain = sys.argv[1:]
made_up = filling.generate_random_value


def of_the_domain(context, path, *args, **kwargs):
    value = made_up(context, path, *args, **kwargs)
    name = str(path).rsplit(":", 1)[-1]
    address = f"{uuid.uuid4()}@{domain}"
    if value is not None and name in ("userName", "emails.value"):
        return address
    if value is not None and name == "emails":
        for email in value:
            email.value = address
    return value


for module in (filling, patch_add, patch_replace):
    module.generate_random_value = of_the_domain

client = SyncSCIMClient(httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}", "Host": host}, timeout=60))
results = [
    {"status": result.status.name, "title": result.title, "about": result.resource_type, "reason": result.reason}
    for result in check_server(client)
]
print(json.dumps(results))
