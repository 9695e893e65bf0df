"""The hub: decisions, policies, the outside world behind small protocols, roles, web, simulator, command line."""
