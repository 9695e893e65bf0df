"""The clerk's work on city time: days close, advances are opened, files are compared (architecture 2, 12)."""
