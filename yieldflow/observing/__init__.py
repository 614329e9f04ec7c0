"""What a process tells of the runs it works on: spans, figures. Nothing here is used unless an app is given observers.

Everything is told of what is in a log, by the process whose commit put it there, once that commit was applied: so a
replay tells nothing. An observer decides nothing, and what it raises keeps nobody from working.
"""
