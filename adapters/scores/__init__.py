"""Score sources: sealed and signed messages become feed commands, and the hub's word goes back (protocols 8).

The form is ours: Egret's own is not published, and Sesame and banks give theirs under contract. One form serves them
all until an adapter of their own replaces it; each source has its name, keys, sequence and scale.
"""
