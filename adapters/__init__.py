"""One folder for each counterpart: pure translation, signatures, and one thin socket or route file."""
