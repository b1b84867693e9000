"""What each driver call does, seen by a worker that speaks the protocol."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from grader.device import CaseSetup
from grader.device.case import LaunchLimits
from grader.device.cuda import TOTAL_MEMORY, CudaResult
from grader.device.evidence import FindingKind, Writer
from grader.device.process import SoftwareDevice
from grader.device.session import MAX_HANDLES, MAX_MODULES
from grader.device.wire import MAX_IMAGE, VERSION, DriverClient, DriverOp
from tests.device.driver.fake_device import KERNELS, PROGRAM, VARIABLE


def float32(*values: float) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


def read(client: DriverClient, address: int, size: int) -> bytes:
    result, data = client.call(DriverOp.COPY_TO_HOST, "QQ", address, size)
    assert result == 0
    return data


class TestMemory:
    def test_allocations_have_exactly_the_size_asked_for(self, client: DriverClient) -> None:
        address = client.allocate(60)
        assert client.ask(DriverOp.MEM_RANGE, "Q", address + 59, reply="QQ") == (address, 60)
        assert client.call(DriverOp.MEM_RANGE, "Q", address + 60)[0] == CudaResult.INVALID_VALUE

    def test_memory_info_counts_what_is_allocated(self, client: DriverClient) -> None:
        client.allocate(1000)
        assert client.ask(DriverOp.MEM_INFO, "", reply="QQ") == (TOTAL_MEMORY - 1000, TOTAL_MEMORY)

    def test_an_allocation_beyond_the_memory_is_refused(self, client: DriverClient) -> None:
        assert client.call(DriverOp.MEM_ALLOC, "Q", TOTAL_MEMORY + 1)[0] == CudaResult.OUT_OF_MEMORY
        assert client.call(DriverOp.MEM_ALLOC, "Q", 2**64 - 1)[0] == CudaResult.OUT_OF_MEMORY
        assert client.call(DriverOp.MEM_ALLOC, "Q", 0)[0] == CudaResult.INVALID_VALUE

    def test_data_comes_back_as_it_went_in(self, client: DriverClient) -> None:
        address = client.allocate(8)
        assert client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=b"abcdefgh")[0] == 0
        assert read(client, address + 2, 4) == b"cdef"

    def test_a_copy_on_the_device_moves_bytes(self, client: DriverClient) -> None:
        one, two = client.allocate(4), client.allocate(4)
        client.call(DriverOp.COPY_TO_DEVICE, "Q", one, tail=b"abcd")
        assert client.call(DriverOp.COPY_ON_DEVICE, "QQQ", two, one, 4)[0] == 0
        assert read(client, two, 4) == b"abcd"

    @pytest.mark.parametrize(
        ("width", "value", "expected"),
        [(1, 0x1AB, b"\xab" * 4), (2, 0x1234, b"\x34\x12" * 2), (4, 0x01020304, b"\4\3\2\1")],
    )
    def test_memset_writes_the_low_bytes_of_its_value(
        self, client: DriverClient, width: int, value: int, expected: bytes
    ) -> None:
        address = client.allocate(4)
        fields = (address, 0, 4 // width, 1, value, width)
        assert client.call(DriverOp.MEMSET, "QQQQII", *fields)[0] == 0
        assert read(client, address, 4) == expected

    def test_a_memset_in_two_dimensions_leaves_the_gaps_alone(self, client: DriverClient) -> None:
        address = client.allocate(8)
        client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=bytes(8))
        assert client.call(DriverOp.MEMSET, "QQQQII", address, 4, 2, 2, 0xFF, 1)[0] == 0
        assert read(client, address, 8) == b"\xff\xff\0\0\xff\xff\0\0"

    @pytest.mark.parametrize("shape", [(0, 1, 2**40, 0, 1), (1, 4, 2, 0, 1), (0, 4, 1, 0, 3)])
    def test_an_impossible_memset_is_refused(
        self, client: DriverClient, shape: tuple[int, ...]
    ) -> None:
        address = client.allocate(8)
        assert (
            client.call(DriverOp.MEMSET, "QQQQII", address, *shape)[0] == CudaResult.INVALID_VALUE
        )

    def test_a_wrong_free_is_refused_and_reported(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        address = client.allocate(8)
        assert client.call(DriverOp.MEM_FREE, "Q", address + 4)[0] == CudaResult.INVALID_VALUE
        assert client.call(DriverOp.MEM_FREE, "Q", address)[0] == 0
        assert client.call(DriverOp.MEM_FREE, "Q", address)[0] == CudaResult.INVALID_VALUE
        assert client.call(DriverOp.MEM_FREE, "Q", 0)[0] == 0
        assert len(device.end_case().driver_findings) == 2

    def test_a_host_copy_out_of_bounds_is_refused_and_reported(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        address = client.allocate(8)
        result, _ = client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=bytes(9))
        assert result == CudaResult.INVALID_VALUE
        (finding,) = device.end_case().driver_findings
        assert finding.kind is FindingKind.OUT_OF_BOUNDS
        assert (finding.address, finding.size) == (address, 9)

    def test_unwritten_memory_reads_as_the_poison(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        device.begin_case(CaseSetup(poison=0x04030201))
        assert read(client, client.allocate(6), 6) == b"\1\2\3\4\1\2"


class TestEvidence:
    def test_a_copy_out_is_kept_with_its_writers(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        address = client.allocate(12)
        client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=float32(1, 2))
        function = client.function(client.load(PROGRAM), "add_one")
        assert client.launch(function, struct.pack("<QI", address, 1)) == 0
        read(client, address, 12)
        (copy,) = device.end_case().copies_out
        assert copy.data[:8] == float32(2, 2)
        assert [(p.start, p.stop, p.writer) for p in copy.provenance] == [
            (0, 4, Writer.KERNEL),
            (4, 8, Writer.HOST_COPY),
            (8, 12, Writer.NOBODY),
        ]

    def test_a_case_holds_only_its_own(self, client: DriverClient, device: SoftwareDevice) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        client.launch(function, bytes(48))
        assert len(device.end_case().launches) == 1
        assert device.end_case().launches == ()

    def test_the_peak_counts_from_the_begin_of_the_case(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        address = client.allocate(1000)
        client.call(DriverOp.MEM_FREE, "Q", address)
        device.begin_case()
        client.allocate(10)
        assert device.end_case().peak_bytes == 10

    def test_of_many_copies_the_last_are_kept(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        size = 20 << 20
        address = client.allocate(size)
        for _ in range(4):
            read(client, address, size)
        evidence = device.end_case()
        assert len(evidence.copies_out) == 3
        assert evidence.driver_findings == ()
        assert len(evidence.left_out) == 1


class TestModules:
    def test_a_kernel_tells_its_parameters(self, client: DriverClient) -> None:
        module = client.load(PROGRAM)
        _, answer = client.call(DriverOp.MODULE_FUNCTION, "Q", module, tail=b"echo")
        assert struct.unpack("<10I", answer[8:]) == (0, 1, 8, 8, 16, 2, 20, 4, 32, 16)

    def test_a_kernel_keeps_its_handle(self, client: DriverClient) -> None:
        module = client.load(PROGRAM)
        assert client.function(module, "echo") == client.function(module, "echo")

    def test_what_is_not_there_is_not_found(self, client: DriverClient) -> None:
        module = client.load(PROGRAM)
        for op in (DriverOp.MODULE_FUNCTION, DriverOp.MODULE_GLOBAL):
            assert client.call(op, "Q", module, tail=b"absent")[0] == CudaResult.NOT_FOUND

    def test_a_variable_has_an_address(self, client: DriverClient) -> None:
        module = client.load(PROGRAM)
        assert (
            client.ask(DriverOp.MODULE_GLOBAL, "Q", module, reply="QQ", tail=b"table") == VARIABLE
        )

    @pytest.mark.parametrize("image", [b"\x7fELF", b"\x50\xed\x55\xba", b"\xff\xfe\x00"])
    def test_machine_code_and_junk_are_invalid_images(
        self, client: DriverClient, device: SoftwareDevice, image: bytes
    ) -> None:
        assert client.call(DriverOp.MODULE_LOAD, tail=image)[0] == CudaResult.INVALID_IMAGE
        assert device.end_case().unsupported != ()

    def test_bad_ptx_keeps_the_parse_error_in_the_evidence(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        result, text = client.call(DriverOp.MODULE_LOAD, tail=b"nonsense")
        assert result == CudaResult.INVALID_PTX
        assert b"PTX line 1" in text
        assert device.end_case().unsupported == (text.decode(),)

    def test_functions_go_with_their_module(self, client: DriverClient) -> None:
        module = client.load(PROGRAM)
        function = client.function(module, "echo")
        assert client.call(DriverOp.MODULE_UNLOAD, "Q", module)[0] == 0
        assert client.launch(function, bytes(48)) == CudaResult.INVALID_HANDLE
        assert client.call(DriverOp.MODULE_UNLOAD, "Q", module)[0] == CudaResult.INVALID_HANDLE

    @pytest.mark.parametrize(("size", "most"), [(0, MAX_MODULES), (MAX_IMAGE, 256)])
    def test_more_modules_than_we_keep_are_no_mistake_of_the_program(
        self, size: int, most: int, client: DriverClient, device: SoftwareDevice
    ) -> None:
        """With every size of the task compiled, each is a module: 450 at least."""
        image = PROGRAM.encode().ljust(size)
        results = {client.call(DriverOp.MODULE_LOAD, tail=image)[0] for _ in range(most)}
        assert results == {0}
        assert client.call(DriverOp.MODULE_LOAD, tail=image)[0] == CudaResult.NOT_SUPPORTED
        assert "at most" in device.end_case().unsupported[0]

    def test_more_parameters_than_the_library_takes_are_named(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        result, _ = client.call(DriverOp.MODULE_FUNCTION, "Q", module, tail=b"wide")
        assert result == CudaResult.NOT_SUPPORTED
        assert "1025 parameters" in device.end_case().unsupported[0]

    def test_function_attributes(self, client: DriverClient) -> None:
        function = client.function(client.load(PROGRAM), "add_one")
        kernel = KERNELS["add_one"]
        assert client.ask(DriverOp.FUNCTION_GET, "Qi", function, 0, reply="i") == (
            kernel.max_threads,
        )
        assert client.ask(DriverOp.FUNCTION_GET, "Qi", function, 1, reply="i") == (512,)
        assert client.call(DriverOp.FUNCTION_SET, "Qii", function, 8, 100_000)[0] == 0
        assert client.ask(DriverOp.FUNCTION_GET, "Qi", function, 8, reply="i") == (100_000,)
        assert (
            client.call(DriverOp.FUNCTION_SET, "Qii", function, 8, 166_913)[0]
            == CudaResult.INVALID_VALUE
        )
        assert client.call(DriverOp.FUNCTION_SET, "Qii", function, 14, 1)[0] == 0
        assert (
            client.call(DriverOp.FUNCTION_SET, "Qii", function, 0, 1)[0] == CudaResult.INVALID_VALUE
        )

    @pytest.mark.parametrize(
        ("threads", "shared", "blocks"),
        [(1024, 0, 2), (15, 0, 32), (256, 0, 8), (32, 40_000, 4), (1025, 0, 0)],
    )
    def test_occupancy_is_that_of_an_a100(
        self, client: DriverClient, threads: int, shared: int, blocks: int
    ) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        assert client.ask(DriverOp.OCCUPANCY, "QQi", function, shared, threads, reply="i") == (
            blocks,
        )


class TestLaunch:
    def test_arguments_are_taken_at_their_offsets(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        raw = bytes(range(48))
        assert client.launch(function, raw, grid=(2, 3, 4), block=(5, 6, 7), shared=9) == 0
        (launch,) = device.end_case().launches
        assert launch.printed == " ".join(
            raw[o : o + s].hex() for o, s in KERNELS["echo"].parameters
        )
        assert (launch.grid, launch.block, launch.shared_bytes) == ((2, 3, 4), (5, 6, 7), 9)

    def test_too_few_argument_bytes_are_refused(self, client: DriverClient) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        assert client.launch(function, bytes(47)) == CudaResult.INVALID_VALUE

    def test_the_case_sets_the_limits(self, client: DriverClient, device: SoftwareDevice) -> None:
        device.begin_case(CaseSetup(limits=LaunchLimits(instruction_budget=1234)))
        client.launch(client.function(client.load(PROGRAM), "echo"), bytes(48))
        assert device.end_case().launches[0].instructions == 1234

    def test_a_fault_sticks_to_every_later_call(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        address = client.allocate(4)
        assert client.launch(client.function(module, "fault")) == CudaResult.ILLEGAL_ADDRESS
        for op, fields, values in [
            (DriverOp.STATUS, "", ()),
            (DriverOp.MEM_ALLOC, "Q", (4,)),
            (DriverOp.MEM_FREE, "Q", (address,)),
            (DriverOp.COPY_TO_HOST, "QQ", (address, 4)),
            (DriverOp.STREAM_CHECK, "Q", (0,)),
            (DriverOp.MODULE_UNLOAD, "Q", (module,)),
            (DriverOp.UNSUPPORTED, "", ()),
        ]:
            assert client.call(op, fields, *values)[0] == CudaResult.ILLEGAL_ADDRESS
        assert client.call(DriverOp.DEVICE_NAME)[0] == 0
        assert device.end_case().sticky_error == CudaResult.ILLEGAL_ADDRESS

    def test_a_new_connection_is_healthy_and_empty(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        client.allocate(100)
        client.launch(client.function(module, "fault"))
        fresh = DriverClient(device.new_connection())
        try:
            assert fresh.ask(DriverOp.MEM_INFO, "", reply="QQ") == (TOTAL_MEMORY, TOTAL_MEMORY)
            assert fresh.call(DriverOp.MODULE_UNLOAD, "Q", module)[0] == CudaResult.INVALID_HANDLE
            assert device.end_case().sticky_error == 0
        finally:
            fresh.close()

    def test_a_refused_launch_does_not_stick(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        assert client.launch(client.function(module, "refused")) == CudaResult.INVALID_VALUE
        assert client.call(DriverOp.STATUS)[0] == 0
        assert device.end_case().launches[0].result == CudaResult.INVALID_VALUE

    def test_an_unsupported_instruction_is_named_and_does_not_stick(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        assert client.launch(client.function(module, "unsupported")) == CudaResult.NOT_SUPPORTED
        assert client.call(DriverOp.STATUS)[0] == 0
        evidence = device.end_case()
        assert "frob.f32" in evidence.unsupported[0]
        assert evidence.launches[0].result == CudaResult.NOT_SUPPORTED

    def test_a_defect_of_ours_is_reported_as_ours(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        module = client.load(PROGRAM)
        assert client.launch(client.function(module, "defect")) == CudaResult.UNKNOWN
        assert "ZeroDivisionError" in device.end_case().unsupported[0]

    def test_launch_attributes_are_named(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        assert client.launch(function, bytes(48), attributes=(1, 4)) == CudaResult.NOT_SUPPORTED
        assert "number 4" in device.end_case().unsupported[0]

    def test_blocks_form_clusters_where_the_launch_says_so(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        function = client.function(client.load(PROGRAM), "clusters")
        assert client.launch(function) == 0
        assert client.launch(function, cluster=(2, 3, 1)) == 0
        assert client.call(DriverOp.FUNCTION_SET, "Qii", function, 14, 1)[0] == 0
        assert client.ask(DriverOp.FUNCTION_GET, "Qi", function, 14, reply="i") == (1,)
        assert client.launch(function, cluster=(16, 1, 1)) == 0
        assert [launch.printed for launch in device.end_case().launches] == [
            "None of 8 at most",
            "(2, 3, 1) of 8 at most",
            "(16, 1, 1) of 16 at most",
        ]

    def test_a_stream_that_does_not_exist_is_refused(self, client: DriverClient) -> None:
        function = client.function(client.load(PROGRAM), "echo")
        assert client.launch(function, bytes(48), stream=77) == CudaResult.INVALID_HANDLE


class TestHandles:
    def test_streams_live_from_creation_to_destruction(self, client: DriverClient) -> None:
        (stream,) = client.ask(DriverOp.STREAM_CREATE, "I", 0, reply="Q")
        assert client.call(DriverOp.STREAM_CHECK, "Q", stream)[0] == 0
        assert client.call(DriverOp.STREAM_DESTROY, "Q", stream)[0] == 0
        assert client.call(DriverOp.STREAM_CHECK, "Q", stream)[0] == CudaResult.INVALID_HANDLE

    def test_elapsed_time_needs_two_recorded_events_that_keep_time(
        self, client: DriverClient
    ) -> None:
        start, end = (client.ask(DriverOp.EVENT_CREATE, "I", 0, reply="Q")[0] for _ in range(2))
        (untimed,) = client.ask(DriverOp.EVENT_CREATE, "I", 2, reply="Q")
        assert client.call(DriverOp.EVENT_ELAPSED, "QQ", start, end)[0] == CudaResult.INVALID_HANDLE
        for event in (start, end, untimed):
            assert client.call(DriverOp.EVENT_RECORD, "QQ", event, 0)[0] == 0
        (milliseconds,) = client.ask(DriverOp.EVENT_ELAPSED, "QQ", start, end, reply="f")
        assert 0 <= milliseconds < 10_000
        assert (
            client.call(DriverOp.EVENT_ELAPSED, "QQ", start, untimed)[0]
            == CudaResult.INVALID_HANDLE
        )

    def test_an_event_is_no_stream(self, client: DriverClient) -> None:
        (event,) = client.ask(DriverOp.EVENT_CREATE, "I", 0, reply="Q")
        assert client.call(DriverOp.STREAM_CHECK, "Q", event)[0] == CudaResult.INVALID_HANDLE

    def test_more_handles_than_we_keep_are_no_mistake_of_the_program(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        for _ in range(MAX_HANDLES):
            client.ask(DriverOp.STREAM_CREATE, "I", 0, reply="Q")
        assert client.call(DriverOp.STREAM_CREATE, "I", 0)[0] == CudaResult.NOT_SUPPORTED
        assert "at most" in device.end_case().unsupported[0]


class TestProperties:
    def test_it_is_an_a100_as_far_as_max_asks(self, client: DriverClient) -> None:
        for attribute, value in [(75, 8), (76, 0), (10, 32), (1, 1024), (8, 49152), (16, 108)]:
            assert client.ask(DriverOp.DEVICE_ATTRIBUTE, "i", attribute, reply="i") == (value,)

    def test_an_unsupported_call_is_named_in_the_evidence(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        client.call(DriverOp.UNSUPPORTED, tail=b"cuGraphCreate")
        client.call(DriverOp.UNSUPPORTED, tail=b"cuGraphCreate")
        client.call(DriverOp.UNSUPPORTED, tail=b"evil\x1b[2J" + b"x" * 1000)
        sentences = device.end_case().unsupported
        assert sentences[0].endswith("the driver call cuGraphCreate")
        assert len(sentences) == 2
        assert sentences[1].isprintable()
        assert len(sentences[1]) < 200

    def test_another_version_of_the_protocol_is_refused(
        self, client: DriverClient, device: SoftwareDevice
    ) -> None:
        assert client.call(DriverOp.HELLO, "I", VERSION + 1)[0] == CudaResult.NO_DEVICE
        assert "version" in device.end_case().unsupported[0]
