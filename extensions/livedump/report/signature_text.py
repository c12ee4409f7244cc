"""Signatures as text."""

from __future__ import annotations

from livedump.model.signature import Signature, SignatureStep
from livedump.model.text import clean_text

_NOTHING = "(nothing)"


def format_signature(path: str, signature: Signature, explain: bool = False) -> str:
    """Signature and file, divided by a tab; when ``explain``, under it each rule with what it changed and why."""
    lines = [f"{signature.text}\t{clean_text(path)}"]
    for step in signature.steps if explain else ():
        lines += _step_lines(step)
    return "\n".join(lines) + "\n"


def _step_lines(step: SignatureStep) -> list[str]:
    lines = [f"  {step.rule}"]
    if step.new != step.old:
        lines.append(f"    {clean_text(step.old) or _NOTHING} -> {clean_text(step.new) or _NOTHING}")
    return lines + [f"    {clean_text(remark)}" for remark in step.remarks]
