"""A page for operators: what it has its reader type, and put into files."""

import re
import shlex

from . import processes


class Guide:
    """A page of Services/."""

    def __init__(self, name):
        self.text = (processes.REPOSITORY / "Services" / name).read_text()

    def blocks(self, language, title):
        """The blocks of a language below a title, down to the next one."""
        (section,) = (part for part in re.split(r"^###? ", self.text, flags=re.M) if part.startswith(f"{title}\n"))
        return re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)

    def command(self, first):
        """The one command of the page's text that begins with these words, word by word."""
        (found,) = {line for line in re.findall(r"`([^`\n]+)`", self.text) if line.startswith(f"{first} ")}
        return shlex.split(found)


def put(text, places):
    """What a page says, with an example's words replaced by a test's own: each of them must be there."""
    for old, new in places.items():
        assert old in text, f"the page does not say {old!r}:\n{text}"
        text = text.replace(old, str(new))
    return text
