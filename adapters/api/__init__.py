"""The JSON API's write side: agreements, prepayments, repayments, deposits, eligibility (experience 6)."""
