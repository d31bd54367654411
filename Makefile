# What a person types. Everything lives in .venv, which is built when it is first needed; the work is done by
# `python -m lessons` and `python -m pytest`, which also run without make (see the README).
.DEFAULT_GOAL := help
.SILENT:

BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
LESSONS = $(HEARD) $(BIN)/python -m lessons

# What goes wrong has been said in a sentence by then; make would add "*** [Makefile:28: check-1] Error 1" to it, and after
# Ctrl-C "Interrupt". Where the exit code is needed, `python -m lessons check 1` has it. After Ctrl-C the shell ends a moment later
# than make hears of it: at the very same moment, make 4.3 may wait for a child that is gone, and complain.
HEARD := trap 'sleep 0.5' INT;
SAID := || exit 0

# Lesson 5 is about tests: it runs pytest.
lesson-5 try-5: .venv/has-check

# Lesson 9 has an application of its own, with pages and tests.
lesson-9 try-9 check-9 watch-9 notebook-9: .venv/has-app
lesson-9 try-9: .venv/has-check

help: ## this list
	awk -F ':.*## ' '/^[a-z%-]+:.*## / { sub("%", "N", $$1); printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	echo; echo "N is the number of a lesson: make lesson-1 is where to begin."

lesson-%: .venv/has-lessons ## play lesson N here, in the terminal (from a step on: FROM=12)
	$(LESSONS) play $* $(if $(FROM),--from $(FROM)) $(SAID)

notebook-%: .venv/has-notebooks ## open lesson N in JupyterLab
	$(LESSONS) notebook $* $(SAID)

try-%: .venv/has-lessons ## a Python prompt with your exercise N loaded, to look for yourself
	$(LESSONS) try $* $(SAID)

check-%: .venv/has-check ## check your exercise N
	$(LESSONS) check $* $(SAID)

watch-%: .venv/has-check ## check it again whenever you save it
	$(LESSONS) watch $* $(SAID)

hint-%: .venv/has-lessons ## one more hint for exercise N
	$(LESSONS) hint $* $(SAID)

solution-%: .venv/has-lessons ## a solution, once yours passes (before that: FORCE=1)
	$(LESSONS) solution $* $(if $(FORCE),--force) $(SAID)

reset-%: .venv/has-lessons ## start exercise N over; your answer is kept beside it
	$(LESSONS) reset $* $(if $(FORCE),--force) $(SAID)

progress: .venv/has-lessons ## what is done, and what is next
	$(LESSONS) progress $(SAID)

others: .venv/has-lessons ## make the environments of Celery and Django, in which lesson 10 runs a job
	$(LESSONS) others $(SAID)

app: .venv/has-app ## all of it on one page: form, Redis, worker, inbox, dashboard
	$(HEARD) $(BIN)/python -m lessons.app $(SAID)

lesson notebook try check watch hint solution reset:
	echo "Which lesson? Add its number: make $@-1" >&2

site: .venv/has-check ## build the course as a site: lessons that run in the reader's browser (needs Node.js)
	$(BIN)/python -m lessons.browser $(SAID)

site-serve: .venv/has-check ## build it, and serve it on this machine
	$(HEARD) $(BIN)/python -m lessons.browser serve $(SAID)

notebooks: .venv/has-notebooks ## rebuild all notebooks from the lessons, and run them
	$(LESSONS) build

test: .venv/has-dev ## run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-pythons: .venv/made ## run the library's tests on every other Python that is here
	$(BIN)/python tests/pythons.py

bench: .venv/has-dev ## measure minijobs beside its peers (half an hour; two minutes: QUICK=1)
	$(BIN)/python tests/benchmarks $(if $(QUICK),--quick)

.PHONY: help lesson notebook try check watch hint solution reset progress others app site site-serve notebooks test test-pythons bench

# What is installed is remembered in .venv, so that nothing is installed twice. Playing must not wait for Jupyter.
.venv/has-lessons: .venv/made pyproject.toml constraints.txt
	echo "Installing what the lessons need, once …"
	$(call install,lessons)
	touch $@

.venv/has-app: .venv/has-lessons
	echo "Installing what the page needs, once …"
	$(call install,app)
	touch $@

.venv/has-check: .venv/has-lessons
	echo "Installing what checks need, once …"
	$(call install,check)
	touch $@

.venv/has-notebooks: .venv/has-lessons
	echo "Installing JupyterLab, once. It is large and takes a minute …"
	$(call install,notebooks)
	touch $@

.venv/has-dev: .venv/made pyproject.toml constraints.txt
	echo "Installing what tests need, once. It takes a minute …"
	$(call install,dev)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c $(IMPORTED)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q -x '/lesson_[^/]*/[^/]*/|/(exercise|lesson)\.py' minijobs lessons
	touch .venv/has-lessons .venv/has-app .venv/has-check .venv/has-notebooks $@

install = $(BIN)/python -m lessons.install $1

# Where Python is told not to keep what it compiled, each of the many processes that the tests start would do it again; so it
# is done once.
IMPORTED := "import aiosmtpd.controller, fakeredis, flask, hypothesis.stateful, ipykernel.kernelapp, IPython.display, ipywidgets, \
	jupyterlab.labapp, lupa, nbclient, PIL.Image, playwright.sync_api, pytest, \
	redis.asyncio, rich.console, rich.markdown, rich.syntax, rich.table, simpy, waitress, watchfiles, xdist.remote; \
	hypothesis.strategies.text().validate()"

NO_PYTHON := $(or $(PYTHON:%=% is not one.),there is none on the PATH. Name one: make lesson-1 PYTHON=/path/to/python3)

.venv/made:
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making .venv with $$($$python --version), once …"; \
			$$python -m venv .venv && touch $@; exit $$?; \
		fi; \
	done; \
	echo "minijobs needs Python 3.11 or later, and $(NO_PYTHON)" >&2; \
	exit 1
