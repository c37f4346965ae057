"""Random rounds of programs against a server, judged by what the server saw and the results that the programs got.

Rules. Nothing of the other tests is used: the server, the programs and the judge are all here. A
program is a process of its own; it writes the results that it gets into a file, from which the judge reads.
``python -m tests.soak --help`` says how to run it.
"""
