# K-비대면바우처 플랫폼. `make help` lists the commands.
# Needs Python >= 3.11 and make; everything else is brought by `make setup`.

PYTHON ?= python3
PY = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup setup-check setup-tests run test nightly check format bench docs migration clean

help: ## this list
	@echo "make run                  전체 플랫폼을 띄웁니다 (끝내기: Ctrl-C)"
	@echo "make test                 검사(lint·타입·계약)와 모든 시험을 돌립니다 (브라우저 시험 포함)"
	@echo "make nightly              결함 시험과 상태 기계 시험을 크게 돌립니다 (밤새)"
	@echo "make check                검사만: ruff, mypy, import-linter"
	@echo "make format               ruff로 코드를 정리합니다"
	@echo "make bench [ONLY=search]  비교 측정을 하고 bench/results.json을 씁니다"
	@echo "make docs                 docs/lifecycles.md와 deadlines.md를 코드에서 다시 만듭니다"
	@echo "make migration NAME=...   모델과 데이터베이스의 차이로 새 마이그레이션을 만듭니다"
	@echo "make setup                .venv, 패키지, 화면 자산만 준비합니다 (위 명령이 알아서 부릅니다)"
	@echo "make clean                다시 받을 수 있는 것을 지웁니다 (데이터 var/는 남깁니다)"
	@echo ""
	@echo "PORT=8000 KV_HOME=var     포트와 데이터 폴더 (둘을 바꾸면 나란히 하나 더 띄울 수 있습니다)"
	@echo "DATABASE_URL REDIS_URL    내장 서버 대신 쓸 PostgreSQL·Valkey"

setup:
	@$(PYTHON) -m ops.setup

setup-check:
	@$(PYTHON) -m ops.setup check

setup-tests:
	@$(PYTHON) -m ops.setup tests

run: setup
	@exec $(PY) -m ops.run

test: setup-tests check
	$(PY) -m ops.tests

nightly: setup-tests
	NIGHTLY=1 $(PY) -m pytest tests/machine tests/faults

check: setup-check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

format: setup-check
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench:
	@$(PYTHON) -m ops.setup bench
	$(PY) -m bench $(ONLY)

docs: setup
	$(PY) -m docs.make_lifecycles
	$(PY) -m docs.make_deadlines
	$(PY) -m docs.make_declines

migration: setup
	@$(PY) -m ops.migration "$(NAME)"

clean:
	rm -rf .venv .cache node_modules app/static/vendor
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/results.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
