"""What institutions hand in besides their messages: the bill list that their HIS exports (domain 11)."""
