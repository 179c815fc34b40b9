# hipaa_guard: PostgreSQL extension; "make && make install" as with any PGXS module.
# "make demo", "make check" and the other targets at the end need nothing but a shell.

EXTENSION = hipaa_guard
MODULE_big = hipaa_guard
EXTVERSION = 1.0

# The pure rooms: no postgres.h, used by the library and by the command-line tools.
PURE_SRCS = $(sort $(wildcard src/phi/*.c src/redact/mask*.c src/redact/digest.c \
	src/audit/segment*.c src/audit/merkle*.c src/audit/ring*.c))
PURE_OBJS = $(PURE_SRCS:.c=.o)
SERVER_SRCS = $(filter-out $(PURE_SRCS), $(sort $(wildcard src/*.c $(addsuffix /*.c, $(ROOMS)))))
ROOMS = src/base src/phi src/redact src/audit src/text src/project src/guard src/posture
OBJS = $(PURE_OBJS) $(SERVER_SRCS:.c=.o)

# A tool is one file of src/bin, linked with the pure objects. (:= since PGXS asks whether they are empty.)
TOOLS := $(patsubst src/bin/%.c, %, $(sort $(wildcard src/bin/*.c)))
TOOL_SCRIPTS := $(filter-out %.c, $(sort $(wildcard src/bin/*)))
SCRIPTS_built := $(TOOLS)
SCRIPTS := $(TOOL_SCRIPTS)

# The install script is put together from the rooms' parts, ordered by their numbers.
SQL_PARTS = $(shell ls src/*/[0-9][0-9]_*.sql | sort -t / -k 3) $(sort $(wildcard src/posture/checks/*.sql))
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

REGRESS = $(sort $(patsubst sql/%.sql, %, $(wildcard sql/*.sql)))
# Each test gets a cluster of its own from the launcher, with test/regress.conf.
REGRESS_OPTS = --use-existing --launcher=$(CURDIR)/test/lib/own_cluster
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec, %, $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation $(REGRESS_OPTS)
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard test/t/*.pl))
export PERL5LIB := $(CURDIR)/test/lib
EXTRA_CLEAN = $(DATA_built) $(TOOLS) libhgpure.a $(OBJS:.o=.d)

PG_CONFIG ?= pg_config
export PG_CONFIG
PG_CPPFLAGS = -I$(CURDIR)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS = -Wall -Wextra -Werror -Wshadow -MMD
# Our functions call each other straight and not through a table: a seventh fewer instructions of ours in a statement.
SHLIB_LINK = -lcrypto $(if $(filter linux freebsd, $(PORTNAME)), -Wl$(comma)-Bsymbolic)
comma = ,
# Bitcode for inlining into JIT code would need clang and bring nothing to hooks; PGXS's own setting comes later.
override with_llvm = no

# These targets are scripts of their own, need no PGXS, and run where no server headers are yet.
SCRIPT_GOALS = check check-all fuzz check-asan check-crash check-core check-orm check-schemas check-upgrade demo \
	style words bench-detect bench-ddl bench-log bench-audit bench-ring bench-read bench-subjects accuracy
.PHONY: $(SCRIPT_GOALS) pure.a pure_sources

ifeq ($(filter-out $(SCRIPT_GOALS), $(or $(MAKECMDGOALS), all)),)

check:
	@test/run
check-all:
	@test/all
fuzz:
	@SUITES=fuzz FUZZ_SECONDS=$${FUZZ_SECONDS:-60} FUZZ_SEED=$${FUZZ_SEED:-0} test/run
check-asan:
	@SANITIZE=1 SUITES="$(or $(SUITES), unit regress isolation tap)" test/run
check-crash:
	@SUITES=tap TESTS="060_* 067_*" KILL_ROUNDS=$${KILL_ROUNDS:-100} TEST_TIMEOUT=$${TEST_TIMEOUT:-7200} test/run
check-schemas:
	@test/schemas
check-core:
	@test/core plain flagged
check-orm:
	@test/orm
check-upgrade:
	@test/upgrade
demo:
	@test/demo
style:
	@test/style/check
bench-log:
	@test/bench/log
bench-ddl:
	@test/bench/ddl
bench-audit:
	@test/bench/audit
bench-ring:
	@test/bench/ring
bench-read:
	@test/bench/read
bench-subjects:
	@test/bench/subjects
words:
	@src/phi/words/fetch
accuracy:
	@test/accuracy
bench-detect:
	@test/bench/detect

else

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(DATA_built): $(SQL_PARTS)
	cat $^ > $@

pure_sources:
	@echo $(PURE_SRCS)
pure.a: libhgpure.a
libhgpure.a: $(PURE_OBJS)
	rm -f $@ && $(AR) rcs $@ $^

# The scanners are loops over bytes, to which more than -O2 is worth a tenth of their time.
$(filter src/phi/% src/redact/mask%, $(PURE_OBJS)): override CFLAGS += -O3

$(TOOLS): %: src/bin/%.c libhgpure.a
	$(CC) $(CFLAGS) -Isrc -o $@ $< libhgpure.a -lcrypto -lm

-include $(OBJS:.o=.d)

endif
