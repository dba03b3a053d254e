# Each target sets up its own .venv. PYTHON may name another interpreter of 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
DEMO := .quarterturn/demo
# A backslash at the end of a line would stay within the quotes: the lines are joined here.
DEMO_STRATEGY := '{"kind": "pipeline", \
	"search": {"kind": "successive_halving", "candidates": 6}, \
	"confirmation": {"top": 2, "seeds": 2}}'

.PHONY: help demo smoke docs test check build lock chaos bench gpu-bundle format browser clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.installed: pyproject.toml service/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@# The plain builds: torchvision cannot be imported beside a torch build tagged +cpu.
	$(PIP) install 'torch>=2.14' torchvision -e . -e ./service
	$(PIP) install --no-deps animal-mnist==0.4
	@# Or the first trial would wait for it.
	$(BIN)/python -c 'from quarterturn.augment.warm_up import compile_kernels; compile_kernels()'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install -e '.[dev]' -e './service[s3]'
	@touch $@

demo: $(VENV)/.installed ## choose a policy for 9,716 real images, in at most three minutes
	@$(BIN)/python -m benchmarks.datasets.animal_mnist $(DEMO)/animal-mnist.zip
	$(BIN)/quarterturn search $(DEMO)/animal-mnist.zip --serve --data-dir $(DEMO) --space rand-augment \
		--strategy $(DEMO_STRATEGY) --encoder resnet_tiny --iterations 60 --budget 170s \
		--output $(DEMO)/policy.json

smoke: $(VENV)/.installed ## a search of seconds, with the run-time dependencies alone
	@$(BIN)/python -m benchmarks.datasets.animal_mnist .quarterturn/smoke/animal-mnist.zip
	$(BIN)/quarterturn search .quarterturn/smoke/animal-mnist.zip --serve --data-dir .quarterturn/smoke \
		--encoder resnet_tiny --iterations 2 --budget trials=2 --output .quarterturn/smoke/policy.json

browser: $(VENV)/.installed-dev
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null; } \
		|| echo "No Chromium: the browser tests will be skipped. Install the package chromium."

test: $(VENV)/.installed-dev browser ## run all tests, with real PostgreSQL, Redis and Celery; PROCESSES=2
	$(BIN)/pytest -n $(or $(PROCESSES),2) --dist loadfile $(ARGS)

check: $(VENV)/.installed-dev ## linters, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

build: $(VENV)/.installed-dev ## build the wheels of the library and of the service, dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .
	$(BIN)/python -m build --wheel --no-isolation --outdir dist service

lock: $(VENV)/.installed ## renew service/constraints.txt, the versions that the image installs
	@mkdir -p build
	$(PIP) install --dry-run --ignore-installed --report build/lock.json \
		'torch>=2.14' torchvision . './service[s3]'
	$(BIN)/python service/lock.py build/lock.json > service/constraints.txt

format: $(VENV)/.installed-dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev ## build the documentation as a site, build/docs/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file website/mkdocs.yml
	@echo build/docs/index.html

chaos: $(VENV)/.installed-dev ## a search while everything is killed, frozen and emptied; minutes
	$(BIN)/python -m benchmarks.performance.chaos $(if $(QUICK),--quick) $(ARGS)

bench-%: NAME = $(subst -,_,$*)
bench-%: $(VENV)/.installed-dev ## run one benchmark; QUICK=1 for a smoke run, ARGS="--gpu" ...
	$(BIN)/python -m benchmarks.$(if $(wildcard benchmarks/performance/$(NAME)*),performance,experiments).$(NAME) $(if $(QUICK),--quick) $(ARGS)

bench: bench-augment bench-step bench-candidate bench-ingest bench-load bench-scaling bench-search \
	bench-base-stage bench-density bench-encoder bench-correlation bench-selected bench-hpt \
	bench-decision
bench: ## run all benchmarks but bench-gpu, bench-table and chaos, one after the other; hours

gpu-bundle: $(VENV)/.installed ## bench-gpu as a folder, for a machine with torch and torchvision alone
	@$(BIN)/python -m benchmarks.performance.bundle $(ARGS)

clean: ## remove the virtual environment and all local data
	rm -rf $(VENV) .quarterturn
