import re
import subprocess
import sys
from pathlib import Path


def test_the_readme_prints_what_it_says():
    text = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = dict(re.findall(r"```(python|text)\n(.*?)```", text, re.DOTALL))
    done = subprocess.run([sys.executable, "-c", blocks["python"]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == blocks["text"]
