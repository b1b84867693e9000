"""GitHub: annotations, the job summary, and what a submission can't make of them."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.record import Audience, Diagnostic, Record, StaticLook
from grader.report.formats.github import annotate, command, fenced, inert, step_outputs
from grader.report.formats.summary import MAX_BYTES, block, inline, render_summary
from tests.report import hostile, records
from tests.report.page_of_markdown import Rendered
from tests.report.test_html import largest

PATH = "week 3/conv1d.mojo"
COMMAND = re.compile(r"::(error|warning|notice)(?: ([^:\n]*))?::(.+)")
TAGS = {"h2", "h3", "p", "strong", "ul", "li", "pre", "table", "thead", "tbody", "tr", "th", "td"}

lines_of_commands = st.one_of(
    hostile.texts,
    st.lists(
        st.sampled_from(
            [
                "::",
                "##[error]",
                "::error::x",
                "::add-mask::a",
                "%0A",
                "\n",
                "\r",
                " ",
                "a",
                ":",
                "%",
            ]
        ),
        max_size=8,
    ).map("".join),
)


def parse(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it: kind, properties, message."""
    found = COMMAND.fullmatch(line)
    assert found, line
    kind, properties, message = found.groups()

    def unescape(text: str) -> str:
        for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, sign)
        return text

    named = dict(part.split("=", 1) for part in (properties or "").split(",") if part)
    return kind, {name: unescape(value) for name, value in named.items()}, unescape(message)


def told(name: str) -> list[tuple[str, dict[str, str], str]]:
    return [parse(line) for line in annotate(records.ALL[name](), PATH)]


class TestAnnotations:
    def test_the_verdict_is_the_first(self) -> None:
        kind, properties, message = told("wrong-values")[0]
        assert (kind, properties["title"]) == ("error", "Not passed")
        assert message.startswith("Not passed, 60 / 100: The published example is right, but")

    def test_a_pass_is_a_notice_and_nothing_is_an_error(self) -> None:
        kinds = [kind for kind, _, _ in told("passed")]
        assert "error" not in kinds
        assert told("passed")[0][2].startswith("Passed, 100 / 100")

    def test_a_compiler_error_stands_at_its_line(self) -> None:
        _, properties, message = told("does-not-compile")[1]
        assert properties == {
            "file": PATH,
            "line": str(records.LAUNCH.line),
            "endLine": str(records.LAUNCH.line),
            "col": "16",
            "title": "Compiler error",
        }
        assert message.startswith("No matching method in call to 'enqueue_function'.")
        assert "needs both grid_dim and block_dim" in message

    def test_a_finding_stands_at_its_line(self) -> None:
        found = [p for _, p, _ in told("race") if p["title"] == "Race between two threads"]
        assert found[0]["line"] == str(records.SUM.line)

    def test_the_given_code_is_a_notice(self) -> None:
        kinds = {p["title"]: kind for kind, p, _ in told("race")}
        title = "Read of memory that nothing wrote, in the given code (costs nothing)"
        assert kinds[title] == "notice"

    def test_a_failed_check_names_the_smallest_input(self) -> None:
        assert any(
            "Smallest failing input: input_size 30, conv_size 2." in m
            for _, _, m in told("wrong-values")
        )

    def test_a_fault_is_one_warning_with_words_of_its_own(self) -> None:
        ((kind, properties, message),) = told("faulted")
        assert kind == "warning"
        assert properties == {"title": "No mark: the grader failed, not the submission"}
        assert "No points were taken" in message

    def test_a_refusal_says_what_to_hand_in(self) -> None:
        assert "Save the file as UTF-8" in " ".join(message for _, _, message in told("refused"))

    def test_at_most_ten_of_a_kind_and_the_last_counts_the_others(self) -> None:
        error = records.does_not_compile().diagnostics[0]
        many = msgspec.structs.replace(
            records.does_not_compile(),
            diagnostics=tuple(msgspec.structs.replace(error, line=n) for n in range(1, 31)),
        )
        found = [parse(line) for line in annotate(many, PATH)]
        errors = [entry for entry in found if entry[0] == "error"]
        assert len(errors) == 10
        # The verdict, eight messages, and the number of the other 22.
        assert errors[0][1]["title"] == "Not passed"
        assert errors[-1][2].startswith("22 more")

    def test_a_line_that_the_file_does_not_have_is_left_out(self) -> None:
        far = Diagnostic(severity="error", message="x", stage="package", line=10_000)
        made = msgspec.structs.replace(records.does_not_compile(), diagnostics=(far,))
        assert all("line" not in parse(line)[1] for line in annotate(made, PATH))

    @settings(max_examples=80, deadline=None)
    @given(made=hostile.records(), path=lines_of_commands)
    def test_every_line_is_one_command_whatever_a_record_holds(
        self, made: Record, path: str
    ) -> None:
        found = annotate(made, path)
        assert found
        for line in found:
            kind, properties, message = parse(line)
            assert set(properties) <= {"file", "line", "endLine", "col", "title"}
            assert message
            assert "\n" not in line
            assert "\r" not in line
        for kind in ("error", "warning", "notice"):
            assert sum(line.startswith(f"::{kind}") for line in found) <= 10


class TestCommands:
    @given(text=lines_of_commands)
    def test_a_message_comes_back_as_it_was(self, text: str) -> None:
        _, properties, message = parse(command("error", f"m{text}", title=f"t{text}"))
        assert message.startswith("m")
        assert properties["title"].startswith("t")
        assert set(properties) == {"title"}

    @given(text=lines_of_commands)
    def test_an_inert_text_has_no_command(self, text: str) -> None:
        shown = inert(text)
        assert "##[" not in shown
        # As the runner reads it: line by line, blank space aside.
        assert not [line for line in re.split(r"[\n\r]", shown) if line.strip().startswith("::")]

    def test_an_inert_text_is_readable(self) -> None:
        assert inert("a\n ::error::b ##[c]") == "a\n : :error::b # #[c]"
        assert inert("std::string\n: x") == "std::string\n: x"

    @given(text=lines_of_commands)
    def test_a_fenced_text_can_not_end_its_fence(self, text: str) -> None:
        lines = fenced(text).split("\n")
        token = lines[0].removeprefix("::stop-commands::")
        assert re.fullmatch("[0-9a-f]{32}", token)
        assert lines[-2] == f"::{token}::"
        assert not [line for line in lines[1:-2] if token in line]

    def test_every_fence_has_a_token_of_its_own(self) -> None:
        assert fenced("a") != fenced("a")


class TestSummary:
    def test_verdict_next_steps_case_rubric(self) -> None:
        page = Rendered(render_summary(records.wrong_values()))
        order = [
            "Not passed, 60 / 100: The published example is right, but",
            "What to do next",
            "The smallest input that breaks it",
            "differs",
            "Points",
            "0 / 25",
        ]
        places = [page.text.index(words) for words in order]
        assert places == sorted(places)

    def test_each_picture_stands_under_the_check_that_it_breaks(self) -> None:
        text = Rendered(render_summary(records.wrong_values())).text
        title = next(c.title for c in records.wrong_values().checks if c.id == "integers")
        assert f"✗ {title} Smallest failing input: input_size 30, conv_size 2" in text

    def test_the_picture_is_there_as_text(self) -> None:
        text = render_summary(records.special_values())
        assert "<pre>Smallest failing input: input_size 15, conv_size 4" in text
        assert re.search(r"got +.*inf.*nan", text)

    def test_compiler_errors_have_their_lines(self) -> None:
        text = Rendered(render_summary(records.does_not_compile())).text
        assert f"{records.LAUNCH.line} Compiler error No matching method in call" in text

    def test_a_fault_shows_no_points_and_blames_nobody(self) -> None:
        made = msgspec.structs.replace(records.faulted(), score=37, max_score=91)
        text = Rendered(render_summary(made)).text
        assert "No mark (the grader failed, not your work)" in text
        assert "37" not in text
        assert "91" not in text
        assert "Not passed" not in text

    def test_only_an_instructor_sees_the_look_the_seed_and_the_operators_detail(self) -> None:
        look = StaticLook(kind="loop", line=4, sentence="loops over device memory")
        made = msgspec.structs.replace(records.faulted(), look=(look,), seed="s3cr3t")
        student, instructor = (
            Rendered(render_summary(made, audience)).text for audience in ("student", "instructor")
        )
        for words in ("loops over device memory", "s3cr3t", "UnsupportedByDevice: "):
            assert words not in student
            assert words in instructor

    def test_it_stays_far_below_what_github_drops(self) -> None:
        assert len(render_summary(largest(), "instructor").encode()) <= MAX_BYTES + 100

    def test_what_does_not_fit_is_said_and_the_verdict_stays(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("grader.report.formats.summary.MAX_BYTES", 900)
        text = render_summary(records.wrong_values())
        assert len(text.encode()) < 1_000
        assert "60 / 100" in text
        assert text.endswith("_More is in the report of this run._\n")

    @settings(max_examples=120, deadline=None)
    @given(made=hostile.records(), audience=st.sampled_from(["student", "instructor"]))
    def test_nothing_in_a_record_becomes_markup(self, made: Record, audience: Audience) -> None:
        text = render_summary(made, audience)
        page = Rendered(text)
        assert {tag for tag, _ in page.tags} <= TAGS
        # Only the alignment of our own columns.
        assert {name for _, attributes in page.tags for name, _ in attributes} <= {"style"}
        assert not page.linked
        assert len(text.encode()) <= MAX_BYTES + 100


class TestMarkdown:
    BAIT = (
        "*a* _b_ `c` ~~d~~ **e**",
        "[x](https://example.invalid)",
        "![x](https://example.invalid/x.png)",
        "<img src=x> <!-- --> &lt;",
        "# h",
        "- x",
        "1. x",
        "1) x",
        "> q",
        "a | b | c",
        "www.example.invalid",
        "https://example.invalid",
        "@octocat #1 a@example.invalid",
        "```\nx\n```",
        "    code",
        "\\*a\\*",
        "$x$ :smile: GH-1",
        "===",
        "---",
        "</pre></td>",
    )

    @pytest.mark.parametrize("text", BAIT)
    @pytest.mark.parametrize("frame", ["{}", "- {}", "### {}", "| a |\n| --- |\n| {} |", "**{}**"])
    def test_a_text_is_shown_as_it_is(self, text: str, frame: str) -> None:
        page = Rendered(frame.format(inline(text)))
        plain = Rendered(frame.format("x"))
        assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
        assert not page.linked
        shown = "".join(page.texts).replace("\u200b", "")
        assert text.replace("\n", "␊").strip() in shown

    @pytest.mark.parametrize("text", BAIT)
    def test_a_block_is_shown_as_it_is(self, text: str) -> None:
        lines = f"{text}\n\n\n{text}"
        page = Rendered(f"a\n\n{block(lines)}\n\nb")
        assert [tag for tag, _ in page.tags] == ["p", "pre", "p"]
        assert lines in "".join(page.texts)

    def test_a_mention_is_broken(self) -> None:
        assert inline("@octocat") == "&#64;&#8203;octocat"


class TestOutputs:
    def test_a_pass(self) -> None:
        found = step_outputs(records.passed())
        assert (found["score"], found["max-score"]) == ("100", "100")
        assert (found["passed"], found["verdict"]) == ("true", "pass")

    def test_a_fault_has_no_score_and_is_neither_passed_nor_failed(self) -> None:
        found = step_outputs(records.faulted(), pass_mark=0)
        assert (found["score"], found["max-score"], found["passed"]) == ("", "", "")
        assert found["verdict"] == "fault"

    @pytest.mark.parametrize(
        ("mark", "passed"), [(None, "false"), (60, "true"), (61, "false"), (0, "true")]
    )
    def test_a_pass_mark_is_a_percentage(self, mark: int | None, passed: str) -> None:
        assert step_outputs(records.wrong_values(), pass_mark=mark)["passed"] == passed
        half = msgspec.structs.replace(records.wrong_values(), score=54, max_score=90)
        assert step_outputs(half, pass_mark=mark)["passed"] == passed

    def test_a_refused_file_never_passes(self) -> None:
        assert step_outputs(records.refused(), pass_mark=0)["passed"] == "false"

    @settings(max_examples=40, deadline=None)
    @given(made=hostile.records())
    def test_every_output_is_one_plain_line(self, made: Record) -> None:
        assert all(re.fullmatch(r"[A-Za-z0-9+/=]*", v) for v in step_outputs(made).values())
