"""A deterministic simulation of the shipped pipeline: ``python -m tests.faults.simulation --seeds 10000``.

The workers, the registry, the relay and the sweeps are the product's own code, each in simulated processes that
crash, stand still and are started again; queue, network and store are fakes that do the worst they are allowed to.
When the faults end, everything must come to rest, whole.
"""
