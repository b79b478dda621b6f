"""Generates netrc files, and compares what three parsers find in them. conformance/netrc.sh runs it."""

import json
import netrc
import os
import random
import re
import sys

HOST = "api.heroku.com"
PORT = 8443
NAMES = ["example.com", "git.heroku.com", "api.heroku.com.example", "h", "ftp.example.org", "127.0.0.1", "other:8443"]
LINE_ENDS = ["\n"] * 6 + ["\r\n"] * 2 + ["\r"]
COMMENTS = ["# work", "#", "#machine api.heroku.com", "# machine api.heroku.com login me password p0", "# it's \"odd",
            "# default password p0", "#\tpassword"]
# Lines that belong to no entry, or break one.
STRAY = ["machine", "login", "password", "account", "default", "machine \"", "machine example.com login \"",
         "machine example.com login me password", "machine example.com password \"open", "machine example.com password #",
         "machine example.com password 'a b", "machine example.com login # password p0", "frobnicate", "<<<<<<< HEAD",
         "=======", "{\"machine\": 1}", "[section]", "key = value", "export X=1", "macdef", "\"", "\"\"", "\\", "'",
         "machine example.com port 22", "machine example.com login me\npassword", "login me password p0", "\ufeff",
         "\u00a0", "\u0000"]


class Writer:
    """Writes one file. `wild` is how often what it writes is not as it should be."""

    def __init__(self, random, port):
        self.random, self.port = random, port
        self.wild = random.choice([0, 0, 0.05, 0.2, 0.5])
        self.count = 0

    def is_wild(self):
        return self.random.random() < self.wild

    def pick(self, *choices):
        return self.random.choice(choices)

    def token(self):
        """A password that occurs only once in the file."""
        self.count += 1
        text = f"t{self.count}"
        form = self.random.randrange(14)
        plain = ["HRKU-AA-{}", "{}-0b9a7f5e-5c2d-4c1c", "{}#x", "{}:x@y/z?", "{}'s", "machine{}", "{}=", "{}.é"]
        if form < len(plain):
            return plain[form].format(text)
        if not self.is_wild():
            return text
        return self.pick(f"#{text}", f"\"{text}\"", f"\"{text} x\"", f"\"{text}\\\"x\"", f"\"{text}", f"{text}\"x",
                         f"{text}\\x", f"{text}machine", f"'{text}'", "\"\"", f"{text}\\", f"\"{text}\\\\\"")

    def login(self):
        odd = ["login", "password", "machine", "default", "macdef", "#", "#me", "\"m e\"", "\"m", "account", "me\"", "\"\""]
        return self.pick(*odd) if self.is_wild() else self.pick("me", "me@example.com", "x#y", "_", "timemachine")

    def name(self, is_ours):
        if not is_ours:
            return self.pick(*NAMES)
        name = f"{HOST}:{PORT}" if self.port and self.random.random() < 0.5 else HOST
        if self.is_wild():
            return self.pick(f"\"{name}\"", name.upper(), name + "#x", name + ".")
        return name

    def entry(self, head):
        members = [["login", self.login()], ["password", self.token()]]
        if self.random.random() < 0.2:
            members.append(["account", self.pick("a", "team", "login" if self.is_wild() else "b")])
        if self.random.random() < 0.1:
            members[0][0] = "user"
        if self.random.random() < 0.3:
            self.random.shuffle(members)
        if self.is_wild():
            members.insert(self.random.randrange(3), ["port", "22"])
        if self.is_wild():
            del members[self.random.randrange(len(members))]
        if self.is_wild() and members:
            members[self.random.randrange(len(members))].pop()
        if self.is_wild():
            members.append(["password", self.token()])
        return self.lay_out([head] + members)

    def lay_out(self, groups):
        """Sets an entry over one line or several."""
        blank = self.pick(" ", " ", "  ", "\t", " \t")
        indent = self.pick("", "  ", "    ", "\t")
        form = self.random.randrange(6)
        lines = []
        if form < 2:
            lines = [blank.join(word for group in groups for word in group)]
        elif form < 4:
            lines = [(indent if at else "") + blank.join(group) for at, group in enumerate(groups)]
        elif form == 4:
            lines = [word for group in groups for word in group]
        else:
            for group in groups:
                if lines and self.random.random() < 0.5:
                    lines[-1] += blank + blank.join(group)
                else:
                    lines.append(indent + blank.join(group))
        for at in range(len(lines)):
            if self.random.random() < 0.06:
                lines[at] += " " + self.pick(*COMMENTS)
            elif self.random.random() < 0.06:
                lines[at] += self.pick(" ", "\t", "  ")
        if self.random.random() < 0.08:
            lines.insert(self.random.randrange(len(lines) + 1), self.pick(*COMMENTS, "", "  # in"))
        return "\n".join(lines)

    def macro(self):
        body = self.pick("put a", "cd /pub\nget b", "machine example.com login x password m0",
                         f"machine {HOST} login x password m1", "password m2", "default login x password m3", "# c", "quit")
        name = "" if self.is_wild() else " " + self.pick("init", "machine", "x")
        end = self.pick("\n", "\n\n", "") if self.is_wild() else self.pick("\n\n", "\n\n\n")
        return f"macdef{name}\n{body}{end}" if end else f"macdef{name}\n{body}"

    def piece(self):
        form = self.random.randrange(13)
        if form < 6:
            return self.entry(["machine", self.name(False)])
        if form < 7:
            return self.entry(["default"])
        if form < 8:
            return self.macro()
        if form < 10:
            return self.pick(*COMMENTS)
        return self.pick(*STRAY) if self.wild else ""

    def file(self):
        text = ""
        pieces = [self.piece() for _ in range(self.random.randrange(5))]
        for _ in range(self.random.choice([0, 1, 1, 1, 1, 1, 1, 1, 1, 2])):
            pieces.insert(self.random.randrange(len(pieces) + 1), self.entry(["machine", self.name(True)]))
        if self.wild and self.random.random() < 0.1:
            text = "\ufeff"
        for piece in pieces:
            text += piece
            if not self.is_wild():
                text += self.pick("\n", "\n", "\n\n")
            else:
                text += self.pick("", " ", "\n", "\n\ufeff", "\n \n", "\n\u00a0")
        if self.random.random() < 0.2:
            text = text.rstrip("\n")
        end = self.random.choice(LINE_ENDS)
        if self.is_wild():
            return "".join(self.random.choice(["\n", "\r\n"]) if c == "\n" else c for c in text)
        return text.replace("\n", end)


def generate(count, seed):
    source = random.Random(seed)
    for _ in range(count):
        port = PORT if source.random() < 0.2 else None
        print(json.dumps({"host": HOST, "port": port, "text": Writer(source, port).file()}))


def read_with_python(path):
    """Prints what Python's netrc module finds, as the other readers do."""
    for case in rows(path):
        # The module takes a descriptor in place of a name; these texts fit into the buffer of a pipe.
        reader, writer = os.pipe()
        with open(writer, "w", encoding="utf-8", newline="") as out:
            out.write(case["text"])
        try:
            hosts = netrc.netrc(reader).hosts
        except netrc.NetrcParseError:
            hosts = {}
        names = [f"{case['host']}:{case['port']}", case["host"], "default"]
        found = [hosts[name][2] for name in names if name in hosts and hosts[name][2]]
        print(json.dumps(found[0] if found else None))


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def plain(text):
    """Returns a text without byte order marks, macros and comments."""
    text = re.sub("\r\n|\r", "\n", text).replace("\ufeff", " ")
    text = re.sub(r"(?<!\S)macdef\b.*?(\n\s*\n|\Z)", "\n", text, flags=re.DOTALL)
    return re.sub(r"(?<!\S)#.*", "", text)


KEYWORDS = ["machine", "default", "macdef", "login", "user", "password", "account", "port"]
# An entry for our host, or the default, in which `password` stands twice.
TWO_PASSWORDS = re.compile(
    rf"(?<!\S)(?:\"?{re.escape(HOST)}|default)\b(?:(?!\bmachine\s).)*\bpassword\b(?:(?!\bmachine\s).)*\bpassword\b", re.DOTALL)
LONE_KEYWORDS = re.compile(rf"^\s*(?:{'|'.join(KEYWORDS)})\s*\n\s*(?:machine|default)\b", re.MULTILINE)
COMMENT_AS_VALUE = re.compile(r"\b(?:machine|login|user|password|account)[ \t]+#[ \t]+\S")
MACRO_TO_BLANKS = re.compile(r"\bmacdef\b.*[\r\n][^\S\r\n]+[\r\n]", re.DOTALL)
LATE_COMMENT = re.compile(r"(?:\n|\r\n?)\s*(?:\n|\r)\s*#")
NO_VALUE = re.compile(rf"\b(?:login|user|password|account)\s*[\r\n]\s*(?:#|(?:{'|'.join(KEYWORDS)})\b)")
QUOTED = re.compile(r'(?<!\S)"(?:\\.|[^"\\\n])*"')
OTHER_FORM = re.compile(re.escape(HOST) + r"(?::\d+)?(?:#.*)?", re.IGNORECASE)


def is_value(token, text):
    """Returns whether a token is the value of some `password` in a text, bare or in quotes."""
    forms = [token] if not re.search(r"\s", token) else []
    forms.append('"' + token.replace('"', '\\"') + '"')
    return any(re.search(r"\bpassword\s+" + re.escape(form) + r"(?!\S)", text) for form in forms)


def ambiguity(case, token, reader, is_alone):
    """Says why the token that a reader found need not be found by others, or returns None.

    A file is ambiguous if other readers, or their manuals, differ in what such a file means:

    - a name that could be meant stands in it twice: which of the entries counts?
    - an entry has two passwords, and only one of the readers can read the file
    - the host is written in capitals, or `#` follows it without a blank
    - a keyword alone on a line comes before `machine`: is that a value, or the next entry?
    - a `#` and more words stand in the place of a value: is that the value, or a comment?
    - a backslash stands outside of quotes: it escapes for Python, and for nobody else

    - what the official client found ends with `machine`: is a line break missing before it?
    - a line of white space stands behind a macro: does it end the macro?

    A reader has misread the file if what it found is no value of a `password` outside of comments and macros, or is a
    keyword, or if the names stand in comments and macros only. The official client also reads entries in comments, takes
    an indented `machine` for a member of the entry before and quotes for a part of the value, and cannot read each form of
    an entry for HOST:PORT. Python takes all that follows an open quote into it and the next line's keyword or comment for a
    missing value, and reads a comment behind an empty line, and nothing behind `""`.
    """
    text = plain(case["text"])
    words = [word.strip('"') for word in text.split()]
    names = [HOST, f"{HOST}:{PORT}", "default"]
    if any(words.count(name) > 1 for name in names):
        return "a name twice"
    if MACRO_TO_BLANKS.search(case["text"]):
        return "a line of blanks after a macro"
    if any(word not in names and OTHER_FORM.fullmatch(word) for word in words):
        return "a name in another form"
    if is_alone and TWO_PASSWORDS.search(text):
        return "two passwords"
    if LONE_KEYWORDS.search(text):
        return "a keyword as a value"
    if "\\" in token or re.search(r'\\(?!["\\])', text):
        return "a backslash"
    if COMMENT_AS_VALUE.search(case["text"]):
        return "a comment as a value"
    is_found = f"password {token}" in re.sub(r"[ \t]+", " ", case["text"]) if token.startswith("#") else is_value(token, text)
    if token in KEYWORDS or not is_found or not any(name in words for name in names):
        return "misread"
    if reader == "official" and token.startswith('"') and token not in QUOTED.sub("", text):
        return "misread"
    both = case["port"] and names[0] in words and names[1] in words
    if reader == "official" and is_alone and (both or re.search(r"^\s+machine\b", text, re.MULTILINE)):
        return "misread in part"
    if reader == "official" and token.endswith("machine"):
        return "a missing line break"
    if reader == "official" and re.search(rf"#.*machine\s+{re.escape(HOST)}", case["text"]):
        return "misread in part"
    if reader == "python" and (NO_VALUE.search(case["text"]) or '""' in text or re.search(r'(?<!\S)"', QUOTED.sub("", text)) or LATE_COMMENT.search(case["text"])):
        return "misread in part"
    return None


def judge(folder):
    files, ours, python, official = (
        rows(os.path.join(folder, name)) for name in ["files", "ours", "python", "official"])
    judged, ambiguous, wrong = 0, {}, 0
    for case, our, *others in zip(files, ours, python, official):
        found = dict(zip(["python", "official"], others))
        found = {name: token for name, token in found.items() if token is not None}
        reasons = {name: ambiguity(case, token, name, len(found) == 1) for name, token in found.items()}
        wanted = {token for name, token in found.items() if not reasons[name]}
        in_part = {token for name, token in found.items() if reasons[name] == "misread in part"}
        if not wanted and our in in_part:
            wanted = {our}
        why = None if wanted else next(iter(reasons.values()), "")
        if len(wanted) > 1 or our in in_part - wanted:
            why = "they differ"
        if why is not None:
            ambiguous[why] = ambiguous.get(why, 0) + (why != "")
            continue
        judged += 1
        if our not in wanted:
            wrong += 1
            print(f"{json.dumps(case['text'])}\n  port {case['port']}: oauth-tools {json.dumps(our)}, {json.dumps(found)}")
    count = lambda found: sum(token is not None for token in found)
    print(f"files {len(files)}; a token found by Python in {count(python)}, the official client in {count(official)}, "
          f"oauth-tools in {count(ours)}")
    reasons = ", ".join(f"{why} {count}" for why, count in sorted(ambiguous.items()) if why)
    print(f"judged {judged}, ambiguous {sum(ambiguous.values())} ({reasons}), disagreements {wrong}")
    return 1 if wrong or not judged else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["generate", count, seed]:
            generate(int(count), int(seed))
        case ["read", path]:
            read_with_python(path)
        case ["judge", folder]:
            sys.exit(judge(folder))
