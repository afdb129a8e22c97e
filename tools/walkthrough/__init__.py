"""From a starter to its reference in steps: solutions/walkthroughs (tools/walkthroughs.py)."""
