"""Chaos on a seed: a known stream, a real service, faults meanwhile, and the account held to it.

``python -m tools.chaos --seeds 50``. Two ways to publish, because they can prove different things:

* *acknowledged*: a batch is sent again until ``/status`` says that it was taken, as a transport
  with redelivery does. Then nothing may be lost, whatever dies.
* *unheard*: published once, at its time, through bluesky's 0MQ proxy, as a RunEngine does. What is
  sent while nobody listens is gone; it must be ``missing`` with its seq_num, and nothing else.
"""
