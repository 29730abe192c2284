# make demo   the main job on this machine: deploy, load, a bad release, back again
# make test   everything that must pass
# make faults every fault at every place, and the table of what happened
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
SWIFT ?= swift
SEEDS ?= 0..2000
SEED ?=
FIGURES ?= footprint switch reload judge proxy load render cluster
MINUTES ?= 30
REQUESTS ?= 0

.PHONY: demo test setup lint unit test-kubernetes simulate planted end-to-end faults some-faults cluster-faults \
	release clean format
.PHONY: bench bench-proxy bench-reload bench-switch bench-footprint bench-judge bench-load bench-render \
	bench-cluster soak

demo: setup
	$(SWIFT) build -c release --product slipway
	python3 Examples/shop/demo.py --slipway .build/release/slipway $(if $(SEED),--seed $(SEED))

setup:
	SWIFT=$(SWIFT) ./scripts/setup

lint:
	$(SWIFT) format lint --strict --recursive --parallel Sources Package.swift
	find Tests -name "*.swift" -not -path "*/Fixtures/*" -print0 | xargs -0 $(SWIFT) format lint --strict --parallel

format:
	$(SWIFT) format --in-place --recursive --parallel Sources Package.swift
	find Tests -name "*.swift" -not -path "*/Fixtures/*" -print0 | xargs -0 $(SWIFT) format --in-place --parallel

# One debug build carries all tests but the simulation, which runs optimised, as the demo does.
test: setup lint unit simulate some-faults end-to-end

unit:
	$(SWIFT) build --product slipwayPackageTests
	SWIFT=$(SWIFT) ./scripts/unit

simulate:
	$(SWIFT) build -c release --product slipway-simulate
	.build/release/slipway-simulate --seeds $(SEEDS)

planted:
	python3 Tests/Simulation/plant.py

# The cases that the cluster's double is held to, against the cluster of KUBECONFIG's current context.
test-kubernetes:
	@test -n "$(KUBECONFIG)" || { echo "KUBECONFIG names no cluster: the cases make and delete namespaces in it" >&2; exit 1; }
	$(SWIFT) build --product slipwayPackageTests
	SLIPWAY_TEST_KUBERNETES=1 $(SWIFT) test --skip-build --filter '^ClusterConformanceTests\.RealClusterTests'

end-to-end:
	$(SWIFT) build --product slipway
	$(SWIFT) build --product cluster-double
	python3 Tests/EndToEnd/run.py --slipway .build/debug/slipway

# Every place at which Slipway can be struck; rewrites the table in docs/reference/faults.md.
faults:
	$(SWIFT) build --product slipway
	python3 Tests/EndToEnd/faults --slipway .build/debug/slipway --write

# Every mishap at every write of journeys on a cluster; `make unit` runs a share.
cluster-faults:
	$(SWIFT) build --product slipwayPackageTests
	SLIPWAY_CLUSTER_FAULTS=all $(SWIFT) test --skip-build --filter '^ClusterFaultTests\.'

# A share of them, another one for each commit.
some-faults:
	$(SWIFT) build --product slipway
	python3 Tests/EndToEnd/faults --slipway .build/debug/slipway --every 28 --others 8 --again \
		--offset $$((16#$$(git rev-parse --short=6 HEAD 2>/dev/null || echo 0)))

# Every figure of docs/reference/performance.md, measured on the release file; about an hour. Each part runs, whatever
# became of the one before; FIGURES="proxy reload" runs some.
bench: release
	failed=0; for figure in $(FIGURES); do $(MAKE) --no-print-directory bench-$$figure || failed=1; done; exit $$failed

bench-proxy:
	python3 Benchmarks/proxy/compare.py --proxy-command "./slipway proxy-bench --listen {listen} --backend {backend1} \
		--backend {backend2} --directory {dir}"

bench-reload:
	python3 Benchmarks/reload.py --slipway ./slipway

bench-switch:
	python3 Benchmarks/switch.py --slipway ./slipway

# What a request folded into the proxy's counters costs, and a look of an analysis.
bench-judge:
	$(SWIFT) build -c release --product slipway-judge-study
	.build/release/slipway-judge-study --table cost

bench-footprint:
	python3 Benchmarks/footprint.py --slipway ./slipway

bench-load:
	python3 Benchmarks/load.py --slipway ./slipway

bench-render:
	python3 Benchmarks/render.py --slipway ./slipway

# Beside the API double of the tests.
bench-cluster:
	$(SWIFT) build -c release --product cluster-double
	python3 Benchmarks/cluster.py --slipway ./slipway --double .build/release/cluster-double

# make soak MINUTES=480; the figures of the docs: MINUTES=30 REQUESTS=20000000
soak: release
	python3 Benchmarks/soak.py --slipway ./slipway --minutes $(MINUTES) --requests $(REQUESTS)

# One file that needs glibc alone, without symbols.
release:
	SWIFT=$(SWIFT) ./scripts/release

clean:
	rm -rf .build .build-* slipway
