"""One endpoint, spoken to: HTTP, server-sent events, requests and refusals, patience, pages.

It knows no vendor: what a refusal means beyond its status is told to it by the backends.
"""
