"""What surrounds the process: standard streams, limits, users, disks, PATH, the Python that runs."""

import os
import shutil
import subprocess
import sys

from .named import situation

OTHER_USER = 65534  # nobody


def shell(case, script):
    """Run the command inside a shell that first does something to itself."""
    case.wrapper = ["sh", "-c", script, "sh", *case.wrapper]


# --- standard streams


@situation
def stdout_closed(case):
    shell(case, 'exec "$@" >&-')


@situation
def stderr_closed(case):
    shell(case, 'exec "$@" 2>&-')


@situation
def stdin_closed(case):
    shell(case, 'exec "$@" <&-')


@situation
def all_closed(case):
    shell(case, 'exec "$@" <&- >&- 2>&-')


@situation
def stdout_full(case):
    shell(case, 'exec "$@" >/dev/full')


@situation
def stderr_full(case):
    shell(case, 'exec "$@" 2>/dev/full')


@situation
def reader_gone(case):
    """Standard output is a pipe that nobody reads any more; the exit code is the command's own."""
    script = '{ "$@"; echo $? >"$CODE_FILE"; } | true; until [ -s "$CODE_FILE" ]; do sleep 0.05; done; '
    shell(case, script + 'exit "$(cat "$CODE_FILE")"')
    case.env["CODE_FILE"] = str(case.scratch() / "code")


# --- the machine


@situation
def no_files(case):
    """As on a full disk, or with a quota: no file may grow."""
    shell(case, 'ulimit -f 0; exec "$@"')


@situation
def few_descriptors(case):
    case.launcher = [os.path.realpath(sys.executable), "./workbook"]
    shell(case, 'ulimit -n 6; exec "$@"')


@situation
def other_user(case):
    """The files belong to somebody else, as after a sudo."""
    if os.geteuid() != 0:
        case.skip = "needs root"
        return
    case.own_checkout()
    case.user = OTHER_USER
    case.env["HOME"] = "/nonexistent"
    case.env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@situation
def not_writable(case):
    """Our own folder, but its permissions are gone."""
    case.own_checkout(linked=False)
    other_user(case)
    if not case.skip:
        case.give_to(OTHER_USER)
        for path in (case.checkout, case.checkout / "results", case.checkout / "build"):
            if path.exists():
                path.chmod(0o555)


@situation
def small_disk(case):
    """A file system of 64 KB that is full, mounted over results."""
    case.own_checkout()
    folder = case.checkout / "results"
    folder.mkdir(exist_ok=True)
    fill = f"head -c 1000000 /dev/zero >'{folder}/fill' 2>/dev/null"
    script = f"mount -t tmpfs -o size=64k none '{folder}' && {fill}; "
    mounted(case, script)


@situation
def read_only_disk(case):
    case.own_checkout()
    mounted(
        case,
        f"mount --bind '{case.checkout}' '{case.checkout}' && "
        f"mount -o remount,ro,bind '{case.checkout}'; cd '{case.checkout}'; ",
    )


def mounted(case, script):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        case.skip = "needs the right to mount"
        return
    case.wrapper = ["unshare", "-m", "sh", "-c", script + 'exec "$@"', "sh", *case.wrapper]


@situation
def no_tools(case):
    """A PATH with Python and a shell, and nothing that compiles or installs."""
    folder = case.scratch() / "path"
    folder.mkdir(exist_ok=True)
    for name in ("sh", "env", "sleep", "cat", "true", "head", "mount", "setpriv", "unshare"):
        found = shutil.which(name)
        if found and not (folder / name).exists():
            (folder / name).symlink_to(found)
    if not (folder / "python3").exists():
        (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    case.env["PATH"] = str(folder)


@situation
def no_python(case):
    no_tools(case)
    (case.scratch() / "path" / "python3").unlink()
    case.launcher = ["/bin/sh", "./workbook"]


@situation
def old_python(case):
    old(case, (3, 8, 19))


@situation
def python_2(case):
    old(case, (2, 7, 18))


def old(case, version):
    script = (
        f"import sys; sys.version_info = {version!r}; sys.version = '{'.'.join(map(str, version))} (old)'; "
        "exec(compile(open('workbook').read(), 'workbook', 'exec'))"
    )
    case.launcher = [sys.executable, "-c", script]


@situation
def folder_gone(case):
    """The current folder was deleted by another shell."""
    gone = case.scratch() / "gone"
    case.launcher = [str(case.checkout / "workbook")]
    case.wrapper = [
        "sh",
        "-c",
        'mkdir -p "$0" && cd "$0" && rmdir "$0" && exec "$@"',
        str(gone),
        *case.wrapper,
    ]
