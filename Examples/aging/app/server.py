"""Grows slower with every request. Nothing but the standard library."""

import http.server
import os
import time

VERSION = 1
# Milliseconds that a young instance takes: 100 is a bad release.
SLOW = 10

served = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global served
        if self.path != "/ready":
            served += 1
            time.sleep((SLOW + min(60, served * 0.01)) / 1000)
        text = f"version {VERSION}, {served} requests so far\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
