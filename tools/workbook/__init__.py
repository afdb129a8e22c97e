"""The parts of the `workbook` command. Standard library only, Python 3.9 or newer."""
