"""The drawing of a launch: threads, cells and outputs as the trace in the record has them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.device import FindingKind, SourcePlace, Space, Writer
from grader.record import ArrayUse, CaseTrace, CellUse, ElementOwner, OutputOwners
from grader.report.html import render_html
from grader.report.launch import LaunchDrawing, draw_launch
from grader.report.panels import WIDTH
from tests.report import records
from tests.report.page import Page


def race_trace() -> CaseTrace:
    """A race in a launch of one block, without its outputs."""
    return replace(records.race().traces[0], grid=(1, 1, 1), outputs=())


def values_trace() -> CaseTrace:
    """One wrong element of thirty, in two blocks."""
    (trace,) = records.wrong_values().traces
    return trace


def drawn(trace: CaseTrace) -> LaunchDrawing:
    drawing = draw_launch(trace, "conv1d.mojo", "")
    assert drawing is not None
    return drawing


def tones(drawing: LaunchDrawing) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for box in drawing.boxes:
        if box.tone:
            found.setdefault(box.tone, []).append(box.label)
    return found


class TestFinding:
    def test_both_threads_and_the_cell_are_marked(self) -> None:
        drawing = drawn(race_trace())
        assert tones(drawing) == {"guilty": ["0", "1"], "other": ["1"]}
        assert [each.text for each in drawing.labels] == [
            "Threads",
            "shared_a: 15 cells, shared by the block",
        ]
        assert [link.tone for link in drawing.links] == ["guilty", "other"]
        assert drawing.keys[:2] == (
            ("guilty", "thread 0 read cell 1"),
            ("other", "thread 1 wrote it"),
        )

    def test_a_cell_says_who_wrote_and_read_it(self) -> None:
        drawing = drawn(race_trace())
        cell = [box for box in drawing.boxes if box.label == "2"][-1]
        assert cell.lines == ("w 2", "r 1")
        assert "Cell 2 of shared_a: written by thread 2; read by thread 1." in drawing.description

    def test_a_cell_past_the_end_is_drawn_past_the_end(self) -> None:
        race = race_trace()
        assert race.finding is not None
        finding = replace(race.finding, kind=FindingKind.OUT_OF_BOUNDS, cell=15, other_block=None)
        uses = (*race.arrays[0].uses, CellUse((), ((0, 0, 0),)))
        array = replace(race.arrays[0], uses=uses)
        drawing = drawn(replace(race, finding=finding, arrays=(array,)))
        assert tones(drawing)["guilty outside"] == ["15"]
        assert ("outside", "not in the array") in drawing.keys
        assert "Cell 15 of shared_a: outside of the array, read by thread 0." in drawing.description

    def test_a_thread_of_another_block_is_drawn_with_its_block(self) -> None:
        race = race_trace()
        assert race.finding is not None
        finding = replace(race.finding, other_block=(1, 0, 0))
        drawing = drawn(replace(race, finding=finding, grid=(2, 1, 1)))
        assert [each.text for each in drawing.labels][:3] == [
            "2 blocks",
            "Threads of block 0",
            "Threads of block 1",
        ]
        assert tones(drawing)["other"] == ["1", "1"]


class TestArrows:
    def test_they_go_from_the_writer_to_the_cell_and_from_there_to_the_reader(self) -> None:
        guilty, other = drawn(race_trace()).links
        # The cell is below the threads: what is read goes up, what is written goes down.
        assert not goes_down(guilty.path)
        assert goes_down(other.path)

    def test_titles_stand_out_of_their_way(self) -> None:
        drawing = drawn(replace(race_trace(), grid=(2, 1, 1)))
        threads = next(each for each in drawing.labels if each.text == "Threads of block 0")
        first = next(box for box in drawing.boxes if box.label == "14" and not box.lines)
        assert threads.y < first.y
        cells = next(each for each in drawing.labels if each.text.startswith("shared_a"))
        assert cells.y > max(box.y for box in drawing.boxes)

    def test_none_crosses_what_stands_in_another_box(self) -> None:
        race = race_trace()
        wide = replace(race, block=(32, 1, 1))
        assert drawn(wide).links == ()


def goes_down(path: str) -> bool:
    start, _, rest = path.removeprefix("M").partition("L")
    return float(start.split()[1]) < float(rest.partition("M")[0].split()[1])


class TestValues:
    def test_each_element_has_its_thread(self) -> None:
        drawing = drawn(values_trace())
        assert tones(drawing)["wrong"] == ["✗ 14"]
        assert len(tones(drawing)["right"]) == 29
        last = drawing.boxes[-1]
        assert (last.label, last.lines) == ("✓ 29", ("t 14", "b 1"))
        assert "Element 14: wrong, written by thread 14 of block 0." in drawing.description

    def test_what_no_thread_wrote_is_said(self) -> None:
        trace = values_trace()
        nobody = tuple(ElementOwner(True, Writer.MEMSET) for _ in range(3))
        output = OutputOwners(name="output", shape=(3,), first=0, owners=nobody)
        drawing = drawn(replace(trace, thread=None, element=0, outputs=(output,)))
        assert tones(drawing)["unwritten wrong"] == ["✗ 0", "✗ 1", "✗ 2"]
        assert ("unwritten", "no thread wrote it") in drawing.keys
        assert "Element 0: wrong, written by no thread." in drawing.description

    def test_a_matrix_stands_in_rows(self) -> None:
        trace = values_trace()
        owners = tuple(
            ElementOwner(k == 1, Writer.KERNEL, (0, 0, 0), (k % 2, k // 2, 0)) for k in range(4)
        )
        output = OutputOwners(name="output", shape=(2, 2), first=0, owners=owners)
        drawing = drawn(
            replace(trace, grid=(1, 1, 1), block=(2, 2, 1), thread=(1, 0, 0), outputs=(output,))
        )
        assert [box.label for box in drawing.boxes[:4]] == ["0, 0", "1, 0", "0, 1", "1, 1"]
        cells = drawing.boxes[4:]
        assert [box.label for box in cells] == ["✓0,0", "✗0,1", "✓1,0", "✓1,1"]
        assert cells[0].y == cells[1].y < cells[2].y


class TestSize:
    def test_a_large_launch_is_cut_to_what_is_beside_the_guilty_thread(self) -> None:
        trace = replace(
            values_trace(),
            grid=(4096, 1, 1),
            block=(256, 1, 1),
            at=(7, 0, 0),
            thread=(200, 0, 0),
        )
        drawing = drawn(trace)
        assert [box.label for box in drawing.boxes[:3]] == ["6", "7", "8"]
        assert tones(drawing)["guilty"] == ["7", "200"]
        assert drawing.notes == (
            "Of 4,096 blocks, only those beside it are drawn.",
            (
                "A block has 256 threads. Those around the guilty one are drawn, with their own "
                "numbers."
            ),
        )
        assert drawing.labels[1].text == "16 of 256 threads of block 7"

    def test_of_a_large_block_every_number_that_is_drawn_can_be_read(self) -> None:
        trace = replace(race_trace(), block=(32, 32, 1), thread=(20, 31, 0))
        threads = [box for box in drawn(trace).boxes if "," in box.label]
        assert len(threads) == 2 * 64
        assert threads[:64][-1].label == "23,31"
        assert "guilty" in {box.tone for box in threads[:64]}

    def test_the_other_thread_of_a_race_is_drawn_where_it_is_far_away(self) -> None:
        race = race_trace()
        assert race.finding is not None
        far = replace(race.finding, other_thread=(200, 0, 0))
        drawing = drawn(replace(race, finding=far, block=(256, 1, 1)))
        assert "200" in tones(drawing)["other"]
        assert [each.text for each in drawing.labels][:2] == ["16 of 256 threads"] * 2
        near = drawn(replace(race, block=(256, 1, 1)))
        assert [each.text for each in near.labels][:2] == ["16 of 256 threads", near.labels[1].text]
        assert near.labels[1].text.startswith("shared_a")

    def test_up_to_64_threads_all_are_drawn(self) -> None:
        for block in ((64, 1, 1), (8, 8, 1), (33, 1, 1)):
            drawing = drawn(replace(race_trace(), block=block))
            assert not [note for note in drawing.notes if "threads" in note]

    def test_it_is_no_wider_than_a_phone(self) -> None:
        for block in ((15, 1, 1), (16, 16, 1), (3, 3, 1), (32, 32, 1), (4, 4, 4)):
            drawing = drawn(replace(race_trace(), block=block))
            assert all(box.x + box.width <= WIDTH + 2 for box in drawing.boxes)
            assert drawing.width <= WIDTH + 2

    def test_numbers_that_no_launch_has_are_not_drawn(self) -> None:
        race = race_trace()
        for wrong in ({"block": (0, 1, 1)}, {"block": (2048, 1, 1)}, {"at": (5, 0, 0)}):
            assert draw_launch(replace(race, **wrong), "conv1d.mojo", "") is None

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_whatever_a_record_says_there_is_a_drawing_of_bounded_size(
        self, data: st.DataObject
    ) -> None:
        number = st.integers(-3, 40) | st.integers(-(1 << 62), 1 << 62)
        dim = st.tuples(number, number, number)
        small = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
        grid = data.draw(small)
        uses = st.lists(
            st.builds(CellUse, st.lists(dim, max_size=9).map(tuple), st.just(())), max_size=70
        )
        array = ArrayUse(
            name="a",
            space=data.draw(st.sampled_from(Space)),
            cells=data.draw(number),
            first=data.draw(number),
            uses=tuple(data.draw(uses)),
        )
        owners = st.lists(
            st.builds(
                ElementOwner,
                st.booleans(),
                st.sampled_from(Writer),
                st.none() | dim,
                st.none() | dim,
            ),
            max_size=70,
        )
        output = OutputOwners(
            name="o",
            shape=tuple(data.draw(st.lists(number, max_size=3))),
            first=data.draw(number),
            owners=tuple(data.draw(owners)),
        )
        race = race_trace()
        assert race.finding is not None
        finding = replace(race.finding, cell=data.draw(number), other_thread=data.draw(dim))
        trace = replace(
            race,
            finding=data.draw(st.sampled_from((None, finding))),
            grid=grid,
            block=data.draw(small),
            thread=data.draw(st.none() | dim),
            element=data.draw(st.none() | number),
            arrays=(array,) * data.draw(st.integers(0, 4)),
            outputs=(output,) * data.draw(st.integers(0, 2)),
        )
        drawing = drawn(trace)
        assert len(drawing.boxes) <= 1200
        assert len(drawing.description) < 20_000


class TestPage:
    def test_a_finding_has_its_drawing_with_a_text_alternative(self) -> None:
        page = Page(render_html(records.race()))
        drawing = next(svg for svg in page.having("svg") if svg.get("role") == "img")
        assert drawing["aria-labelledby"] == "launch" + "cause1-title launchcause1-text"
        assert "The launch of conv1d_kernel in conv1d.mojo" in page.text

    def test_an_array_gets_its_name_where_another_build_told_the_line(self) -> None:
        made = records.race()
        text = "def k():\n    total += tile[i]\n"
        found = replace(
            made.findings[0].finding,
            source=(SourcePlace(file="", line=2, column=text.split("\n")[1].index("[") + 1),),
        )
        array = replace(made.traces[0].arrays[0], name="shared array 2")
        html = render_html(
            replace(
                made,
                submission=replace(made.submission, text=text),
                findings=(replace(made.findings[0], finding=found),),
                traces=(replace(made.traces[0], arrays=(array,)),),
            )
        )
        assert "tile: 15 cells, shared by the block" in html
        assert "shared array 2" not in html
        # The compiler's name of a graph's kernel is not the student's.
        assert "The launch in conv1d.mojo" in html

    def test_a_case_has_the_drawing_of_its_own_trace(self) -> None:
        html = render_html(records.wrong_values())
        assert html.count('<figure class="launch">') == 1
        assert html.index('<h2 id="case">') < html.index('<figure class="launch">')

    def test_a_record_without_a_trace_has_none(self) -> None:
        made = replace(records.race(), traces=())
        assert '<figure class="launch">' not in render_html(made)
