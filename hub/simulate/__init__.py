"""A synthetic city: invented persons and hospitals that send real messages over the real wires."""
