"""The gateways and the score sender the project ships for tests and demos; they share no code with the hub's side."""
