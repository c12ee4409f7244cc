"""The lab: Microsoft's debugger engine and pykd under Wine, for tests to drive."""
