"""The shop's API: a WSGI application without anything but the standard library."""

import json
import random

VERSION = 1

# What a bad release does: a share of the requests of one route fails.
FAULT_ROUTE = ""
FAULT_RATE = 0.0

ITEMS = [{"id": number, "name": f"item {number}"} for number in range(1, 11)]


def respond(start_response, status, body):
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == FAULT_ROUTE and random.random() < FAULT_RATE:
        return respond(start_response, "500 Internal Server Error", {"error": "something broke", "version": VERSION})
    if path == "/health":
        return respond(start_response, "200 OK", {"status": "ok", "version": VERSION})
    if path == "/items":
        return respond(start_response, "200 OK", {"items": ITEMS, "version": VERSION})
    if path == "/search":
        return respond(start_response, "200 OK", {"found": ITEMS[:3], "version": VERSION})
    if path == "/orders":
        return respond(start_response, "200 OK", {"orders": [], "version": VERSION})
    return respond(start_response, "404 Not Found", {"error": "no such page", "version": VERSION})
