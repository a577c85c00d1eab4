"""Rust source as a text tool needs it: without comments, literals and tests.

What is left out is replaced by blanks, so that line numbers stay as they are.
"""

import re

_LITERAL = re.compile(
    r"""
      //[^\n]*                                  # line comment
    | /\*                                       # block comment, nested: see blank()
    | \b(?:br|cr|r)(?P<hash>\#*)".*?"(?P=hash)  # raw string
    | \b[bc]?"(?:\\.|[^"\\])*"                  # string with a prefix
    | "(?:\\.|[^"\\])*"                         # string
    | b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\\n])'   # character, not a lifetime
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK = re.compile(r"/\*|\*/")
_TOKEN = re.compile(r"r#\w+|\w+|::|\S")
_TEST = re.compile(r"#\[cfg\(\s*(?:test|all\(\s*test\b[^\]]*)\s*\)\]")


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def blank(text, keep_comments=False):
    """Blanks literals, and comments unless they are kept."""
    out, at = [], 0
    while found := _LITERAL.search(text, at):
        start, end = found.span()
        if found.group() == "/*":
            end = _end_of_block(text, start)
        piece = text[start:end]
        comment = piece.startswith(("//", "/*"))
        out += [text[at:start], piece if comment and keep_comments else _spaces(piece)]
        at = end
    return "".join(out) + text[at:]


def _end_of_block(text, start):
    depth = 0
    for mark in _BLOCK.finditer(text, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(text)


def tests(code):
    """Spans of the items that only tests have. `code` is blanked."""
    spans, at = [], 0
    while found := _TEST.search(code, at):
        at = _end_of_item(code, found.end())
        spans.append((found.start(), at))
    return spans


def without_tests(code):
    """Blanks the items that only tests have. `code` is blanked."""
    for start, end in reversed(tests(code)):
        code = code[:start] + _spaces(code[start:end]) + code[end:]
    return code


def _end_of_item(code, start):
    """The end of the item that starts here: its `;` or `,`, or its closing brace."""
    depth = 0
    for at in range(start, len(code)):
        char = code[at]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth < 0:
                return at
            if depth == 0 and char == "}":
                return at + 1
        elif char in ";," and depth == 0:
            return at + 1
    return len(code)


def tokens(code):
    """Words, `::` and single signs of blanked code."""
    return _TOKEN.findall(code)
