# The front door. meson and ninja do the work; this file only names the doors.
#   make          build/ (release)            make run        the whole house with demo data; Ctrl-C ends it
#   make test     what CI runs                make long       second compiler, kills, contention, histories
#   make long-crash  10,000 kills of ledgerd, the plug pulled at every flush
#   make asan     unit tests under ASan+UBSan make fuzz ROOM=text [SECONDS=60]   make fuzz-long
#   make bench, bench-guard, bench-ledger  figures          make fmt        clang-format on all of it
BUILD ?= build
JOBS ?= $(shell nproc)

all: $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	@tools/packages run
	meson setup $(BUILD)

packages:
	@tools/packages test

run: all
	@./sekisho up

test: packages
	@tools/test

long: packages
	@tools/long

long-crash: packages all
	@tools/long-crash

asan: packages
	@tools/asan

fuzz: packages
	@tools/fuzz $(or $(ROOM),all) $(or $(SECONDS),60)

fuzz-long: packages
	@tools/fuzz-planted
	@tools/fuzz all $(or $(SECONDS),3600)

bench: packages all
	@bench/run

bench-ledger: packages all
	@ledger/tests/bench

bench-guard: packages all
	@guard/bench/run

fmt:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf $(BUILD) build-asan build-clang build-fuzz

.PHONY: all packages run test long long-crash asan fuzz fuzz-long bench bench-guard bench-ledger fmt clean
