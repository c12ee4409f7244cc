"""The one list of tools for assistants."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from livedump.frontends.gallery import manifest
from livedump.frontends.mcp_tools import PROMPTS, input_schema
from livedump.frontends.questions import QUESTIONS, TRIAGE, find_question
from livedump.frontends.tools import Tool, all_tools, windbg_tools

KNOWN = {question.name for question in QUESTIONS}


def test_there_are_eight_tools_at_most_and_each_asks_a_question() -> None:
    tools = all_tools()
    assert [tool.name for tool in tools if tool.question == ""] == [TRIAGE.name]
    assert {tool.question for tool in tools} - {""} <= KNOWN
    assert len({tool.name for tool in tools}) == len(tools) <= 8


def test_in_windbg_no_tool_asks_for_a_file() -> None:
    assert [tool.name for tool in windbg_tools()] == ["report", "stacks", "waits", "memory", "codes"]
    assert not {each.name for tool in windbg_tools() for each in tool.in_open_dump} & {"path", "old", "new"}


def test_both_servers_declare_the_same_tools_but_for_the_names_of_files() -> None:
    by_name = {tool.listed_name: tool for tool in all_tools()}
    for each in ElementTree.fromstring(manifest()).iter("McpTool"):  # noqa: S314 - our own
        tool = by_name.pop(each.get("Name", ""))
        schema = input_schema(tool)
        assert each.findtext("Description") == tool.what
        parameters = {
            parameter.get("Name"): {
                "type": {"int": "integer"}.get(parameter.get("Type", ""), "string"),
                "description": parameter.findtext("Description"),
            }
            for parameter in each.iter("Parameter")
        }
        assert parameters == {name: what for name, what in schema["properties"].items() if name != "path"}
    assert list(by_name) == ["livedump_triage", "livedump_diff", "livedump_symbols"]


@pytest.mark.parametrize("tool", [tool for tool in all_tools() if tool.question], ids=lambda tool: tool.name)
def test_options_are_those_of_the_question(tool: Tool) -> None:
    assert {each.option for each in tool.options} <= set(find_question(tool.question).options)


def test_prompts_name_tools_as_they_are_listed() -> None:
    said = " ".join(prompt.text for prompt in PROMPTS.values())
    assert set(re.findall(r"livedump_\w+", said)) <= {tool.listed_name for tool in all_tools()}
    assert not re.findall(rf"\b(?:{'|'.join(tool.name for tool in all_tools())})\b", said)
