"""Alipay: agreement debits, queries, refunds and asynchronous notices (protocols 5). Pure but for `client`."""
