"""The raw text of one object inside an answer, found by matching braces outside strings (protocols 5.1).

A signature covers the bytes as received; JSON written again may differ from them.
"""


def raw_object(text: str, key: str) -> str | None:
    """Return the text of the object that is the value of `key` at the top level of `text`, or None."""
    start = text.find(f'"{key}"')
    if start < 0:
        return None
    begin = text.find("{", start + len(key) + 2)
    if begin < 0 or text[start + len(key) + 2 : begin].strip() != ":":
        return None
    end = _matching_brace(text, begin)
    return text[begin:end] if end else None


def _matching_brace(text: str, begin: int) -> int:
    """Return the index after the brace that closes the one at `begin`; 0 when none does."""
    depth, in_string, escaped = 0, False, False
    for index in range(begin, len(text)):
        character = text[index]
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return index + 1
    return 0
