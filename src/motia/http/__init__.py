"""HTTP without a server: routes, query strings, responses, problems, CORS, middleware, auth and OpenAPI.

Nothing here knows a transport. A request is `core.occurrence.Request`, an answer is `HttpResponse`; whoever
serves them adapts both to its protocol.
"""
