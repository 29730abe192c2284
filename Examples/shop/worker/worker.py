"""The shop's worker: counts what the API offers, and says that it is alive."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request

outbox = sys.argv[1]
running = True


def stop(_signal, _frame):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
while running:
    with open(os.path.join(outbox, "alive"), "w", encoding="utf-8") as file:
        file.write(str(time.time()))
    try:
        with urllib.request.urlopen(os.environ["API_URL"] + "/items", timeout=2) as answer:
            count = len(json.load(answer)["items"])
        print(f"the api offers {count} items", flush=True)
    except (urllib.error.URLError, OSError, ValueError) as error:
        print(f"the api does not answer: {error}", file=sys.stderr, flush=True)
    for _ in range(10):
        if not running:
            break
        time.sleep(0.2)
print("the worker stops", flush=True)
