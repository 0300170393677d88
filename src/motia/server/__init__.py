"""Adapts an ASGI application to sockets: deadlines, limits and a close that cuts no request."""
