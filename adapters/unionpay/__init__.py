"""UnionPay ACP 5.1.0: debits, queries, refunds and back notices (protocols 6). Pure but for `client`."""
