#!/bin/sh
# Runs the tests of chain, reputation and the store on every supported Python found beside the one of .venv.
#
# Without torch: outside Python 3.11's mirrors its default build brings gigabytes of CUDA for each of them. The workflow
# in .github runs everything on all three.
set -eu
cd "$(dirname "$0")/.."

own=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13; do
  [ "$version" = "$own" ] && continue
  python=
  for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
    if "$candidate" -c '' 2>/dev/null; then python=$candidate; break; fi
  done
  [ -n "$python" ] || { echo "no Python $version here: skipped"; continue; }
  venv=.venv-$version
  if [ ! -e "$venv/.installed" ] || [ pyproject.toml -nt "$venv/.installed" ]; then
    "$python" -m venv "$venv"
    .venv/bin/python -c '
import tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
wanted = project["dependencies"] + extras["embedded"] + extras["dev"][1:]
print("\n".join(name for name in wanted if not name.startswith(("torch", "hadolint", "playwright"))))
' > "$venv/requirements.txt"
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt \
      --requirement "$venv/requirements.txt"
    "$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-deps --editable .
    touch "$venv/.installed"
  fi
  echo "Python $version:"
  "$venv/bin/python" -m pytest -q -n 2 --dist loadfile -m "not slow and not gpu" \
    tests/unit/test_chain_*.py tests/unit/test_reputation_*.py tests/unit/test_store_*.py \
    tests/property/test_reputation_*.py tests/property/test_chain_*.py tests/property/test_store_*.py \
    tests/integration/test_chain_index.py
done
