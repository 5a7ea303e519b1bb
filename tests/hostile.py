"""Published: the names and rows that must never reach a disk. Scan, check, build and export walk these tables.

Add what you meet in the wild; every row here is refused with nothing written.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class HostilePath:
    """A path that cannot live on the Hub or on another system.

    Attributes:
        name: The test's id.
        path: The path, as a row or an archive could hold it.
        reason: A part of what the refusal says.
        on_disk: Whether a POSIX file system can hold it, so that a folder can be made with it.
        in_row: Whether an Arrow string can hold it.
    """

    name: str
    path: str
    reason: str
    on_disk: bool = True
    in_row: bool = True


_NOWHERE = {"on_disk": False}

HOSTILE_PATHS = (
    # Out of the folder
    HostilePath("parent", "../outside", "leads upwards", **_NOWHERE),
    HostilePath("parent-alone", "..", "leads upwards", **_NOWHERE),
    HostilePath("parent-in-the-middle", "maze_task/../../outside", "leads upwards", **_NOWHERE),
    HostilePath("parent-that-stays-inside", "maze_task/x/../maze_0000", "leads upwards", **_NOWHERE),
    HostilePath("parent-at-the-end", "maze_task/..", "leads upwards", **_NOWHERE),
    HostilePath("parent-with-backslashes", "..\\outside", "backslash"),
    HostilePath("absolute", "/outside/maze_0000", "is absolute", **_NOWHERE),
    HostilePath("root", "/", "absolute", **_NOWHERE),
    HostilePath("double-slash", "//server/share", "is absolute", **_NOWHERE),
    HostilePath("unc", "\\\\server\\share", "backslash"),
    HostilePath("drive", "C:/outside", "drive letter"),
    HostilePath("drive-relative", "c:outside", "drive letter"),
    HostilePath("drive-backslash", "C:\\outside", "drive letter"),
    # No name at all
    HostilePath("empty", "", "", **_NOWHERE),
    HostilePath("dot", ".", "'.'", **_NOWHERE),
    HostilePath("dot-first", "./maze_task/maze_0000", "'.'", **_NOWHERE),
    HostilePath("dot-in-the-middle", "maze_task/./maze_0000", "'.'", **_NOWHERE),
    HostilePath("empty-name", "maze_task//maze_0000", "empty name", **_NOWHERE),
    HostilePath("trailing-slash", "maze_task/maze_0000//", "empty name", **_NOWHERE),
    # Characters
    HostilePath("backslash", "maze_task/maze\\0000", "backslash"),
    HostilePath("nul", "maze_task/maze\0", "NUL", **_NOWHERE),
    HostilePath("newline", "maze_task/maze\n0000", "control character (U+000A)"),
    HostilePath("carriage-return", "maze_task/maze\r", "control character (U+000D)"),
    HostilePath("tab", "maze\ttask/0", "control character (U+0009)"),
    HostilePath("escape", "maze_task/\x1b[31mred", "control character (U+001B)"),
    HostilePath("delete", "maze_task/maze\x7f", "control character (U+007F)"),
    HostilePath("next-line", "maze_task/maze\x85", "control character (U+0085)"),
    HostilePath("line-separator", "maze_task/maze\u2028x", "control character (U+2028)"),
    HostilePath("not-unicode", "maze_task/maze\udcff", "not Unicode", in_row=False),
    *(
        HostilePath(
            f"windows-character-{ord(character):02x}", f"maze_task/a{character}b", "Windows does not allow"
        )
        for character in '<>"|?*:'
    ),
    # Names
    HostilePath("trailing-dot", "maze_task/maze_0000.", "ends in a dot or a space"),
    HostilePath("trailing-space", "maze_task/maze_0000 ", "ends in a dot or a space"),
    HostilePath("trailing-dot-of-a-folder", "maze./maze_0000", "ends in a dot or a space"),
    HostilePath("three-dots", "maze_task/...", "ends in a dot or a space"),
    HostilePath("con", "CON", "Windows reserves"),
    HostilePath("con-as-a-folder", "con/maze_0000", "Windows reserves"),
    HostilePath("nul-with-a-suffix", "maze_task/nul.txt", "Windows reserves"),
    HostilePath("aux-with-two-suffixes", "maze_task/AUX.tar.gz", "Windows reserves"),
    HostilePath("prn-with-a-space", "maze_task/prn .x", "Windows reserves"),
    HostilePath("com1", "maze_task/Com1", "Windows reserves"),
    HostilePath("com-superscript", "maze_task/COM¹", "Windows reserves"),
    HostilePath("lpt9", "maze_task/lpt9.png", "Windows reserves"),
    HostilePath("conin", "maze_task/CONIN$", "Windows reserves"),
    HostilePath("git", ".git/config", ".git", **_NOWHERE),  # there, a walk leaves it out
    HostilePath("git-in-capitals", "maze_task/.GIT/hooks", ".git"),
    HostilePath("git-short-name", "git~1/config", ".git"),
    HostilePath("unfinished-export", ".vmeval-hfds-partial/1", "interrupted export"),
    HostilePath("long-name", "maze_task/" + "m" * 256, "255 bytes", **_NOWHERE),
    HostilePath("long-name-in-bytes", "maze_task/" + "é" * 128, "255 bytes", **_NOWHERE),
)


@dataclass(frozen=True)
class HostileFiles:
    """Paths that are sound one by one, and cannot live beside each other on every system.

    Attributes:
        name: The test's id.
        files: Paths of files; one that ends in ``/`` is an empty folder.
        reason: A part of what the refusal says.
        on_disk: Whether a file system that tells cases apart can hold them.
    """

    name: str
    files: tuple[str, ...]
    reason: str
    on_disk: bool = True


HOSTILE_FILES = (
    HostileFiles("files-by-case", ("notes/a.txt", "notes/A.txt"), "only by case"),
    HostileFiles("folders-by-case", ("notes/a.txt", "Notes/b.txt"), "only by case"),
    HostileFiles("folders-by-case-deep", ("x/y/Z/a.txt", "x/y/z/b.txt"), "only by case"),
    HostileFiles("empty-folders-by-case", ("empty/", "Empty/"), "only by case"),
    HostileFiles("empty-folder-and-folder", ("empty/", "EMPTY/a.txt"), "only by case"),
    HostileFiles("files-by-normalisation", ("caf\u00e9.txt", "cafe\u0301.txt"), "Unicode normalisation"),
    HostileFiles("folders-by-normalisation", ("\u00fc/a", "u\u0308/b"), "Unicode normalisation"),
    HostileFiles("case-beyond-ascii", ("\u00c4.txt", "\u00e4.txt"), "only by case"),
    HostileFiles("case-and-normalisation", ("\u00c4.txt", "a\u0308.txt"), "only by case"),
    HostileFiles("kelvin-sign", ("\u212a.txt", "k.txt"), "only by case"),
    HostileFiles("file-and-folder-by-case", ("notes", "Notes/a.txt"), "is a folder"),
    HostileFiles("file-and-empty-folder-by-case", ("notes", "NOTES/"), "is a folder"),
    HostileFiles("file-and-folder", ("notes", "notes/a.txt"), "is a folder", on_disk=False),
    HostileFiles("file-and-empty-folder", ("notes", "notes/"), "is a folder", on_disk=False),
    HostileFiles("file-twice", ("notes/a.txt", "notes/a.txt"), "comes twice", on_disk=False),
    HostileFiles("empty-folder-twice", ("notes/", "notes/"), "comes twice", on_disk=False),
)

#: Odd names that live everywhere: these must be taken as they are.
LEGAL_PATHS = (
    "maze_task/maze 0000",
    " leading space",
    ".hidden",
    "..two-dots-first",
    "a..b",
    "~",
    "-rf",
    "--help",
    "$HOME",
    "%2e%2e%2f",
    "&#x2F;",
    "'quoted'",
    "[a-z]",
    "{a,b}",
    "#1",
    "@eaDir",
    "a=b;c",
    "con_task",
    "console",
    "com10",
    "nulls.txt",
    "0",
    ".gitignore",
    ".github/workflows",
    "git",
    "tränen",
    "迷路",
    "\N{THINKING FACE}",
    "e\u0301 decomposed",
    "non-breaking\u00a0space",
    "zero\u200bwidth",
    "data",
    "files",
    "README.md",
    "m" * 255,
    "é" * 127,
)


def ids(table):
    """Test ids of a table's rows."""
    return [row.name for row in table]
