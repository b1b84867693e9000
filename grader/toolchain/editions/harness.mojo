# What launches a program's kernels for the grader, or calls an op: a part of a Mojo program that is
# built as a shared library. Behind it, for each case, the grader writes the launches that the task
# says, or the call (`launch_case`), and two questions: whether the kernels can take what they are
# given (`refused`), and whether the op runs on the CPU (`on_host`).
#
# PREFIX stands for a random word, so that nothing which a student's file exports has such a name.

from max.gpu.host import DeviceBuffer, DeviceContext, Dim
from std.builtin.device_passable import DevicePassable, DeviceTypeEncoder
from std.sys import size_of


comptime WORDS = 16
comptime Words = SIMD[DType.uint32, WORDS]


struct Passed[T: AnyType](DevicePassable, TrivialRegisterPassable):
    """An argument of a kernel, of any type, by the words that it consists of."""

    comptime device_type: AnyType = Self.T
    var words: Words

    def __init__(out self, words: Words):
        self.words = words

    def _to_device_type[
        Encoder: DeviceTypeEncoder
    ](self, mut encoder: Encoder, target: MutOpaquePointer[_]):
        var there = target.unsafe_bitcast[UInt32]()
        comptime for place in range(min(size_of[Self.T]() // 4, WORDS)):
            there[unsafe_offset=place] = self.words[place]

    @staticmethod
    def get_type_name() -> String:
        return "Passed"


def address(buffer: DeviceBuffer[DType.uint8]) -> UInt64:
    """Where a buffer lies."""
    return UInt64(Int(buffer.unsafe_ptr()))


def words(number: UInt64, *more: Int) -> Words:
    """The words of an address or a number, and what else there is of an argument."""
    var found = Words(0)
    found[0] = UInt32(number & 0xFFFFFFFF)
    found[1] = UInt32(number >> 32)
    for place in range(len(more)):
        found[place + 2] = UInt32(more[place])
    return found


def takes[
    declared: TypeList[Trait=AnyType, ...], //, kernel: def(*args: *declared) thin -> None
](lengths: List[Int]) -> Bool:
    """Whether a kernel takes arguments of so many bytes, or pointers; numbers have four or eight,
    and 0 stands for them."""
    if declared.length != len(lengths):
        return False
    comptime for place in range(declared.length):
        comptime size = size_of[declared[place]]()
        if size != 8 and size != (lengths[place] if lengths[place] else 4):
            return False
    return True


def takes[T: AnyType, //, kernel: T](lengths: List[Int]) -> Bool:
    """The same of a function that is no kernel, one that raises for instance."""
    return False


def launch[
    declared: TypeList[Trait=AnyType, ...], //, kernel: def(*args: *declared) thin -> None
](
    context: DeviceContext,
    v: List[Words],
    grid: Dim,
    block: Dim,
    cluster: Optional[Dim] = None,
) raises:
    """Launch a kernel that takes as many arguments as there are values."""
    comptime d = declared
    comptime if d.length == 1:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 2:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 3:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 4:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            Passed[d[3]](v[3]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 5:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            Passed[d[3]](v[3]), Passed[d[4]](v[4]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 6:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            Passed[d[3]](v[3]), Passed[d[4]](v[4]), Passed[d[5]](v[5]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 7:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            Passed[d[3]](v[3]), Passed[d[4]](v[4]), Passed[d[5]](v[5]),
            Passed[d[6]](v[6]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    elif d.length == 8:
        context.enqueue_function[kernel](
            Passed[d[0]](v[0]), Passed[d[1]](v[1]), Passed[d[2]](v[2]),
            Passed[d[3]](v[3]), Passed[d[4]](v[4]), Passed[d[5]](v[5]),
            Passed[d[6]](v[6]), Passed[d[7]](v[7]),
            grid_dim=grid, block_dim=block, cluster_dim=cluster,
        )
    else:
        raise Error("a harness launches kernels with one to eight arguments")


def launch[
    T: AnyType, //, kernel: T
](
    context: DeviceContext,
    v: List[Words],
    grid: Dim,
    block: Dim,
    cluster: Optional[Dim] = None,
) raises:
    """The same for a function that is no kernel."""
    raise Error("this is no kernel")


struct Harness(Movable):
    """What outlives a case. Its buffers are freed when a case has ended well; after a fault of the
    device, freeing one would end the process."""

    var context: DeviceContext
    var buffers: List[DeviceBuffer[DType.uint8]]

    def __init__(out self) raises:
        self.context = DeviceContext()
        self.buffers = []

    def run(
        mut self,
        number: Int,
        count: Int,
        lengths: Pointer[Int, MutAnyOrigin],
        begins: Pointer[Int, MutAnyOrigin],
        data: Pointer[Pointer[UInt8, MutAnyOrigin], MutAnyOrigin],
        copies: Int,
        which: Pointer[Int, MutAnyOrigin],
        results: Pointer[Pointer[UInt8, MutAnyOrigin], MutAnyOrigin],
    ) raises:
        """Make the buffers, which begin with zeros (0), with data (1) or as they are (2); launch;
        copy some of them back."""
        var context = DeviceContext(api="cpu") if on_host(number) else self.context
        for place in range(count):
            var length = lengths[unsafe_offset=place]
            var buffer = context.enqueue_create_buffer[DType.uint8](length)
            self.buffers.append(buffer)
            if begins[unsafe_offset=place] == 1:
                context.enqueue_copy(buffer, data[unsafe_offset=place])
            elif begins[unsafe_offset=place] == 0:
                context.enqueue_memset(buffer, 0)
        launch_case(number, context, self.buffers)
        for place in range(copies):
            var buffer = self.buffers[which[unsafe_offset=place]]
            context.enqueue_copy(results[unsafe_offset=place], buffer)
        context.synchronize()
        self.buffers.clear()


def tell(error: Error, said: Pointer[UInt8, MutAnyOrigin], room: Int) -> Int:
    """Leave a message behind; its length."""
    var text = String(error)
    var bytes = text.as_bytes()
    var length = min(len(bytes), room)
    for place in range(length):
        said[unsafe_offset=place] = bytes[place]
    return length


@export("PREFIX_open")
def exported_open(
    harness: Pointer[Harness, MutAnyOrigin], said: Pointer[UInt8, MutAnyOrigin], room: Int
) abi("C") -> Int:
    try:
        harness.unsafe_write(Harness())
        return 0
    except error:
        return tell(error, said, room)


@export("PREFIX_refused")
def exported_refused(number: Int) abi("C") -> Int:
    return refused(number)


@export("PREFIX_run")
def exported_run(
    harness: Pointer[Harness, MutAnyOrigin],
    number: Int,
    count: Int,
    lengths: Pointer[Int, MutAnyOrigin],
    begins: Pointer[Int, MutAnyOrigin],
    data: Pointer[Pointer[UInt8, MutAnyOrigin], MutAnyOrigin],
    copies: Int,
    which: Pointer[Int, MutAnyOrigin],
    results: Pointer[Pointer[UInt8, MutAnyOrigin], MutAnyOrigin],
    said: Pointer[UInt8, MutAnyOrigin],
    room: Int,
) abi("C") -> Int:
    try:
        harness[].run(number, count, lengths, begins, data, copies, which, results)
        return 0
    except error:
        return tell(error, said, room)
