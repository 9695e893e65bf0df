"""Pure decisions about money: no input, no output, no clock, no randomness."""
