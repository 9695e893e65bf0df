"""HL7 v2 over MLLP: frames, charsets, reading, acknowledgements, source profiles, translation, server and client.

Everything but `server`, `connection` and `client` is pure: bytes in, commands and answers out. Order of a message:
frame (`frames`), text (`charset`), header (`header`), profile and guard (`content`, `lines`), answer (`answers`).
"""
