"""Random rounds of programs against a server, checked by what the server received and the programs' results.

Rules. Nothing of the other tests is used: the server, the programs and the judge are all here. A
program is a process of its own; it writes the results that it gets into a file, from which the judge reads.
``python -m tests.soak --help`` says how to run it.
"""
