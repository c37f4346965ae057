"""Install a built archive in an empty environment and run the tutorial from it: ``python -P tests/wheel.py dist/….whl``.

Rules. Nothing of the source tree can be imported there: the interpreter starts isolated (-I), elsewhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

QUICKSTART: Final = Path(__file__).parents[1] / "docs" / "quickstart.md"
RUN: Final = """
import hellotext_async, pathlib, sys
assert pathlib.Path(hellotext_async.__file__).is_relative_to(sys.prefix), hellotext_async.__file__
assert (pathlib.Path(hellotext_async.__file__).parent / "py.typed").exists()
"""


def tutorial() -> str:
    """The program on the tutorial's page."""
    return next(
        text for text in re.findall(r"```python\n(.*?)```", QUICKSTART.read_text(), re.DOTALL) if "main()" in text
    )


def check(archive: Path, folder: Path) -> None:
    """Raise if the archive cannot be installed or its program does not deliver."""
    venv.create(folder / "empty", with_pip=True)
    scripts = folder / "empty" / ("Scripts" if os.name == "nt" else "bin")
    python, command = str(scripts / "python"), str(scripts / "hellotext-async")
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, "-m", "pip", "install", "-q", str(archive)], check=True, cwd=folder)
    subprocess.run([python, "-I", "-c", RUN], check=True, cwd=folder)
    (folder / "program.py").write_text(tutorial())
    emulator = subprocess.Popen(
        [command, "emulator", "--port", "0", "--seed-document"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env=elsewhere,
    )
    try:
        assert emulator.stdout is not None
        url = re.search(r"http://127\.0\.0\.1:\d+", emulator.stdout.readline())
        assert url is not None
        output = subprocess.run(
            [python, "-I", "program.py"],
            check=True,
            cwd=folder,
            capture_output=True,
            text=True,
            env={**elsewhere, "HELLOTEXT_API_URL": url[0], "HELLOTEXT_API_TOKEN": "test-token"},
        ).stdout
    finally:
        emulator.terminate()
        emulator.wait()
    assert output.split() == ["product.viewed", "delivered", "order.placed", "delivered"], output


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        check(Path(sys.argv[1]).resolve(), Path(place))
        print(f"{Path(sys.argv[1]).name}: installed, and its tutorial delivers")
