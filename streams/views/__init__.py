"""The stream tables: Faust agents over `facts` that keep exact sums and decide nothing (architecture 6)."""
