"""Requests to the Hub; nothing else talks to it."""
