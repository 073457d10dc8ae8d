"""What `helm test` runs inside the cluster: the service is ready and answers a search of its default index."""

import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ["SERVICE_URL"]
LISTED = json.loads(os.environ.get("VECTOR_SEARCH_API_KEYS", "[]"))
KEYS = [key if isinstance(key, str) else key["key"] for key in LISTED if isinstance(key, str) or "key" in key]
ATTEMPTS = 30


def call(path: str, body: object = None) -> dict[str, object]:
    """Ask the service; a body makes it a POST."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEYS[0]}"} if KEYS else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers)  # noqa: S310  the chart writes the URL
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  as above
        return json.load(answer)


for attempt in range(1, ATTEMPTS + 1):
    try:
        print(call("/health/ready"))
        break
    except urllib.error.URLError as error:
        print(f"attempt {attempt}: {error}")
        if attempt == ATTEMPTS:
            raise
        time.sleep(2)
found = call("/search", {"mode": "random", "limit": 1})
print(f"{len(found['hits'])} hits in {found['took_ms']} ms")
