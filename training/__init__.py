"""Makes the networks the service deploys: structures → reflections → patterns → networks.

Run as ``python -m training COMMAND``; imports `alphadiffract_stream`, never the other way.
"""
