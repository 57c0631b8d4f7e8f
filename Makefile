# CTM: make run serves it, make test tests it, make check looks the code over.
PY := .venv/bin/python
PO := translations/it/LC_MESSAGES/messages.po

.PHONY: help run backup doctor test check format translations environment dev-environment bench-scale bench-live bench-delivery bench-compose bench-merge

help:
	@echo "make run           serve CTM at http://127.0.0.1:5000 (CTM_HOST, CTM_PORT, CTM_INSTANCE)"
	@echo "make backup        back up database and files (TO=folder or file, KEEP=number)"
	@echo "make doctor        look the installation over: what is wrong, what to do"
	@echo "make test          run the tests"
	@echo "make check         style, types, layers, translations"
	@echo "make format        bring the code into shape"
	@echo "make translations  collect the texts to translate"
	@echo "make bench-merge   measure mail from the lists: queueing, merging, PDFs"
	@echo "make bench-scale   measure a million clients (ARGS=\"1000000 FOLDER\" keeps them)"

run: environment
	@scripts/compile-translations.sh
	@$(PY) -m flask --app app upgrade
	@CTM_DEMO="$${CTM_DEMO-1}" exec $(PY) app.py

backup: environment
	@$(PY) -m flask --app app backup $(if $(TO),--to "$(TO)") $(if $(KEEP),--keep $(KEEP))

test: dev-environment
	@scripts/test-servers.sh
	@scripts/compile-translations.sh
	$(PY) -m pytest -n 4 $(ARGS)

check: dev-environment
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) scripts/check_translations.py

format: dev-environment
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

doctor: environment
	@$(PY) -m flask --app app doctor $(ARGS)

translations: dev-environment
	.venv/bin/pybabel -q extract -F babel.cfg -k _l -k lazy_gettext -k _n:1,2 -k N_ -k pgettext:1c,2 -k _lp:1c,2 --sort-by-file --no-wrap --add-location=file --project CTM --version 1 -o messages.pot .
	@[ -e $(PO) ] || .venv/bin/pybabel -q init -i messages.pot -d translations -l it
	.venv/bin/pybabel -q update -i messages.pot -o $(PO) -l it --no-fuzzy-matching --no-wrap --ignore-pot-creation-date --ignore-obsolete
	@rm messages.pot
	@scripts/compile-translations.sh

environment:
	@scripts/environment.sh

dev-environment:
	@scripts/environment.sh dev

bench-scale: dev-environment
	$(PY) benchmarks/scale.py $(ARGS)

bench-live: dev-environment
	@scripts/test-servers.sh
	$(PY) benchmarks/live.py $(ARGS)

bench-delivery: dev-environment
	@scripts/bench-environment.sh
	$(PY) benchmarks/delivery.py --peer .venv-bench/bin/python $(ARGS)

bench-compose: environment
	$(PY) benchmarks/compose.py $(ARGS)

bench-merge: dev-environment
	$(PY) benchmarks/merge.py $(ARGS)
