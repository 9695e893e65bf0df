"""The Egret score feed: sealed and signed messages become feed commands (protocols 8; the contract is ours)."""
