"""Whoever has taken the worker over, and speaks its protocols, earns no point by it."""

from __future__ import annotations

import pytest

from grader.errors import UnsupportedByDevice
from grader.record import Status, Verdict

ALL = 110
BUSY = 60
"""Seconds. On an idle machine each takes seven at most; without an end of ours, a thousand."""


def test_the_honest_worker_gets_everything(grade):
    """The other tests show something only because this one passes."""
    graded = grade()
    assert graded.scored.verdict is Verdict.PASS
    assert graded.scored.score + graded.scored.extra_score == ALL
    assert (graded.replacements, graded.survivors) == (0, [])


# What each puts in the place of the honest computation, which checks must not pass, and a
# word of the reason that is given for the first of them.
CHEATS = {
    "the host computes and copies the answer to the device": (
        """
        def compute(output, inputs, number, payload):
            drive(UPLOAD, "QQQI", output, *WAITS, tail=answer_on_host(number, payload))
        """,
        {"device", "clean"},
        "copy from the host",
    ),
    "the host computes, a kernel copies the answer over": (
        """
        def compute(output, inputs, number, payload):
            source = upload(answer_on_host(number, payload))
            launch("hand_on", struct.pack("<QQ", output, source), sizes(number)[0])
        """,
        {"device"},
        "help of the host",
    ),
    "the host computes, and hands each number to a kernel as an argument": (
        """
        def compute(output, inputs, number, payload):
            for i, value in enumerate(struct.unpack(f"<{sizes(number)[0]}f",
                                                    answer_on_host(number, payload))):
                launch("store", struct.pack("<Qf", output + 4 * i, value), 1)
        """,
        {"device"},
        "help of the host",
    ),
    "the host computes; the real kernel runs too, into another buffer": (
        """
        honest = compute

        def compute(output, inputs, number, payload):
            honest(allocate(4 * sizes(number)[0]), inputs, number, payload)
            source = upload(answer_on_host(number, payload))
            launch("hand_on", struct.pack("<QQ", output, source), sizes(number)[0])
        """,
        {"device"},
        "help of the host",
    ),
    "the host's answer is brought back first, the kernel runs into the buffer afterwards": (
        """
        def on_case(number, payload):
            n, m = sizes(number)
            inputs = [upload(payload[:4 * n]), upload(payload[4 * n:])]
            output = allocate(4 * n)
            source = upload(answer_on_host(number, payload))
            launch("hand_on", struct.pack("<QQ", output, source), n)
            parts = [download(output, 4 * n), download(inputs[0], 4 * n),
                     download(inputs[1], 4 * m)]
            compute(output, inputs, number, payload)
            return parts
        """,
        {"device"},
        "help of the host",
    ),
    "the answer is returned and never was on the device": (
        """
        def on_case(number, payload):
            n = sizes(number)[0]
            return [answer_on_host(number, payload), payload[:4 * n], payload[4 * n:]]
        """,
        {"example", "integers", "reals", "clean", "device", "robust"},
        "not what left the device",
    ),
    "the kernel is wrong and the right answer is returned in its place": (
        """
        def compute(output, inputs, number, payload):
            launch("hand_on", struct.pack("<QQ", output, inputs[0]), sizes(number)[0])

        def on_result(case, parts):
            say({"kind": "result", "case": case, "lengths": [len(p) for p in parts]},
                answer_on_host(number, payload) + parts[1] + parts[2])

        def on_case(n, p, run=on_case):
            global number, payload
            number, payload = n, p
            return run(n, p)
        """,
        {"example", "integers", "reals", "clean", "device", "robust"},
        "not what left the device",
    ),
    "answers are kept by the address of the input": (
        """
        kept = {}

        def compute(output, inputs, number, payload, honest=compute):
            key = (inputs[0], number)
            if key not in kept:
                honest(output, inputs, number, payload)
                kept[key] = download(output, 4 * sizes(number)[0])
            else:
                drive(UPLOAD, "QQQI", output, *WAITS, tail=kept[key])
        """,
        {"integers", "device"},
        "wrong",
    ),
    "the first answer for a shape is given for good": (
        """
        kept = {}

        def compute(output, inputs, number, payload, honest=compute):
            n = sizes(number)[0]
            if number not in kept:
                kept[number] = allocate(4 * n)
                honest(kept[number], inputs, number, payload)
            drive(COPY, "QQQQ", output, kept[number], 4 * n, 0)
        """,
        {"integers", "reals", "device"},
        "wrong",
    ),
    "the buffer of an earlier call is brought back": (
        """
        kept = {}

        def on_case(number, payload, honest=compute):
            n, m = sizes(number)
            inputs = [upload(payload[:4 * n]), upload(payload[4 * n:])]
            key = (number, payload)
            if key not in kept:
                kept[key] = allocate(4 * n)
                honest(kept[key], inputs, number, payload)
            return [download(kept[key], 4 * n), download(inputs[0], 4 * n),
                    download(inputs[1], 4 * m)]
        """,
        {"device"},
        "earlier call",
    ),
    "the inputs are overwritten": (
        """
        def compute(output, inputs, number, payload, honest=compute):
            honest(output, inputs, number, payload)
            launch("hand_on", struct.pack("<QQ", inputs[0], output), sizes(number)[0])
        """,
        {"clean"},
        "input was changed",
    ),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(grade, name):
    attack, lost, word = CHEATS[name]
    graded = grade(attack)
    assert graded.scored.verdict is Verdict.FAIL
    assert {check for check in lost if graded.status(check) is Status.PASSED} == set()
    assert any(word in check.sentence for check in graded.scored.checks)
    assert graded.survivors == []


ENDINGS = {
    "frames that are none": """
        def on_result(case, parts):
            write(GRADER, os.urandom(64))
    """,
    "half a frame": """
        def on_result(case, parts):
            write(GRADER, frame({"kind": "result", "case": case, "lengths": [4]}, b"1234")[:-2])
            os._exit(0)
    """,
    "a frame that claims four gigabytes": """
        def on_result(case, parts):
            write(GRADER, struct.pack("<II", 2**32 - 1, 100) + b"x" * 1000)
    """,
    "a verdict of its own": """
        def on_result(case, parts):
            say({"kind": "verdict", "passed": True, "score": 110})
    """,
    "the result of the next case": """
        def on_result(case, parts, send=on_result):
            send(case + 1, parts)
    """,
    "the result twice": """
        def on_result(case, parts, send=on_result):
            send(case, parts)
            send(case, parts)
    """,
    "results ahead of the questions": """
        def on_build():
            say({"kind": "compiled", "seconds": 0.1})
            for case in range(1, 50):
                say({"kind": "result", "case": case, "lengths": [60, 60, 16]}, bytes(136))
    """,
    "compiled again in the place of a result": """
        def on_result(case, parts):
            say({"kind": "compiled", "seconds": 0.1})
    """,
    "an output that is too short": """
        def on_result(case, parts, send=on_result):
            send(case, [parts[0][:-4], *parts[1:]])
    """,
    "an output that is too long": """
        def on_result(case, parts, send=on_result):
            send(case, [parts[0] + bytes(4), *parts[1:]])
    """,
    "no inputs": """
        def on_result(case, parts, send=on_result):
            send(case, parts[:1])
    """,
    "that the device has failed": """
        def on_result(case, parts):
            say({"kind": "failed", "stage": "device", "message": "no GPU here"})
    """,
    "nothing, and ends with exit code 0": """
        def on_result(case, parts):
            print('{"verdict": "pass", "score": 110}')
            os._exit(0)
    """,
    "nothing, and kills itself": """
        def on_result(case, parts):
            os.kill(os.getpid(), 9)
    """,
    "nothing, and aborts": """
        def on_result(case, parts):
            os.abort()
    """,
    "nothing, and closes everything": """
        def on_result(case, parts):
            os.closerange(0, 1024)
    """,
    "to the device what is no call": """
        def on_case(number, payload, run=on_case):
            write(DEVICE, b"\\xff" * 64)
            return run(number, payload)
    """,
    "nothing, and leaves other graphs for its successor": """
        def on_result(case, parts):
            with open(plan["compiled"], "w") as file:
                file.write("rubbish")
            os._exit(1)
    """,
    "nothing, and leaves a full disk to its successor": """
        def on_result(case, parts):
            with open(os.environ["HOME"] + "/full", "wb") as file:
                file.write(bytes(60 << 20))
            os._exit(1)
    """,
}


@pytest.mark.parametrize("said", ENDINGS)
def test_whatever_it_says_it_keeps_only_what_it_had(grade, said):
    """The points for packaging and compiling, as any program that gives no output."""
    graded = grade(ENDINGS[said])
    assert graded.scored.verdict is Verdict.FAIL
    # "twice" gives a right answer each time before it is found out.
    assert graded.scored.score <= (45 if said == "the result twice" else 25)
    assert graded.failure == ""
    assert graded.survivors == []
    assert graded.seconds < BUSY


EXCESSES = {
    "printed": "def on_result(case, parts):\n    while True: write(1, b'x' * 65536)",
    "disk": "def on_result(case, parts):\n    f = 0\n    while True:\n        f += 1\n"
    "        open(os.environ['HOME'] + f'/{f}', 'wb').write(bytes(64 << 20))",
    "processes": "def on_result(case, parts):\n    while True:\n        try: os.fork()\n"
    "        except OSError: pass",
}


@pytest.mark.parametrize("word", EXCESSES)
def test_the_limit_that_a_run_met_is_named(grade, word):
    graded = grade(EXCESSES[word])
    assert (graded.scored.verdict, graded.scored.score) == (Verdict.FAIL, 25)
    # More cores allow more processes: there a fork bomb meets the limit of memory first.
    limits = ("processes", "memory") if word == "processes" else (word,)
    assert any(limit in graded.reason("example") for limit in limits)
    assert graded.survivors == []


UNSUPPORTED = 2  # the operation by which the driver library reports a call that it lacks


@pytest.mark.parametrize("then", ["os._exit(1)", "return parts"])
def test_what_the_device_lacks_is_no_mark_rather_than_a_lower_one(grade, then):
    """A wrong value may be wrong because the device could not do what the program asked for."""
    attack = f"""
        def compute(output, inputs, number, payload):
            try:
                drive({UNSUPPORTED}, tail=b"cuSomethingNew")
            except OSError:
                launch("hand_on", struct.pack("<QQ", output, inputs[0]), sizes(number)[0])

        def on_case(number, payload, run=on_case):
            parts = run(number, payload)
            {then}
    """
    with pytest.raises(UnsupportedByDevice, match="cuSomethingNew"):
        grade(attack)


COMPILING = {
    "it dies before it says hello": ("def on_hello(): os._exit(0)", ""),
    "it is killed before it says hello": ("def on_hello(): os.kill(os.getpid(), 9)", ""),
    "it sleeps": ("import time\ndef on_build(): time.sleep(1000)", "waited"),
    "it says rubbish": ("def on_hello(): write(GRADER, os.urandom(4000))", "protocol"),
    "it says compiled at once": (
        'def on_hello(): say({"kind": "compiled", "seconds": 1})',
        "protocol",
    ),
    "it dies while it compiles": ("def on_build(): os._exit(134)", ""),
    "it says hello twice": ("on_build = on_hello", "protocol"),
    "it blames the device while it compiles": (
        'def on_build(): say({"kind": "failed", "stage": "device", "message": "no GPU"})',
        "protocol",
    ),
    "it compiles without end": ("def on_build():\n    while True: pass", "still compiling"),
    "it takes memory without end": (
        "def on_build():\n    kept = []\n    while True: kept.append(b'x' * (8 << 20))",
        "memory",
    ),
    "it floods its output": (
        "def on_build():\n    while True: write(2, b'x' * 65536)",
        "printed",
    ),
    "it fills the disk": (
        (
            "def on_build():\n    f = open(os.environ['HOME'] + '/f', 'wb')\n"
            "    while True: f.write(bytes(1 << 20))"
        ),
        "disk",
    ),
    "it forks without end": (
        (
            "def on_build():\n    while True:\n        try:\n            os.fork()\n"
            "        except OSError: pass"
        ),
        # Of processes or of memory: on a busy machine their memory comes first.
        " more ",
    ),
}


@pytest.mark.parametrize("name", COMPILING)
def test_a_compile_that_ends_in_another_way_is_the_submissions_failure(grade, name):
    """The control compiles, so the machine is not at fault; ten points for packaging are kept."""
    attack, word = COMPILING[name]
    graded = grade(attack)
    assert (graded.scored.verdict, graded.scored.score) == (Verdict.FAIL, 10)
    assert word in graded.failure
    assert graded.survivors == []
    assert graded.seconds < BUSY
