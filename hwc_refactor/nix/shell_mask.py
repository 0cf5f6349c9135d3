"""What the shell knows and the released grammar does not, masked by other bytes of the same length.

Only a script that does not parse as it is gets masked, and the mask counts where it parses then. What a node
says is read from the bytes of the script, never from the masked ones.
"""

import re

_FORMS = (
    (re.compile(rb"(?<=[\s\d}])<>(?=[\s\"'$/])"), rb">|"),  # exec 3<>FILE: opened for both, and made
    (re.compile(rb"(>>?[ \t]*[^\s<>|&;]+[ \t]+)<<<"), rb"\1<  "),  # >/dev/null <<<TEXT: input that is given
    (re.compile(rb"(\$\(\([^()#]*\b\d+)#(?=[$\w{])"), rb"\1+"),  # $((16#FF)): a number of another base
    (re.compile(rb"\\(\r?\n)(?=\s*\Z)"), rb" \1"),  # a line that goes on where nothing follows
)


def mask(data: bytes) -> bytes:
    """A script in forms that the grammar knows, as long as it is."""
    for form, known in _FORMS:
        data = form.sub(known, data)
    return data
