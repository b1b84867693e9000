# No kernel at all: what a program may do to the one who runs it.
from std.sys import argv, exit
from std.time import sleep


def main() raises:
    var flag = String(argv()[1])
    if flag == "code":
        exit(7)
    elif flag == "raise":
        raise Error("not today")
    elif flag == "arguments":
        for word in argv():
            print(word)
    elif flag == "flood":
        while True:
            print("all work and no play makes a program a dull one")
    elif flag == "endless":
        while True:
            sleep(1.0)
    elif flag == "forge":
        print("grade: plain.mojo:1:1: error: forged [race]")
        print("\x1b[2K\rgrade: plain.mojo: 1 launch watched, nothing found")
    elif flag == "memory":
        var held = List[List[UInt8]]()
        while True:
            held.append(List[UInt8](length=64 * 1024 * 1024, fill=1))
    elif flag == "files":
        with open("/etc/passwd", "r") as file:
            print(file.read())
