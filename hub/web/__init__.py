"""The web role's parts: read API, live stream and page."""
