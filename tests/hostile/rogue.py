"""A worker that is wholly in the attacker's hand, in place of ``grader/worker/script.py``.

It speaks both protocols itself, with the standard library alone: what a
submission can reach by taking its worker over, this can do too. As it stands it
is honest; each attack replaces one of its functions. Runs in the sandbox.
"""

import json
import os
import struct

PTX = """
.version 8.1
.target sm_80
.address_size 64
.visible .entry conv1d(.param .u64 po, .param .u64 pi, .param .u64 pk, .param .u32 pn,
                       .param .u32 pm)
{
    .reg .pred %p<4>;
    .reg .b32 %r<8>;
    .reg .b64 %rd<10>;
    .reg .f32 %f<4>;
    ld.param.u64 %rd1, [po];
    ld.param.u64 %rd2, [pi];
    ld.param.u64 %rd3, [pk];
    ld.param.u32 %r1, [pn];
    ld.param.u32 %r2, [pm];
    mov.u32 %r3, %tid.x;
    mov.f32 %f1, 0f00000000;
    mov.u32 %r4, 0;
LOOP:
    setp.ge.u32 %p2, %r4, %r2;
    @%p2 bra STORE;
    add.u32 %r5, %r3, %r4;
    setp.ge.u32 %p3, %r5, %r1;
    @%p3 bra STORE;
    mul.wide.u32 %rd4, %r5, 4;
    add.u64 %rd5, %rd2, %rd4;
    ld.global.f32 %f2, [%rd5];
    mul.wide.u32 %rd6, %r4, 4;
    add.u64 %rd7, %rd3, %rd6;
    ld.global.f32 %f3, [%rd7];
    fma.rn.f32 %f1, %f2, %f3, %f1;
    add.u32 %r4, %r4, 1;
    bra LOOP;
STORE:
    mul.wide.u32 %rd8, %r3, 4;
    add.u64 %rd9, %rd1, %rd8;
    st.global.f32 [%rd9], %f1;
    ret;
}
.visible .entry hand_on(.param .u64 po, .param .u64 pi)
{
    .reg .b32 %r<2>;
    .reg .b64 %rd<6>;
    .reg .f32 %f<2>;
    ld.param.u64 %rd1, [po];
    ld.param.u64 %rd2, [pi];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd3, %r1, 4;
    add.u64 %rd4, %rd2, %rd3;
    ld.global.f32 %f1, [%rd4];
    add.u64 %rd5, %rd1, %rd3;
    st.global.f32 [%rd5], %f1;
    ret;
}
.visible .entry store(.param .u64 po, .param .f32 value)
{
    .reg .b64 %rd<2>;
    .reg .f32 %f<2>;
    ld.param.u64 %rd1, [po];
    ld.param.f32 %f1, [value];
    st.global.f32 [%rd1], %f1;
    ret;
}
"""
GRADER = int(os.environ["GRADE_CHANNEL_FD"])
DEVICE = int(os.environ["GRADE_DEVICE_FD"])
ALLOCATE, FREE, UPLOAD, DOWNLOAD, COPY, LOAD, FUNCTION, LAUNCH = 11, 12, 14, 15, 16, 30, 32, 37
# What a call says of order: no stream; or the default stream, no pinned memory, and to wait.
NOT_ORDERED = 2**64 - 1
WAITS = 0, 0, 1


def exactly(fd, count):
    data = b""
    while len(data) < count:
        part = os.read(fd, count - len(data))
        if not part:
            os._exit(0)
        data += part
    return data


def write(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def frame(header, payload=b""):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", 4 + len(encoded) + len(payload), len(encoded)) + encoded + payload


def say(header, payload=b""):
    write(GRADER, frame(header, payload))


def hear():
    length, header_length = struct.unpack("<II", exactly(GRADER, 8))
    header = json.loads(exactly(GRADER, header_length))
    return header, exactly(GRADER, length - 4 - header_length)


def drive(op, fields="", *values, tail=b""):
    """One driver call; its answer."""
    payload = struct.pack("<" + fields, *values) + tail
    write(DEVICE, struct.pack("<III", len(payload), 1, op) + payload)
    length, _, result = struct.unpack("<IIi", exactly(DEVICE, 12))
    answer = exactly(DEVICE, length)
    if result:
        raise OSError(f"the device said {result}")
    return answer


def allocate(size):
    return struct.unpack("<Q", drive(ALLOCATE, "QQ", size, NOT_ORDERED))[0]


def upload(data):
    address = allocate(len(data))
    drive(UPLOAD, "QQQI", address, *WAITS, tail=data)
    return address


def download(address, size):
    return drive(DOWNLOAD, "QQQQI", address, size, *WAITS)


def launch(name, arguments, threads):
    drive(LAUNCH, "QQ9I", functions[name], 0, 1, 1, 1, threads, 1, 1, 0, 0, 0, tail=arguments)


def sizes(number):
    parameters = plan["shapes"][number]["parameters"]
    return parameters["input_size"], parameters["conv_size"]


def answer_on_host(number, payload):
    """The answer, worked out here."""
    n, m = sizes(number)
    values = struct.unpack(f"<{n + m}f", payload)
    x, k = values[:n], values[n:]
    out = []
    for i in range(n):
        total = 0.0
        for j in range(m):
            if i + j < n:
                total = struct.unpack("<f", struct.pack("<f", total + x[i + j] * k[j]))[0]
        out.append(total)
    return struct.pack(f"<{n}f", *out)


def compute(output, inputs, number, payload):
    """Put the answer at ``output``; as it stands, by a kernel."""
    n, m = sizes(number)
    launch("conv1d", struct.pack("<QQQII", output, *inputs, n, m), n)


def on_case(number, payload):
    """Run a case: the parts of the result."""
    n, m = sizes(number)
    inputs = [upload(payload[: 4 * n]), upload(payload[4 * n :])]
    output = allocate(4 * n)
    compute(output, inputs, number, payload)
    parts = [download(output, 4 * n), download(inputs[0], 4 * n), download(inputs[1], 4 * m)]
    for address in (output, *inputs):
        drive(FREE, "QQ", address, NOT_ORDERED)
    return parts


def on_hello():
    say({"kind": "hello", "seconds": 0.1})


def on_build():
    if plan["load"]:
        with open(plan["compiled"]) as file:
            assert file.read() == "the compiled graphs"
    else:
        with open(plan["compiled"], "w") as file:
            file.write("the compiled graphs")
    say({"kind": "compiled", "seconds": 0.1})


def on_result(case, parts):
    say({"kind": "result", "case": case, "lengths": [len(p) for p in parts]}, b"".join(parts))


def main():
    """Serve until the grader stops asking."""
    global plan, functions
    on_hello()
    header, _ = hear()
    plan = header["plan"]
    module = struct.unpack("<Q", drive(LOAD, tail=PTX.encode()))[0]
    functions = {
        name: struct.unpack_from("<Q", drive(FUNCTION, "Q", module, tail=name.encode()))[0]
        for name in ("conv1d", "hand_on", "store")
    }
    on_build()
    while True:
        header, payload = hear()
        if header["kind"] == "stop":
            return
        on_result(header["case"], on_case(header["shape"], payload))
